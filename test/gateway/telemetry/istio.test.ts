import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { textSource } from '../../../config/text.ts';
import type { RequestOutcome } from '../../../gateway/index.ts';
import { type PrometheusOptions, prometheusMetrics } from '../../../gateway/telemetry/prometheus.ts';
import { Echo, echoRoutes } from '../echo.ts';
import { ask, noH2, openGateway, remoteService } from '../world.ts';

const OUTCOME: RequestOutcome = {
  host: 'reviews.shop.svc.cluster.local',
  subset: 'v2',
  route: 'r',
  status: 200,
  grpcStatus: undefined,
  flag: undefined,
  details: 'via_upstream',
  protocol: 'http',
  durationMs: 7.9,
  requestBytes: 0,
  responseBytes: 120,
  endpointLabels: { app: 'reviews', version: 'v2.1' },
};

/** Labels of the only series of istio_requests_total, and its count. */
async function told(
  outcomes: readonly Partial<RequestOutcome>[],
  options?: PrometheusOptions,
): Promise<{ labels: Record<string, string>; count: string; text: string }[]> {
  const metrics = prometheusMetrics(options);
  for (const outcome of outcomes) metrics.requestEnded({ ...OUTCOME, ...outcome });
  const { text } = await metrics.expose();
  return text
    .split('\n')
    .filter((line) => line.startsWith('istio_requests_total{'))
    .map((line) => ({
      labels: Object.fromEntries([...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, k, v]) => [k!, v!])),
      count: line.slice(line.lastIndexOf(' ') + 1),
      text,
    }));
}

// As Istio's own test of a client's sidecar has them: testdata/metric/client_request_total.yaml.tmpl of istio/proxy.
test('istio_requests_total has the labels of an Istio sidecar, in its order', async () => {
  const source = {
    namespace: 'shop',
    labels: { app: 'productpage', version: 'v1', 'service.istio.io/canonical-revision': 'version-1' },
    workload: 'productpage-v1',
    cluster: 'client-cluster',
  };
  const [series] = await told([{}, {}], { source });
  assert.equal(series!.count, '2');
  assert.deepEqual(Object.entries(series!.labels), [
    ['reporter', 'source'],
    ['source_workload', 'productpage-v1'],
    ['source_canonical_service', 'productpage'],
    ['source_canonical_revision', 'version-1'],
    ['source_workload_namespace', 'shop'],
    ['source_principal', 'unknown'],
    ['source_app', 'productpage'],
    ['source_version', 'v1'],
    ['source_cluster', 'client-cluster'],
    ['destination_workload', 'unknown'],
    ['destination_workload_namespace', 'shop'],
    ['destination_principal', 'unknown'],
    ['destination_app', 'reviews'],
    ['destination_version', 'v2.1'],
    ['destination_service', 'reviews.shop.svc.cluster.local'],
    ['destination_canonical_service', 'reviews'],
    ['destination_canonical_revision', 'v2.1'],
    ['destination_service_name', 'reviews'],
    ['destination_service_namespace', 'shop'],
    ['destination_cluster', 'unknown'],
    ['request_protocol', 'http'],
    ['response_code', '200'],
    ['grpc_response_status', ''],
    ['response_flags', '-'],
    ['connection_security_policy', 'unknown'],
  ]);
});

const labelCases: readonly {
  readonly name: string;
  readonly outcome: Partial<RequestOutcome>;
  readonly want: Record<string, string>;
}[] = [
  {
    name: 'the subset where no label says a version',
    outcome: { endpointLabels: { dubbogoAppVersion: 'v2' } },
    want: { destination_version: 'v2', destination_app: 'unknown', destination_canonical_revision: 'latest' },
  },
  {
    name: 'the host where it is no Kubernetes service',
    outcome: { host: 'api.example.com' },
    want: { destination_service_name: 'api.example.com', destination_service_namespace: 'unknown' },
  },
  {
    name: 'one value for whatever has no destination',
    outcome: { host: undefined, subset: undefined, endpointLabels: undefined, status: 404, flag: 'NR' },
    want: {
      destination_service: 'unknown',
      destination_service_name: 'unknown',
      destination_version: 'unknown',
      response_code: '404',
      response_flags: 'NR',
    },
  },
  {
    name: 'the status of gRPC',
    outcome: { protocol: 'grpc', grpcStatus: 14 },
    want: { request_protocol: 'grpc', grpc_response_status: '14' },
  },
  {
    name: 'no made-up status of gRPC',
    outcome: { protocol: 'grpc', grpcStatus: 1234 },
    want: { grpc_response_status: 'other' },
  },
];
for (const { name, outcome, want } of labelCases)
  test(`istio_requests_total tells ${name}`, async () => {
    const [series] = await told([outcome]);
    const shown = Object.fromEntries(Object.keys(want).map((label) => [label, series!.labels[label]]));
    assert.deepEqual(shown, want);
  });

test('istio_requests_total keeps endpoints apart by the labels that it tells alone', async () => {
  const series = await told([
    { endpointLabels: { version: 'a', pod: '1' } },
    { endpointLabels: { version: 'a', pod: '2' } },
    { endpointLabels: { version: 'b' } },
  ]);
  assert.deepEqual(
    series.map(({ labels, count }) => [labels['destination_version'], count]),
    [
      ['a', '2'],
      ['b', '1'],
    ],
  );
});

test('istio_requests_total keeps a bounded number of series', async () => {
  const hosts = Array.from({ length: 500 }, (_, index) => ({ host: `h${index}.example` }));
  const series = await told(hosts, { maxIstioSeries: 10 });
  assert.equal(series.length, 11);
  assert.equal(series.find(({ labels }) => labels['destination_service'] === 'unknown')?.count, '490');
});

