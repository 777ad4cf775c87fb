/**
 * Priorities, localities and health as a control plane tells them: which endpoints a running cluster picks, beside a
 * stock Envoy with the same cluster, where there is one.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { hashRequest } from '../../router/policy/hash.ts';
import { readCluster } from '../../router/xds/index.ts';
import { startClusters } from '../../upstream/cluster.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import { spreadByPlace } from '../../upstream/spread.ts';
import { closedPort } from '../closed-port.ts';
import { fitsDistribution, fitsHomogeneously } from '../conformance/compare.ts';
import { startEnvoy } from '../peer/envoy.ts';
import { findPeer, skipWithout } from '../peer/find.ts';
import { seeded } from '../router/policy/chance.ts';

const TIMES = 300;

/** Endpoints of one locality: how many there are, and how many of them are down. */
interface Group {
  readonly name: string;
  readonly count: number;
  readonly down?: number;
  readonly priority?: number;
  readonly weight?: number;
}

interface Scenario {
  readonly name: string;
  readonly groups: readonly Group[];
  /** Percent of the requests by group. */
  readonly want: Readonly<Record<string, number>>;
  readonly cluster?: { readonly [field: string]: JsonValue };
  readonly overprovisioning?: number;
  /** Each of many keys goes where it goes at Envoy. */
  readonly isHashed?: boolean;
}

const weighted = { commonLbConfig: { localityWeightedLbConfig: {} } };

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'all are asked of the first priority',
    groups: [
      { name: 'a', count: 2 },
      { name: 'b', count: 2, priority: 1 },
    ],
    want: { a: 100 },
  },
  {
    name: 'the next priority takes what the first is not well enough for',
    groups: [
      { name: 'a', count: 4, down: 2 },
      { name: 'b', count: 2, priority: 1 },
    ],
    want: { a: 70, b: 30 },
  },
  {
    name: 'a first priority that is well enough keeps all',
    groups: [
      { name: 'a', count: 4, down: 1 },
      { name: 'b', count: 2, priority: 1 },
    ],
    want: { a: 100 },
  },
  {
    name: 'the next priority takes all where nobody of the first is well',
    groups: [
      { name: 'a', count: 2, down: 2 },
      { name: 'b', count: 1, priority: 1 },
      { name: 'c', count: 1, priority: 2 },
    ],
    want: { b: 100 },
  },
  {
    name: 'a control plane says how much more than its part a priority takes',
    groups: [
      { name: 'a', count: 4, down: 2 },
      { name: 'b', count: 2, priority: 1 },
    ],
    overprovisioning: 100,
    want: { a: 50, b: 50 },
  },
  {
    name: 'too few that are well in all priorities: all endpoints are asked',
    groups: [
      { name: 'a', count: 4, down: 3 },
      { name: 'b', count: 4, down: 3, priority: 1 },
    ],
    want: { a: 50, b: 50 },
  },
  {
    name: 'too few that are well, where nobody minds',
    groups: [{ name: 'a', count: 4, down: 3 }],
    cluster: { commonLbConfig: { healthyPanicThreshold: { value: 0 } }, outlierDetection: {} },
    want: { a: 100 },
  },
  {
    name: 'too few that are well in one of two priorities',
    groups: [
      { name: 'a', count: 4, down: 3 },
      { name: 'b', count: 4, down: 1, priority: 1 },
    ],
    want: { a: 35, b: 65 },
  },
  {
    name: 'localities are asked by their weights',
    groups: [
      { name: 'a', count: 1, weight: 80 },
      { name: 'b', count: 4, weight: 20 },
    ],
    cluster: weighted,
    want: { a: 80, b: 20 },
  },
  {
    name: 'localities without the cluster asking for it are not told apart',
    groups: [
      { name: 'a', count: 1, weight: 80 },
      { name: 'b', count: 4, weight: 20 },
    ],
    want: { a: 20, b: 80 },
  },
  {
    name: 'a locality of which half is down takes less',
    groups: [
      { name: 'a', count: 4, down: 2, weight: 50 },
      { name: 'b', count: 2, weight: 50 },
    ],
    cluster: weighted,
    want: { a: 100 * (0.7 / 1.7), b: 100 / 1.7 },
  },
  {
    name: 'a locality without a weight takes nothing',
    groups: [
      { name: 'a', count: 2, weight: 1 },
      { name: 'b', count: 2 },
    ],
    cluster: weighted,
    want: { a: 100 },
  },
  {
    name: 'weights of localities count within a priority',
    groups: [
      { name: 'a', count: 2, down: 1, weight: 1 },
      { name: 'b', count: 2, down: 1, weight: 3 },
      { name: 'c', count: 1, weight: 1, priority: 1 },
    ],
    cluster: weighted,
    want: { a: 17.5, b: 52.5, c: 30 },
  },
  {
    name: 'a hash leads to a priority, too',
    groups: [
      { name: 'a', count: 4, down: 2 },
      { name: 'b', count: 2, priority: 1 },
    ],
    cluster: { lbPolicy: 'RING_HASH' },
    isHashed: true,
    want: { a: 70, b: 30 },
  },
  {
    name: 'a ring has more places for localities of more weight',
    groups: [
      { name: 'a', count: 2, weight: 80 },
      { name: 'b', count: 4, weight: 20 },
    ],
    cluster: { ...weighted, lbPolicy: 'RING_HASH' },
    isHashed: true,
    want: { a: 80, b: 20 },
  },
  {
    name: "so has Maglev's table",
    groups: [
      { name: 'a', count: 2, weight: 80 },
      { name: 'b', count: 4, down: 1, weight: 20 },
    ],
    cluster: { ...weighted, lbPolicy: 'MAGLEV' },
    isHashed: true,
    want: { a: 80, b: 20 },
  },
];

