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

test('prometheusMetrics() keeps a bounded number of series', async () => {
  const metrics = prometheusMetrics({ maxSeries: 10 });
  for (let i = 0; i < 1000; i++)
    metrics.requestEnded({ host: `h${i}`, route: `r${i}`, status: 200, durationMs: 1 });
  metrics.requestEnded({ host: 'h1', status: 200, grpcStatus: 99, durationMs: 1 });
  const { text } = await metrics.expose();
  const series = text.split('\n').filter((line) => line.startsWith('pointsman_requests_total{'));
  assert.ok(series.length <= 12, `${series.length} series`);
  assert.ok(series.some((line) => line.includes('host="other"') && line.endsWith(' 990')));
});