/** All that an upstream may answer. */
const ANSWERS = [undefined, 'UC', 'URX,UF'].flatMap((flag) =>
  Array.from({ length: 500 * 17 }, (_, index) => ({
    protocol: 'grpc' as const,
    status: 200 + (index % 500),
    grpcStatus: Math.trunc(index / 500),
    flag,
  })),
);

test('istio_requests_total and pointsman_requests_total are bounded, whatever upstreams answer', async () => {
  const series = await told(ANSWERS, { maxIstioSeries: 10, maxSeries: 10 });
  assert.ok(series.length <= 70, `${series.length} label sets of Istio's`);
  assert.equal(
    series.reduce((sum, { count }) => sum + Number(count), 0),
    ANSWERS.length,
  );
  const unavailable = series.find(
    ({ labels }) => labels['response_code'] === '5xx' && labels['response_flags'] === 'other',
  );
  assert.equal(unavailable?.labels['destination_service'], 'unknown');
  const own = series[0]!.text.split('\n').filter((line) => line.startsWith('pointsman_requests_total{'));
  assert.ok(own.length <= 70, `${own.length} label sets`);
  assert.ok(own.some((line) => line.includes('status="5xx",grpc_status="other",response_flag="other"')));
});

test("istio_request_duration_milliseconds has Envoy's buckets and whole milliseconds", async () => {
  const [series] = await told([{ durationMs: 0.9 }, { durationMs: 1.9 }, { durationMs: 120_000 }]);
  const lines = series!.text
    .split('\n')
    .filter((line) => line.startsWith('istio_request_duration_milliseconds_'));
  const buckets = lines
    .filter((line) => line.includes('_bucket'))
    .map((line) => [/le="([^"]+)"/.exec(line)![1], line.slice(line.lastIndexOf(' ') + 1)]);
  assert.deepEqual(
    buckets.map(([bound]) => bound),
    '0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf'.split(
      ' ',
    ),
  );
  assert.deepEqual(
    buckets.filter(([bound]) => ['0.5', '1', '60000', '300000', '+Inf'].includes(bound!)),
    [
      ['0.5', '1'],
      ['1', '2'],
      ['60000', '2'],
      ['300000', '3'],
      ['+Inf', '3'],
    ],
  );
  assert.ok(lines.some((line) => line.includes('_sum') && line.endsWith(' 120001')));
});

test('a gateway tells sizes, refusals and what clusters count', async () => {
  const metrics = prometheusMetrics();
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, labels: { version: 'v1' }, handler: echoRoutes('v1') }],
    remoteServices: [remoteService('down', [{ port: 1 }])],
    config: textSource('rules.yaml', RETRIED),
    metrics,
  });
  metrics.watchClusters(() => gateway.statistics());
  const json = ['content-type', 'application/json', 'content-length', '6'];
  await ask(port, {
    method: 'POST',
    path: '/test.Echo/Unary',
    headers: ['host', 'echo', ...json],
    body: '"1234"',
  });
  await ask(port, { headers: ['host', 'down'] });
  await ask(port, { headers: ['host', 'echo', 'upgrade', 'spdy/3', 'connection', 'upgrade'] });
  await gateway.stop(0);
  const { text } = await metrics.expose();
  const lines = (start: string, ...parts: string[]) =>
    text.split('\n').filter((line) => line.startsWith(start) && parts.every((part) => line.includes(part)));
  const sizeOf = (metric: string) => lines(`${metric}_sum`, 'version="v1"')[0]?.split(' ').at(-1);
  assert.equal(sizeOf('istio_request_bytes'), '6');
  assert.equal(sizeOf('istio_response_bytes'), `${'"v1: 1234"'.length}`);
  assert.equal(lines('istio_requests_total', 'response_flags="URX,UF"', 'response_code="503"').length, 1);
  assert.equal(lines('istio_requests_total', 'response_code="403"').length, 1);
  const counter = (name: string) =>
    lines(`envoy_cluster_${name}{`, 'outbound|80||down.default.svc.cluster.local')[0]?.split(' ').at(-1);
  // As Envoy counts two retries of a port where nothing listens.
  assert.deepEqual(
    Object.fromEntries(
      [
        'upstream_rq_total',
        'upstream_rq_retry',
        'upstream_rq_retry_limit_exceeded',
        'upstream_rq_retry_success',
        'upstream_cx_connect_fail',
        'upstream_rq_active',
        'membership_healthy',
      ].map((name) => [name, counter(name)]),
    ),
    {
      upstream_rq_total: '3',
      upstream_rq_retry: '2',
      upstream_rq_retry_limit_exceeded: '1',
      upstream_rq_retry_success: '0',
      upstream_cx_connect_fail: '3',
      upstream_rq_active: '0',
      membership_healthy: '1',
    },
  );
});

const RETRIED = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: down }
spec:
  hosts: [down]
  http:
    - route: [{ destination: { host: down } }]
      retries: { attempts: 2, retryOn: connect-failure, backoff: 1ms }
`;

test('istio_requests_total tells the gRPC status of trailers and of local replies', {
  skip: noH2,
}, async () => {
  const metrics = prometheusMetrics();
  const { gateway, baseUrl } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    metrics,
    defaultHost: 'echo',
  });
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  await client.unary({ value: 'a' });
  await assert.rejects(client.unary({ value: 'fail' }));
  await gateway.stop(0);
  const { text } = await metrics.expose();
  const statuses = [...text.matchAll(/^istio_requests_total\{.*grpc_response_status="(\d*)"/gm)].map(
    ([, s]) => s,
  );
  assert.deepEqual(statuses, ['0', '5']);
});
