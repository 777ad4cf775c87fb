import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, ClusterEndpoint, TrafficPolicy } from '../../router/index.ts';
import { type RunningCluster, type RunningEndpoint, startClusters } from '../../upstream/cluster.ts';
import { describeCluster } from '../../upstream/cluster-state.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import { seeded } from '../router/policy/chance.ts';

const HASH = { kind: 'header', name: 'x' } as const;
const OUTLIER = {
  consecutive5xx: 1,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 5,
  splitLocalOrigin: false,
  intervalMs: 1_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
};

function clusterOf(
  policy: Partial<TrafficPolicy>,
  ids: readonly string[],
  more: Partial<Cluster> = {},
): Cluster {
  const endpoints = ids.map((id): ClusterEndpoint => ({ id, labels: {}, weight: 1, kind: 'in-process' }));
  return {
    name: 'outbound|80||a.example',
    destination: { host: 'a.example', port: 80 },
    protocol: 'http1',
    endpoints,
    policy: { loadBalancer: { kind: 'ROUND_ROBIN' }, ...policy },
    ...more,
  };
}

function world() {
  const state = { nowMs: 0, later: [] as (() => void)[], connected: [] as string[], closed: [] as string[] };
  const pool = new UpstreamPool(() => ({ open: () => assert.fail('nothing is sent') }), {
    nowMs: () => state.nowMs,
    later: (run) => state.later.push(run),
    connect(to, protocol) {
      const name = `${protocol} ${to.kind === 'socket' ? `${to.address}:${to.port}` : to.path}`;
      state.connected.push(name);
      return { open: () => assert.fail('nothing is sent'), close: () => state.closed.push(name) };
    },
  });
  const start = (...clusters: Cluster[]): RunningCluster => {
    const running = startClusters(clusters, pool, seeded(1));
    pool.prune();
    return running.get(clusters[0]!.name)!;
  };
  return { state, pool, start };
}

const ids = (cluster: RunningCluster, times: number): string[] =>
  Array.from({ length: times }, () => cluster.pick()?.id ?? '-');

test('RunningCluster.pick() finds an endpoint that was not tried, and repeats one where there is no other', () => {
  for (const kind of ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'] as const) {
    const cluster = world().start(clusterOf({ loadBalancer: { kind } }, ['a', 'b', 'c']));
    const avoid = new Set<RunningEndpoint>([cluster.pick()!]);
    for (let i = 0; i < 20; i++) {
      const next = cluster.pick({ avoid })!;
      assert.ok(!avoid.has(next), kind);
    }
    const only = world().start(clusterOf({ loadBalancer: { kind } }, ['a']));
    assert.equal(only.pick({ avoid: new Set([only.pick()!]) })?.id, 'a');
  }
});

test('RunningCluster.pick() by hash leads a retry to another endpoint, always the same one', () => {
  const loadBalancer = { kind: 'MAGLEV', hash: HASH, tableSize: 251 } as const;
  const cluster = world().start(clusterOf({ loadBalancer }, ['a', 'b', 'c']));
  const first = cluster.pick({ hash: 7n })!;
  const second = cluster.pick({ hash: 7n, avoid: new Set([first]) })!;
  assert.notEqual(second, first);
  assert.equal(cluster.pick({ hash: 7n, avoid: new Set([first]) }), second);
});

test('RunningCluster leaves out an endpoint that fails, and takes it back in time', () => {
  const { state, start } = world();
  const cluster = start(clusterOf({ outlierDetection: OUTLIER }, ['a', 'b']));
  cluster.endpoints[0]!.ended(500);
  assert.deepEqual(ids(cluster, 4), ['b', 'b', 'b', 'b']);
  assert.equal(describeCluster(cluster).endpoints[0]!.health, 'ejected');
  cluster.endpoints[1]!.ended('connection-timeout');
  assert.deepEqual(ids(cluster, 2), ['-', '-'], 'with panic off nobody is left');
  state.nowMs = 30_000;
  assert.deepEqual(new Set(ids(cluster, 4)), new Set(['a', 'b']));
  assert.deepEqual(
    describeCluster(cluster).endpoints.map(({ health, ejections }) => [health, ejections]),
    [
      ['healthy', 1],
      ['healthy', 1],
    ],
  );
});