/** Endpoints are told apart by their address: all of 127.0.0.0/8 is this machine. */
const addressOf = (group: number, endpoint: number) => `127.3.${group + 1}.${endpoint + 1}`;
const nameOf = (place: number) => `outbound|80|s${place}|localities.default.svc.cluster.local`;

function clusterOf({ groups, cluster, overprovisioning }: Scenario, place: number, port: number): JsonValue {
  return {
    ...{ name: nameOf(place), type: 'STATIC', connectTimeout: '30s' },
    ...cluster,
    loadAssignment: {
      clusterName: nameOf(place),
      ...(overprovisioning !== undefined && { policy: { overprovisioningFactor: overprovisioning } }),
      endpoints: groups.map(({ name, count, down = 0, priority = 0, weight }, group) => ({
        ...{ locality: { zone: name }, priority },
        ...(weight !== undefined && { loadBalancingWeight: weight }),
        lbEndpoints: Array.from({ length: count }, (_, endpoint) => ({
          endpoint: {
            address: { socketAddress: { address: addressOf(group, endpoint), portValue: port } },
          },
          ...(endpoint < down && { healthStatus: 'UNHEALTHY' }),
        })),
      })),
    },
  };
}

const keysOf = ({ isHashed }: Scenario) =>
  Array.from({ length: TIMES }, (_, index) => (isHashed ? `key-${index}` : undefined));

/** Addresses that our own cluster picks. */
function picked(scenario: Scenario, place: number, port: number): readonly (string | undefined)[] {
  const message = fromJson(ClusterSchema, clusterOf(scenario, place, port), { ignoreUnknownFields: true });
  const { cluster } = readCluster(message)!;
  const pool = new UpstreamPool(() => undefined, {
    connect: () => ({ open: () => assert.fail('nothing is sent') }),
    spread: spreadByPlace,
  });
  const running = startClusters([cluster], pool, seeded(place + 1)).get(cluster.name)!;
  return keysOf(scenario).map((key) => {
    const headers = key === undefined ? [] : [['x-key', key] as const];
    const request = { method: 'GET', authority: 'a', path: '/', headers };
    const hash = hashRequest([{ kind: 'header', name: 'x-key' }], request, () => undefined);
    return running.pick({ hash })?.address.replace(/:\d+$/, '');
  });
}

