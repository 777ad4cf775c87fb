import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, ClusterEndpoint } from '../../router/index.ts';
import { startClusters } from '../../upstream/cluster.ts';
import { Names, type Resolution } from '../../upstream/dns.ts';
import { UpstreamPool } from '../../upstream/pool.ts';

const endpoint = (address: string): ClusterEndpoint => ({
  id: address,
  labels: {},
  weight: 1,
  kind: 'socket',
  address,
  port: 80,
});

function clusterOf(
  name: string,
  resolution: 'DNS' | 'DNS_ROUND_ROBIN',
  addresses: readonly string[],
): Cluster {
  return {
    name,
    destination: { host: 'db.example', port: 80 },
    protocol: 'http1',
    endpoints: addresses.map(endpoint),
    resolution,
    policy: { loadBalancer: { kind: 'ROUND_ROBIN' } },
  };
}

/** A name server that answers when told to, and time that passes when told to. */
function world() {
  const asked: { name: string; answer: (found: Resolution) => void; fail: (error: Error) => void }[] = [];
  const timers = new Map<() => void, number>();
  const closed: string[] = [];
  const pool = new UpstreamPool(() => undefined, {
    names: new Names(
      (name) => new Promise((answer, fail) => asked.push({ name, answer, fail })),
      (run, ms) => {
        timers.set(run, ms);
        return () => timers.delete(run);
      },
    ),
    connect: (to) => {
      const address = to.kind === 'socket' ? to.address : '';
      return { open: () => assert.fail('nothing is sent'), close: () => closed.push(address) };
    },
  });
  const start = (...clusters: Cluster[]) => {
    const running = startClusters(clusters, pool, () => 0);
    pool.prune();
    return running.get(clusters[0]!.name)!;
  };
  const settle = async (act: () => void) => {
    act();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  const passed = async () => {
    const due = [...timers.keys()];
    timers.clear();
    await settle(() => due.forEach((run) => void run()));
  };
  return { asked, timers, closed, pool, start, settle, passed };
}

test('RunningCluster by DNS has an endpoint for each address, asked again when the TTL is over', async () => {
  const { asked, timers, closed, start, settle, passed } = world();
  const cluster = start(clusterOf('a', 'DNS', ['db.example']));
  const addresses = () => cluster.endpoints.map(({ address }) => address);
  assert.deepEqual(addresses(), ['db.example:80'], 'the system may dial the name meanwhile');
  await settle(() => asked[0]!.answer({ addresses: ['10.0.0.2', '10.0.0.1'], ttlMs: 5_000 }));
  assert.deepEqual(addresses(), ['10.0.0.1:80', '10.0.0.2:80']);
  assert.deepEqual(closed, ['db.example']);
  assert.deepEqual([...timers.values()], [5_000]);
  const kept = cluster.endpoints[1]!.load;
  await passed();
  await settle(() => asked[1]!.answer({ addresses: ['10.0.0.2', '10.0.0.3'] }));
  assert.deepEqual(addresses(), ['10.0.0.2:80', '10.0.0.3:80']);
  assert.equal(cluster.endpoints[0]!.load, kept, 'connections of what stays are kept');
  assert.deepEqual(closed, ['db.example', '10.0.0.1']);
  assert.deepEqual([...timers.values()], [60_000], 'where nobody says how long');
});

test('RunningCluster by DNS keeps the last good addresses when a lookup fails', async () => {
  const { asked, start, settle, passed } = world();
  const cluster = start(clusterOf('a', 'DNS', ['db.example']));
  await settle(() => asked[0]!.answer({ addresses: ['10.0.0.1'] }));
  await passed();
  await settle(() => asked[1]!.fail(new Error('SERVFAIL')));
  assert.equal(cluster.pick()?.address, '10.0.0.1:80');
  await passed();
  await settle(() => asked[2]!.answer({ addresses: ['10.0.0.9'], ttlMs: 0 }));
  assert.equal(cluster.pick()?.address, '10.0.0.9:80');
});

test('RunningCluster by DNS has no endpoint for a name that never had an address', async () => {
  const { asked, start, settle } = world();
  const cluster = start(clusterOf('a', 'DNS', ['db.example']));
  await settle(() => asked[0]!.fail(new Error('NXDOMAIN')));
  assert.equal(cluster.pick(), undefined);
});

test('RunningCluster by DNS_ROUND_ROBIN uses one address at a time, and leaves addresses alone', async () => {
  const { asked, start, settle, passed } = world();
  const cluster = start(clusterOf('a', 'DNS_ROUND_ROBIN', ['db.example', '10.9.9.9', '::1']));
  assert.equal(asked.length, 1);
  // Envoy takes the first of each response, whichever that is, for as long as it is the last one.
  for (const [index, addresses] of [
    ['10.0.0.2', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.3', '10.0.0.1', '10.0.0.2'],
  ].entries()) {
    await settle(() => asked[index]!.answer({ addresses }));
    assert.deepEqual(
      cluster.endpoints.map(({ address }) => address),
      [`${addresses[0]}:80`, '10.9.9.9:80', '[::1]:80'],
    );
    await passed();
  }
});

test('RunningCluster by DNS is not told of another order of the same addresses', async () => {
  const { asked, start, settle, passed } = world();
  const cluster = start(clusterOf('a', 'DNS', ['db.example']));
  await settle(() => asked[0]!.answer({ addresses: ['10.0.0.1', '10.0.0.2'] }));
  const { endpoints } = cluster;
  await passed();
  await settle(() => asked[1]!.answer({ addresses: ['10.0.0.2', '10.0.0.1'] }));
  assert.equal(cluster.endpoints, endpoints);
});

test('Names asks once for all clusters that have a name, and no more when the last one is gone', async () => {
  const { asked, timers, pool, start, settle, passed } = world();
  start(clusterOf('a', 'DNS', ['db.example']), clusterOf('b', 'DNS', ['db.example']));
  assert.equal(asked.length, 1);
  await settle(() => asked[0]!.answer({ addresses: ['10.0.0.1'] }));
  assert.equal(pool.clusters.get('b')!.pick()?.address, '10.0.0.1:80');
  const only = start(clusterOf('b', 'DNS', ['db.example']));
  assert.equal(only.pick()?.address, '10.0.0.1:80', 'a reload asks nobody anew');
  await passed();
  assert.equal(asked.length, 2);
  pool.close();
  await settle(() => asked[1]!.answer({ addresses: ['10.0.0.2'] }));
  assert.equal(timers.size, 0);
});