test('RunningCluster does not blame an endpoint for what circuit breaking refused', () => {
  const cluster = world().start(clusterOf({ outlierDetection: OUTLIER }, ['a']));
  cluster.endpoints[0]!.ended('overflow');
  assert.equal(cluster.pick()?.id, 'a');
});

test('RunningCluster uses all endpoints when fewer than minHealthPercent are left', () => {
  const outlierDetection = { ...OUTLIER, minHealthPercent: 50 };
  const cluster = world().start(clusterOf({ outlierDetection }, ['a', 'b', 'c', 'd']));
  for (const endpoint of cluster.endpoints.slice(0, 2)) endpoint.ended(500);
  assert.deepEqual(new Set(ids(cluster, 8)), new Set(['c', 'd']));
  cluster.endpoints[2]!.ended(500);
  assert.deepEqual(new Set(ids(cluster, 8)), new Set(['a', 'b', 'c', 'd']));
});

test('RunningCluster builds its table of hashes after an ejection, not while a request waits for it', () => {
  const { state, start } = world();
  const loadBalancer = { kind: 'RING_HASH', hash: HASH, tableSize: 1024 } as const;
  const cluster = start(clusterOf({ loadBalancer, outlierDetection: OUTLIER }, ['a', 'b', 'c']));
  const hashes = Array.from(
    { length: 50 },
    (_, index) => (BigInt(index) * 0x51ab_3f09_77d1_0b25n) % (1n << 64n),
  );
  const pickAll = () => hashes.map((hash) => cluster.pick({ hash })!.id);
  const before = pickAll();
  cluster.endpoints[0]!.ended(500);
  assert.equal(state.later.length, 1);
  assert.ok(!pickAll().includes('a'), 'the old table is used, without the one that is out');
  state.later.pop()!();
  const after = pickAll();
  assert.ok(!after.includes('a'));
  const moved = before.filter((id, index) => id !== 'a' && after[index] !== id);
  assert.ok(moved.length < 10, `${moved.length} requests of the others moved`);
});

test('startClusters() keeps what a cluster remembers while its policy stays, whichever endpoints come', () => {
  const { start, state } = world();
  const policy = { outlierDetection: OUTLIER };
  const first = start(clusterOf(policy, ['a', 'b']));
  first.endpoints[0]!.ended(500);
  first.endpoints[0]!.load.active = 3;
  state.nowMs = 500;
  const same = start(clusterOf(policy, ['a', 'b']));
  assert.equal(same, first);
  const grown = start(clusterOf(policy, ['c', 'a', 'b']));
  assert.equal(grown, first);
  const [c, a] = grown.endpoints;
  assert.deepEqual([c!.isEjected, a!.isEjected, a!.active], [false, true, 3]);
  assert.deepEqual([c!.sinceMs, a!.sinceMs], [500, 0]);
  const other = start(clusterOf({ outlierDetection: { ...OUTLIER, intervalMs: 5 } }, ['a', 'b']));
  assert.notEqual(other, first);
  assert.equal(other.endpoints[0]!.isEjected, false, 'as Envoy makes such a cluster anew');
});