function byGroup({ groups }: Scenario, addresses: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const address of addresses) {
    const name = groups[Number(address?.split('.')[2]) - 1]?.name ?? 'nobody';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

for (const [place, scenario] of SCENARIOS.entries())
  test(`RunningCluster.pick(): ${scenario.name}`, () => {
    const counts = byGroup(scenario, picked(scenario, place, 80));
    const chances = new Map(Object.entries(scenario.want).map(([name, percent]) => [name, percent / 100]));
    // The keys of a hash are no sample: their shares are near the weights, and exactly Envoy's below.
    if (scenario.isHashed)
      for (const [name, chance] of chances)
        assert.ok(Math.abs(counts.get(name)! / TIMES - chance) < 0.12, JSON.stringify([...counts]));
    else assert.ok(fitsDistribution(counts, chances), JSON.stringify([...counts]));
  });

test(`RunningCluster.pick() picks by priority, locality and health as a stock Envoy does`, {
  skip: skipWithout('envoy'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-locality-'));
  const upstream = http.createServer((request, response) => response.end(request.socket.localAddress));
  // One that closes at rest would now and then close what is just being used.
  upstream.keepAliveTimeout = 0;
  await new Promise<void>((done) => upstream.listen(0, '0.0.0.0', done));
  const { port } = upstream.address() as AddressInfo;
  const [listenPort, adminPort] = await Promise.all([closedPort(), closedPort()]);
  const envoy = await startEnvoy(findPeer('envoy')!, folder, bootstrap(port, listenPort), adminPort);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  try {
    for (const [place, scenario] of SCENARIOS.entries()) {
      const theirs = await Promise.all(
        keysOf(scenario).map(
          (key) =>
            new Promise<string>((done, fail) => {
              const headers = { 'x-cluster': nameOf(place), ...(key !== undefined && { 'x-key': key }) };
              http
                .get({ host: '127.0.0.1', port: listenPort, agent, headers }, async (response) => {
                  let text = '';
                  for await (const piece of response) text += piece;
                  done(text.replace('::ffff:', ''));
                })
                .on('error', fail);
            }),
        ),
      );
      const ours = picked(scenario, place, port);
      if (scenario.isHashed) assert.deepEqual(ours, theirs, scenario.name);
      else {
        const [want, got] = [countsOf(theirs), countsOf(ours)];
        const shown = JSON.stringify([[...want], [...got]]);
        assert.ok(fitsHomogeneously(want, got), `${scenario.name}: ${shown}`);
      }
    }
  } finally {
    agent.destroy();
    await envoy.stop();
    upstream.closeAllConnections();
    await new Promise((done) => upstream.close(done));
    rmSync(folder, { recursive: true });
  }
});

function countsOf(addresses: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const address of addresses) counts.set(`${address}`, (counts.get(`${address}`) ?? 0) + 1);
  return counts;
}

/** A listener that sends each request to the cluster that it names. */
function bootstrap(port: number, listenPort: number): object {
  const http = 'type.googleapis.com/envoy.extensions.filters.';
  return {
    staticResources: {
      clusters: SCENARIOS.map((scenario, place) => clusterOf(scenario, place, port)),
      listeners: [
        {
          name: 'front',
          address: { socketAddress: { address: '127.0.0.1', portValue: listenPort } },
          filterChains: [
            {
              filters: [
                {
                  name: 'http',
                  typedConfig: {
                    '@type': `${http}network.http_connection_manager.v3.HttpConnectionManager`,
                    statPrefix: 'front',
                    routeConfig: {
                      virtualHosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            {
                              match: { prefix: '/' },
                              route: {
                                clusterHeader: 'x-cluster',
                                timeout: '0s',
                                hashPolicy: [{ header: { headerName: 'x-key' } }],
                              },
                            },
                          ],
                        },
                      ],
                    },
                    httpFilters: [
                      {
                        name: 'envoy.filters.http.router',
                        typedConfig: { '@type': `${http}http.router.v3.Router` },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}
