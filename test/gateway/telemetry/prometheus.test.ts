import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prometheusMetrics } from '../../../gateway/telemetry/prometheus.ts';
import { echoRoutes } from '../echo.ts';
import { ask, openGateway } from '../world.ts';

test('prometheusMetrics() counts requests by host, subset, route and status', async () => {
  const metrics = prometheusMetrics();
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    metrics,
  });
  const call = (body: string) =>
    ask(port, {
      method: 'POST',
      path: '/test.Echo/Unary',
      headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', `${body.length}`],
      body,
    });
  await call('"a"');
  await call('"a"');
  await call('"fail"');
  await ask(port, { headers: ['host', 'nobody'] });
  await gateway.stop(0);
  const { text, contentType } = await metrics.expose();
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  const counts = text.split('\n').filter((line) => line.startsWith('pointsman_requests_total{'));
  const host = 'echo.default.svc.cluster.local';
  assert.deepEqual(counts, [
    `pointsman_requests_total{host="${host}",subset="",route="default",status="200",grpc_status="",response_flag="-"} 2`,
    `pointsman_requests_total{host="${host}",subset="",route="default",status="404",grpc_status="",response_flag="-"} 1`,
    'pointsman_requests_total{host="",subset="",route="",status="404",grpc_status="",response_flag="NR"} 1',
  ]);
  assert.match(text, new RegExp(`pointsman_request_duration_seconds_count\\{host="${host}",subset=""\\} 3`));
});

const none = {
  host: undefined,
  subset: undefined,
  route: undefined,
  grpcStatus: undefined,
  flag: undefined,
  details: undefined,
  protocol: 'http',
  requestBytes: 0,
  responseBytes: 0,
  endpointLabels: undefined,
} as const;

test('prometheusMetrics() keeps a bounded number of series', async () => {
  const metrics = prometheusMetrics({ maxSeries: 10 });
  for (let i = 0; i < 1000; i++)
    metrics.requestEnded({ ...none, host: `h${i}`, route: `r${i}`, status: 200, durationMs: 1 });
  metrics.requestEnded({ ...none, host: 'h1', status: 200, grpcStatus: 99, durationMs: 1 });
  const { text } = await metrics.expose();
  const series = text.split('\n').filter((line) => line.startsWith('pointsman_requests_total{'));
  assert.ok(series.length <= 12, `${series.length} series`);
  assert.ok(series.some((line) => line.includes('host="other"') && line.endsWith(' 990')));
});

test('prometheusMetrics() counts durations in cumulative buckets', async () => {
  const metrics = prometheusMetrics();
  for (const durationMs of [0.5, 0.6, 3, 20_000])
    metrics.requestEnded({ ...none, host: 'a', status: 200, durationMs });
  const { text } = await metrics.expose();
  const value = (name: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1);
  const metric = 'pointsman_request_duration_seconds';
  assert.equal(value(`${metric}_bucket{le="0.0005",host="a",subset=""}`), '1');
  assert.equal(value(`${metric}_bucket{le="0.001",host="a",subset=""}`), '2');
  assert.equal(value(`${metric}_bucket{le="10",host="a",subset=""}`), '3');
  assert.equal(value(`${metric}_bucket{le="+Inf",host="a",subset=""}`), '4');
  assert.equal(value(`${metric}_count{host="a",subset=""}`), '4');
  assert.ok(Math.abs(Number(value(`${metric}_sum{host="a",subset=""}`)) - 20.0041) < 1e-9);
});

test('prometheusMetrics() counts resources by state and what is wrong in the files', async () => {
  const metrics = prometheusMetrics();
  metrics.watchConfig(() => ({
    states: [{ state: 'active' }, { state: 'active' }, { state: 'last-good' }],
    issues: [{ severity: 'error' }, { severity: 'warning' }, { severity: 'error' }],
  }));
  const { text } = await metrics.expose();
  const lines = text.split('\n').filter((line) => line.startsWith('pointsman_config'));
  assert.deepEqual(lines, [
    'pointsman_config_resources{state="active"} 2',
    'pointsman_config_resources{state="last-good"} 1',
    'pointsman_config_resources{state="hidden"} 0',
    'pointsman_config_resources{state="refused"} 0',
    'pointsman_config_issues{severity="error"} 2',
    'pointsman_config_issues{severity="warning"} 1',
  ]);
});

test('prometheusMetrics() tells how sources with a peer stand', async () => {
  const metrics = prometheusMetrics();
  const away = { name: 'xds://a:1', state: 'disconnected', since: '2026-01-01T00:00:00.000Z' };
  const there = { ...away, name: 'k8s://', state: 'connected', refused: [{}, {}] };
  metrics.watchConfig(() => ({ states: [], issues: [], sources: [away, there] }));
  const { text } = await metrics.expose();
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('pointsman_source')),
    [
      'pointsman_source_connected{source="xds://a:1"} 0',
      'pointsman_source_connected{source="k8s://"} 1',
      'pointsman_source_since_seconds{source="xds://a:1"} 1767225600',
      'pointsman_source_since_seconds{source="k8s://"} 1767225600',
      'pointsman_source_refused{source="xds://a:1"} 0',
      'pointsman_source_refused{source="k8s://"} 2',
    ],
  );
});

test('prometheusMetrics() counts comparisons of mirrors', async () => {
  const metrics = prometheusMetrics();
  const kinds = { status: 0, header: 2, trailer: 0, body: 1 };
  metrics.watchMirrors(() => [{ cluster: 'a', mirror: 'b', same: 5, different: 2, unknown: 1, kinds }]);
  const { text } = await metrics.expose();
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('pointsman_mirror')),
    [
      'pointsman_mirror_comparisons_total{cluster="a",mirror="b",outcome="same"} 5',
      'pointsman_mirror_comparisons_total{cluster="a",mirror="b",outcome="different"} 2',
      'pointsman_mirror_comparisons_total{cluster="a",mirror="b",outcome="unknown"} 1',
      'pointsman_mirror_differences_total{cluster="a",mirror="b",kind="status"} 0',
      'pointsman_mirror_differences_total{cluster="a",mirror="b",kind="header"} 2',
      'pointsman_mirror_differences_total{cluster="a",mirror="b",kind="trailer"} 0',
      'pointsman_mirror_differences_total{cluster="a",mirror="b",kind="body"} 1',
    ],
  );
});