test('startClusters() keeps the counts of limits that stay, and opens connections anew for others', () => {
  const { start, state } = world();
  const endpoints: ClusterEndpoint[] = [
    { id: 'a', labels: {}, weight: 1, kind: 'socket', address: '10.0.0.1', port: 80 },
  ];
  const connectionPool = { maxConnections: 1, connectTimeoutMs: 1, idleTimeoutMs: 1 };
  const first = start(clusterOf({ connectionPool }, [], { endpoints }));
  first.pick();
  const second = start(clusterOf({ connectionPool, outlierDetection: OUTLIER }, [], { endpoints }));
  assert.notEqual(second, first);
  assert.equal(second.breaker, first.breaker);
  assert.deepEqual([state.connected.length, state.closed.length], [1, 0]);
  const third = start(
    clusterOf({ connectionPool: { ...connectionPool, maxConnections: 2 } }, [], { endpoints }),
  );
  assert.notEqual(third.breaker, first.breaker);
  assert.deepEqual([state.connected.length, state.closed.length], [2, 1]);
});

test('RunningCluster makes its endpoints when the first one is asked for, of what is in effect then', () => {
  const { start, state } = world();
  const endpoint = (port: number): ClusterEndpoint => {
    return { id: `${port}`, labels: {}, weight: 1, kind: 'socket', address: '10.0.0.1', port };
  };
  const cluster = start(clusterOf({}, [], { endpoints: [endpoint(80)] }));
  assert.equal(start(clusterOf({}, [], { endpoints: [endpoint(81)] })), cluster);
  assert.deepEqual(state.connected, []);
  assert.equal(cluster.pick()!.address, '10.0.0.1:81');
  assert.equal(start(clusterOf({}, [], { endpoints: [endpoint(81), endpoint(82)] })), cluster);
  assert.deepEqual(state.connected, ['http1 10.0.0.1:81', 'http1 10.0.0.1:82']);
  const gone = start(clusterOf({}, [], { name: 'gone', endpoints: [endpoint(85)] }));
  start(clusterOf({}, [], { endpoints: [endpoint(81), endpoint(82)] }));
  assert.equal(gone.pick()!.address, '10.0.0.1:85', 'a request outlives the rules that it began under');
  start(clusterOf({}, [], { endpoints: [endpoint(81)] }));
  assert.deepEqual(state.closed, ['http1 10.0.0.1:81', 'http1 10.0.0.1:82', 'http1 10.0.0.1:85']);
  // Those of a table, and those that warm up, are there before: requests do not wait for the one, and time counts for the other.
  const warmup = { durationMs: 1, minimumPercent: 10, aggression: 1 };
  start(clusterOf({ loadBalancer: { kind: 'RING_HASH', tableSize: 16 } }, [], { endpoints: [endpoint(83)] }));
  start(clusterOf({ loadBalancer: { kind: 'ROUND_ROBIN', warmup } }, [], { endpoints: [endpoint(84)] }));
  assert.deepEqual(state.connected.slice(-2), ['http1 10.0.0.1:83', 'http1 10.0.0.1:84']);
});

test('RunningCluster has both protocols where it goes by its clients', () => {
  const { start, state } = world();
  const endpoints: ClusterEndpoint[] = [
    { id: 'a', labels: {}, weight: 1, kind: 'socket', address: '10.0.0.1', port: 80 },
  ];
  const connectionPool = { connectTimeoutMs: 1, idleTimeoutMs: 1, useClientProtocol: true } as const;
  const cluster = start(clusterOf({ connectionPool }, [], { endpoints }));
  assert.ok(cluster.pick()!.http2Upstream);
  assert.deepEqual(state.connected, ['http1 10.0.0.1:80', 'http2 10.0.0.1:80']);
});

test('RunningCluster without endpoints of its own goes to the host that is named, within its wildcard alone', () => {
  const { start, state } = world();
  const original = { resolution: 'NONE', protocol: 'http1' } as const;
  const policy = { loadBalancer: { kind: 'PASSTHROUGH' } } as const;
  const one = start(clusterOf(policy, [], original));
  assert.equal(one.pick({ authority: 'evil.example:9' })?.address, 'a.example:80');
  const destination = { host: '*.a.example', port: 8443 };
  const wild = start(clusterOf(policy, [], { ...original, destination, name: 'wild' }));
  const b = wild.pick({ authority: 'B.a.example:9' });
  assert.equal(b?.address, 'b.a.example:8443');
  assert.equal(wild.pick({ authority: 'b.a.example' }), b);
  for (const authority of ['a.example', '.a.example', 'evil.example', 'x@y.a.example', '10.0.0.1', undefined])
    assert.equal(wild.pick({ authority }), undefined, authority);
  for (let host = 0; host < 1024; host++) wild.pick({ authority: `h${host}.a.example` });
  assert.ok(wild.endpoints.length < 1024);
  assert.ok(state.closed.includes('http1 b.a.example:8443'), 'names come from clients: they do not pile up');
});

