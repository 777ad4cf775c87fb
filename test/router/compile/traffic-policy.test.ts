import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, CompileOptions, TrafficPolicy } from '../../../router/index.ts';
import { service, tableOf } from '../rules.ts';

/** The policy of port 80, or of its subset, that a DestinationRule's trafficPolicy comes to. */
function policyOf(trafficPolicy: unknown, subset?: unknown): TrafficPolicy {
  return clusterOf(trafficPolicy, subset).policy;
}

function clusterOf(trafficPolicy: unknown, subset?: unknown): Cluster {
  const subsets = subset === undefined ? [] : [{ name: 's', trafficPolicy: subset }];
  const rule = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'a', namespace: 'default' },
    spec: { host: 'greeter', trafficPolicy, subsets },
  };
  const { clusters } = tableOf(JSON.stringify(rule), { services: [service('greeter', ['v1'])] });
  return clusters.find(
    ({ destination }) => (destination.subset ?? '') === (subset === undefined ? '' : 's'),
  )!;
}

test('compilePolicy() gives connections a time to open and to idle, and no limits, where none are written', () => {
  const pool = { connectTimeoutMs: 10_000, idleTimeoutMs: 3_600_000 };
  assert.deepEqual(policyOf({ connectionPool: { tcp: {} } }).connectionPool, pool);
  const zero = { http: { http2MaxRequests: 0, maxRetries: 0 }, tcp: { maxConnections: 0 } };
  assert.deepEqual(policyOf({ connectionPool: zero }).connectionPool, pool, 'Istio takes 0 for unset');
  assert.equal(policyOf({ loadBalancer: { simple: 'RANDOM' } }).connectionPool, undefined);
});

test('compilePolicy() reads every field of a connectionPool', () => {
  const connectionPool = {
    tcp: {
      maxConnections: 3,
      connectTimeout: '30ms',
      maxConnectionDuration: '1h',
      idleTimeout: '9s',
      tcpKeepalive: { probes: 4, time: '7200s', interval: '75s' },
    },
    http: {
      http1MaxPendingRequests: 5,
      http2MaxRequests: 6,
      maxRequestsPerConnection: 7,
      maxRetries: 8,
      idleTimeout: '15s',
      maxConcurrentStreams: 9,
      http2KeepAlive: { interval: '30s', timeout: '5s' },
      h2UpgradePolicy: 'UPGRADE',
    },
  };
  assert.deepEqual(policyOf({ connectionPool }).connectionPool, {
    maxConnections: 3,
    http1MaxPendingRequests: 5,
    http2MaxRequests: 6,
    maxRetries: 8,
    maxRequestsPerConnection: 7,
    maxConcurrentStreams: 9,
    connectTimeoutMs: 30,
    idleTimeoutMs: 15_000,
    maxConnectionDurationMs: 3_600_000,
    tcpKeepalive: { probes: 4, timeMs: 7_200_000, intervalMs: 75_000 },
    http2KeepAlive: { intervalMs: 30_000, timeoutMs: 5_000 },
  });
  const { h2UpgradePolicy: _, ...http } = connectionPool.http;
  const asAsked = policyOf({ connectionPool: { http: { ...http, useClientProtocol: true } } }).connectionPool;
  assert.equal(asAsked?.useClientProtocol, true);
  assert.equal(asAsked?.maxConcurrentStreams, undefined, 'Istio gives it to clusters of HTTP/2 alone');
  assert.equal(asAsked?.http2KeepAlive, undefined);
  const tcpAlone = policyOf({ connectionPool: { tcp: { idleTimeout: '9s' } } }).connectionPool;
  assert.equal(tcpAlone?.idleTimeoutMs, 9_000);
});

test('compile() speaks HTTP/2 to endpoints where h2UpgradePolicy says so', () => {
  const protocolOf = (http: unknown): string => clusterOf({ connectionPool: { http } }).protocol;
  assert.equal(protocolOf({ h2UpgradePolicy: 'UPGRADE' }), 'http2');
  assert.equal(protocolOf({ h2UpgradePolicy: 'DO_NOT_UPGRADE' }), 'http1');
});

test('compilePolicy() resolves what an outlierDetection leaves unsaid to Istio and Envoy defaults', () => {
  const defaults = {
    consecutive5xx: 5,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 5,
    splitLocalOrigin: false,
    intervalMs: 10_000,
    baseEjectionTimeMs: 30_000,
    maxEjectionTimeMs: 300_000,
    maxEjectionPercent: 10,
    minHealthPercent: 0,
  };
  assert.deepEqual(policyOf({ outlierDetection: {} }).outlierDetection, defaults);
  const written = {
    consecutive5xxErrors: 0,
    consecutiveGatewayErrors: 3,
    consecutiveLocalOriginFailures: 2,
    splitExternalLocalOriginErrors: true,
    interval: '1s',
    baseEjectionTime: '400s',
    maxEjectionPercent: 100,
    minHealthPercent: 40,
  };
  assert.deepEqual(policyOf({ outlierDetection: written }).outlierDetection, {
    consecutive5xx: 0,
    consecutiveGatewayErrors: 3,
    consecutiveLocalOriginFailures: 2,
    splitLocalOrigin: true,
    intervalMs: 1_000,
    baseEjectionTimeMs: 400_000,
    maxEjectionTimeMs: 400_000,
    maxEjectionPercent: 100,
    minHealthPercent: 40,
  });
});

