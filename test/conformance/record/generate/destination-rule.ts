/** DestinationRules of few words: subsets, policies for ports and subsets, who they are for. Imports the draw. */
import type { Draw } from './draw.ts';
import type { Spec } from './rule.ts';

const HOSTS = [
  'greeter',
  'greeter.default.svc.cluster.local',
  'greeter.prod.svc.cluster.local',
  '*.default.svc.cluster.local',
  '*.local',
  'other',
  'a.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
  'single',
  'greeter.default',
  'Greeter',
  '*.com',
  'new.example.com',
];

/** One `spec`. */
export function destinationRule(draw: Draw): Spec {
  const { pick, chance, maybe } = draw;
  return {
    host: pick(HOSTS),
    ...maybe(0.75, 'subsets', () => subsets(draw)),
    ...maybe(0.5, 'trafficPolicy', () => trafficPolicy(draw, true)),
    ...maybe(0.25, 'exportTo', () =>
      pick([['*'], ['.'], ['default'], ['prod'], ['default', 'prod'], ['.', 'istio-system']]),
    ),
    ...(chance(0.15) && { workloadSelector: { matchLabels: pick([{ app: 'client' }, { app: 'x' }]) } }),
  };
}

function subsets(draw: Draw): Spec {
  return ['v1', 'v2', 'v3']
    .filter(() => draw.chance(0.7))
    .map((name) => ({
      name,
      ...(draw.chance(0.9) && { labels: { version: draw.chance(0.9) ? name : 'v9' } }),
      ...draw.maybe(0.35, 'trafficPolicy', () => trafficPolicy(draw, true)),
    }));
}

function trafficPolicy(draw: Draw, withPorts: boolean): Spec {
  const { maybe, pick, some } = draw;
  const ports = () =>
    some([80, 8080, 9090], 2).map((number) => ({ port: { number }, ...trafficPolicy(draw, false) }));
  return {
    ...maybe(0.6, 'loadBalancer', () => loadBalancer(draw)),
    ...maybe(0.35, 'connectionPool', () => connectionPool(draw)),
    ...maybe(0.3, 'outlierDetection', () => outlierDetection(draw)),
    ...maybe(0.12, 'tls', () => tls(draw)),
    ...(withPorts && maybe(0.35, 'portLevelSettings', ports)),
    ...(withPorts &&
      maybe(0.1, 'retryBudget', () => ({
        ...maybe(0.5, 'percent', () => ({ value: pick([5, 50]) })),
        ...maybe(0.5, 'minRetryConcurrency', () => pick([1, 5])),
        ...maybe(0.3, 'budgetInterval', () => '1s'),
      }))),
  };
}

function loadBalancer(draw: Draw): Spec {
  const { chance, pick, maybe } = draw;
  if (chance(0.6)) return { consistentHash: consistentHash(draw) };
  const simple = pick(['ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'UNSPECIFIED']);
  return {
    ...(chance(0.85) && { simple }),
    ...maybe(0.2, 'warmupDurationSecs', () => '30s'),
    ...maybe(0.2, 'warmup', () => ({
      duration: '10s',
      ...maybe(0.5, 'minimumPercent', () => pick([0, 20])),
      ...maybe(0.5, 'aggression', () => pick([1, 1.5])),
    })),
  };
}

function consistentHash({ pick, maybe }: Draw): Spec {
  return {
    ...pick([
      { httpHeaderName: 'x-a' },
      { httpHeaderName: 'X-User' },
      { httpCookie: { name: 'id' } },
      { httpCookie: { name: 'id', ttl: '0s' } },
      { httpCookie: { name: 'id', ttl: '30s', path: '/a' } },
      { httpCookie: { name: 'id', ttl: '1.5s', attributes: [{ name: 'SameSite', value: 'Lax' }] } },
      { useSourceIp: true },
      { useSourceIp: false },
      { httpQueryParameterName: 'q' },
    ]),
    ...pick([
      {},
      { minimumRingSize: 16 },
      { ringHash: {} },
      { ringHash: { minimumRingSize: 64 } },
      { maglev: {} },
      { maglev: { tableSize: 251 } },
    ]),
    ...maybe(0, 'never', () => 0),
  };
}

function connectionPool({ pick, maybe }: Draw): Spec {
  const tcp = () => ({
    ...maybe(0.4, 'maxConnections', () => pick([0, 1, 100])),
    ...maybe(0.4, 'connectTimeout', () => pick(['1s', '0.25s'])),
    ...maybe(0.3, 'idleTimeout', () => pick(['60s', '0s'])),
    ...maybe(0.2, 'maxConnectionDuration', () => '90s'),
    ...maybe(0.2, 'tcpKeepalive', () =>
      pick([{}, { time: '100s' }, { probes: 3, interval: '5s' }, { time: '1.5s' }]),
    ),
  });
  const http = () => ({
    ...maybe(0.4, 'http1MaxPendingRequests', () => pick([0, 5])),
    ...maybe(0.4, 'http2MaxRequests', () => pick([0, 5])),
    ...maybe(0.3, 'maxRequestsPerConnection', () => pick([0, 1])),
    ...maybe(0.3, 'maxRetries', () => pick([0, 4])),
    ...maybe(0.3, 'idleTimeout', () => pick(['30s', '0s'])),
    ...maybe(0.2, 'h2UpgradePolicy', () => pick(['DEFAULT', 'UPGRADE', 'DO_NOT_UPGRADE'])),
    ...maybe(0.15, 'useClientProtocol', () => pick([true, false])),
    ...maybe(0.2, 'maxConcurrentStreams', () => pick([0, 7])),
    ...maybe(0.1, 'http2KeepAlive', () => pick([{ interval: '10s' }, { interval: '5s', timeout: '1s' }])),
  });
  return { ...maybe(0.6, 'tcp', tcp), ...maybe(0.8, 'http', http) };
}

function outlierDetection({ pick, maybe }: Draw): Spec {
  return {
    ...maybe(0.4, 'consecutive5xxErrors', () => pick([0, 1, 7])),
    ...maybe(0.3, 'consecutiveGatewayErrors', () => pick([0, 1, 7])),
    ...maybe(0.2, 'consecutiveErrors', () => pick([1, 7])),
    ...maybe(0.2, 'consecutiveLocalOriginFailures', () => pick([0, 3])),
    ...maybe(0.2, 'splitExternalLocalOriginErrors', () => pick([true, false])),
    ...maybe(0.4, 'interval', () => pick(['1s', '1.5s'])),
    ...maybe(0.4, 'baseEjectionTime', () => pick(['1s', '600s'])),
    ...maybe(0.4, 'maxEjectionPercent', () => pick([0, 50, 100])),
    ...maybe(0.4, 'minHealthPercent', () => pick([0, 50])),
  };
}

function tls({ pick, maybe }: Draw): Spec {
  return {
    mode: pick(['SIMPLE', 'DISABLE', 'SIMPLE']),
    ...maybe(0.5, 'sni', () => 'sni.example.com'),
    ...maybe(0.4, 'subjectAltNames', () => ['san.example.com']),
    ...maybe(0.3, 'caCertificates', () => '/etc/ca.pem'),
    ...maybe(0.2, 'insecureSkipVerify', () => true),
  };
}