test('RunningCluster of PASSTHROUGH goes where the client dialled, and where nobody knows that, to its endpoints', () => {
  const { start } = world();
  const cluster = start(clusterOf({ loadBalancer: { kind: 'PASSTHROUGH' } }, ['a', 'b']));
  for (const originalDestination of ['10.0.0.1:80', '[fd00::1]:80', '10.0.0.1:80'])
    assert.equal(cluster.pick({ originalDestination })?.address, originalDestination);
  const own = new Set(Array.from({ length: 50 }, () => cluster.pick({ authority: 'c.example' })?.address));
  assert.deepEqual([...own].sort(), ['a', 'b']);
  for (let port = 1; port < 1100; port++) cluster.pick({ originalDestination: `10.0.0.1:${port}` });
  assert.ok(cluster.endpoints.length < 1024);
  assert.ok(['a', 'b'].includes(cluster.pick()!.address), 'its own endpoints stay');
});

for (const protocol of ['http1', 'http2'] as const)
  test(`describeCluster() counts resets over ${protocol} as Envoy does, and what is refused apart`, () => {
    const { start } = world();
    const cluster = start({ ...clusterOf({}, ['a']), protocol });
    const { counter, breaker } = cluster;
    for (const reason of [
      'remote-reset',
      'remote-refused-stream-reset',
      'local-reset',
      'connection-termination',
      'overflow',
    ] as const) {
      counter.began();
      counter.broke(reason);
    }
    breaker.requests.overflows = 2;
    breaker.pending.overflows = 1;
    const { counters } = describeCluster(cluster);
    assert.deepEqual(
      Object.entries(counters).filter(([, count]) => count > 0),
      [
        ['upstream_rq_total', 4],
        ...(protocol === 'http2'
          ? [
              ['upstream_rq_rx_reset', 1],
              ['upstream_rq_tx_reset', 1],
            ]
          : []),
        ['upstream_rq_active_overflow', 2],
        ['upstream_rq_pending_overflow', 1],
        ...(protocol === 'http2' ? [['upstream_rq_pending_failure_eject', 1]] : []),
      ],
    );
  });

test('describeCluster() shows limits, health and what is under way', () => {
  const { start } = world();
  const connectionPool = { http2MaxRequests: 7, connectTimeoutMs: 1, idleTimeoutMs: 1 };
  const cluster = start(clusterOf({ connectionPool }, ['a']));
  cluster.endpoints[0]!.load.active++;
  cluster.counter.began();
  cluster.counter.broke('connection-timeout');
  const { counters, ...state } = describeCluster(cluster);
  assert.deepEqual(
    Object.entries(counters).filter(([, count]) => count > 0),
    [
      ['upstream_rq_total', 1],
      ['upstream_rq_pending_failure_eject', 1],
      ['upstream_cx_connect_fail', 1],
      ['upstream_cx_connect_timeout', 1],
    ],
  );
  assert.deepEqual(state, {
    name: 'outbound|80||a.example',
    host: 'a.example',
    port: 80,
    protocol: 'http1',
    loadBalancer: 'ROUND_ROBIN',
    circuitBreaker: { requests: { active: 0, max: 7, overflows: 0 } },
    endpoints: [
      {
        id: 'a',
        address: 'a',
        kind: 'in-process',
        labels: {},
        weight: 1,
        active: 1,
        health: 'healthy',
        ejections: 0,
      },
    ],
  });
});