test('compilePolicy() keeps TLS of mode SIMPLE and MUTUAL, and nothing of DISABLE', () => {
  assert.equal(policyOf({ tls: { mode: 'DISABLE' } }).tls, undefined);
  assert.deepEqual(policyOf({ tls: { mode: 'SIMPLE' } }).tls, {
    mode: 'SIMPLE',
    subjectAltNames: [],
    insecureSkipVerify: false,
  });
  const mutual = {
    mode: 'MUTUAL',
    clientCertificate: '/c',
    privateKey: '/k',
    caCertificates: '/ca',
    sni: 'x',
  };
  assert.deepEqual(policyOf({ tls: { ...mutual, subjectAltNames: ['y'] } }).tls, {
    ...mutual,
    subjectAltNames: ['y'],
    insecureSkipVerify: false,
  });
});

test('compilePolicy() has ISTIO_MUTUAL say which cluster it is for, and to any of the mesh where nobody is named', () => {
  const host = 'greeter.default.svc.cluster.local';
  const tls = { mode: 'ISTIO_MUTUAL', subjectAltNames: [], insecureSkipVerify: false };
  assert.deepEqual(policyOf({ tls: { mode: 'ISTIO_MUTUAL' } }).tls, {
    ...tls,
    sni: `outbound_.80_._.${host}`,
  });
  assert.deepEqual(policyOf({ tls: { mode: 'ISTIO_MUTUAL' } }, { loadBalancer: { simple: 'RANDOM' } }).tls, {
    ...tls,
    sni: `outbound_.80_.s_.${host}`,
  });
  const written = { sni: 'x', subjectAltNames: ['spiffe://y'] };
  assert.deepEqual(policyOf({ tls: { mode: 'ISTIO_MUTUAL', ...written } }).tls, { ...tls, ...written });
});

test('compilePolicy() has ISTIO_MUTUAL ask for the service accounts of all endpoints, where no names are written', () => {
  const tls = (mode: string) =>
    tableOf(
      `
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: a, namespace: shop}, spec: {hosts: [a.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, subjectAltNames: [z.example], endpoints: [{address: 10.0.0.1, serviceAccount: b}, {address: 10.0.0.2, serviceAccount: a}, {address: 10.0.0.3, serviceAccount: b}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, namespace: shop}, spec: {host: a.example, trafficPolicy: {tls: {mode: ${mode}}}}}`,
      {
        meshConfig: { trustDomain: 'example.org' },
      },
    ).clusters.find(({ destination }) => destination.host === 'a.example')?.policy.tls?.subjectAltNames;
  const want = ['spiffe://example.org/ns/shop/sa/a', 'spiffe://example.org/ns/shop/sa/b', 'z.example'];
  assert.deepEqual(tls('ISTIO_MUTUAL'), want);
  assert.deepEqual(tls('SIMPLE'), want);
});

test('compilePolicy() has no automatic mutual TLS: a PeerAuthentication that takes it back is not read', () => {
  const greeter = service('greeter', ['v1']);
  const endpoints = greeter.endpoints.map((each) => ({
    ...each,
    labels: { ...each.labels, 'security.istio.io/tlsMode': 'istio' },
  }));
  const { clusters } = tableOf('', { services: [{ ...greeter, endpoints }] });
  assert.deepEqual(
    clusters.map(({ policy, endpoints }) => [policy.tls, endpoints[0]?.tlsMode]),
    clusters.map(() => [undefined, undefined]),
  );
  assert.ok(clusters.length > 0);
});

test('compilePolicy() has credentialName at the edge, and in a sidecar by a rule for it alone', () => {
  const tls = { mode: 'MUTUAL', credentialName: 'own', sni: 'x' };
  const of = (proxy: CompileOptions['proxy'], selector: string) =>
    tableOf(
      `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, namespace: default}, spec: {host: greeter, ${selector} trafficPolicy: {tls: ${JSON.stringify(tls)}}}}`,
      { services: [service('greeter', ['v1'])], ...(proxy && { proxy }) },
    ).clusters[0]?.policy.tls;
  const want = {
    mode: 'MUTUAL',
    sni: 'x',
    subjectAltNames: [],
    certificateSecret: 'kubernetes://own',
    rootSecret: 'kubernetes://own-cacert',
    insecureSkipVerify: false,
  };
  assert.deepEqual(of({ type: 'router' }, ''), want);
  assert.deepEqual(of({ labels: { app: 'web' } }, 'workloadSelector: {matchLabels: {app: web}},'), want);
  assert.equal(of(undefined, ''), undefined);
});

test('compilePolicy() reads warm-up in its old form and its new one', () => {
  const old = policyOf({ loadBalancer: { simple: 'ROUND_ROBIN', warmupDurationSecs: '10s' } });
  assert.deepEqual(old.loadBalancer, {
    kind: 'ROUND_ROBIN',
    warmup: { durationMs: 10_000, minimumPercent: 10, aggression: 1 },
  });
  const warmup = { duration: '5s', minimumPercent: 20, aggression: 2 };
  assert.deepEqual(policyOf({ loadBalancer: { warmup } }).loadBalancer, {
    kind: 'LEAST_REQUEST',
    warmup: { durationMs: 5_000, minimumPercent: 20, aggression: 2 },
  });
});

test("policyParts() lets a port's settings inherit nothing, and a subset's port settings hide the destination's", () => {
  const outlierDetection = { interval: '1s' };
  const loadBalancer = { simple: 'RANDOM' };
  const portLevelSettings = [{ port: { number: 80 }, loadBalancer }];
  assert.deepEqual(policyOf({ outlierDetection, portLevelSettings }), { loadBalancer: { kind: 'RANDOM' } });
  assert.deepEqual(policyOf({ outlierDetection, retryBudget: {} }, { portLevelSettings }), {
    loadBalancer: { kind: 'RANDOM' },
    retryBudget: { percent: 20, minRetryConcurrency: 3, budgetIntervalMs: 0 },
  });
});
