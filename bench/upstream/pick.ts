/**
 * What it takes to pick one of many endpoints, and to build the tables of consistent hashing. Tables are told in CPU
 * time of the whole process, as the first one of a process is built by code that is not compiled yet:
 *
 *     bun bench/upstream/pick.ts [ENDPOINTS]
 */
import type { Cluster, HashPolicy, LoadBalancer } from '../../router/index.ts';
import { type Candidate, createBalancer } from '../../router/policy/balancer.ts';
import { hashRequest } from '../../router/policy/hash.ts';
import { startClusters } from '../../upstream/cluster.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import { formatTable, nanoseconds, runtimeName } from '../router/measure.ts';

const ENDPOINTS = Number(process.argv[2] ?? 10_000);
const HASH: HashPolicy = { kind: 'header', name: 'x-user' };

interface Place extends Candidate {
  active: number;
}

const places = (weightOf: (index: number) => number): Place[] =>
  Array.from({ length: ENDPOINTS }, (_, index) => ({
    weight: weightOf(index),
    active: index % 7,
    hashKey: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:8080`,
    sinceMs: 0,
  }));
const even = places(() => 1);
const uneven = places((index) => 1 + (index % 5));

const warmup = { durationMs: 3_600_000, minimumPercent: 10, aggression: 1 };
const subjects: readonly (readonly [name: string, policy: LoadBalancer, places: Place[]])[] = [
  ['ROUND_ROBIN', { kind: 'ROUND_ROBIN' }, even],
  ['ROUND_ROBIN by weight', { kind: 'ROUND_ROBIN' }, uneven],
  ['ROUND_ROBIN warming up', { kind: 'ROUND_ROBIN', warmup }, even],
  ['LEAST_REQUEST', { kind: 'LEAST_REQUEST' }, even],
  ['LEAST_REQUEST by weight', { kind: 'LEAST_REQUEST' }, uneven],
  ['RANDOM', { kind: 'RANDOM' }, even],
  ['RING_HASH, 1,024', { kind: 'RING_HASH', hash: HASH, tableSize: 1024 }, even],
  ['RING_HASH, 1,000,000', { kind: 'RING_HASH', hash: HASH, tableSize: 1_000_000 }, even],
  ['MAGLEV, 65,537', { kind: 'MAGLEV', hash: HASH, tableSize: 65_537 }, even],
  ['MAGLEV, 65,537 by weight', { kind: 'MAGLEV', hash: HASH, tableSize: 65_537 }, uneven],
];

// Requests come from users without order, so that no cache knows the answer.
const hashes = Array.from({ length: 4096 }, (_, index) =>
  BigInt.asUintN(64, BigInt(index + 1) * 0x9e3779b97f4a7c15n),
);

const rows = subjects.map(([name, policy, candidates]) => {
  const make = () => {
    const balancer = createBalancer<Place>(policy, { chance: Math.random, nowMs: () => performance.now() });
    const started = process.cpuUsage();
    balancer.update(candidates);
    const { user, system } = process.cpuUsage(started);
    return [balancer, (user + system) / 1000] as const;
  };
  const builds = Array.from({ length: 7 }, () => make()[1]);
  const [balancer] = make();
  const pickNs = nanoseconds((call) => balancer.pick(hashes[call & 4095], 0));
  const cluster = clusterOf(policy, candidates);
  const clusterNs = nanoseconds((call) => cluster.pick({ hash: hashes[call & 4095] }));
  return [
    name,
    pickNs.toFixed(0),
    clusterNs.toFixed(0),
    builds[0]!.toFixed(1),
    Math.min(...builds).toFixed(1),
  ];
});

/** The same endpoints in a cluster that watches for outliers. */
function clusterOf(loadBalancer: LoadBalancer, candidates: readonly Place[]) {
  const outlierDetection = {
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
  const cluster: Cluster = {
    name: 'a',
    destination: { host: 'a', port: 80 },
    protocol: 'http1',
    endpoints: candidates.map(({ hashKey: id, weight }) => ({ id, weight, labels: {}, kind: 'in-process' })),
    policy: { loadBalancer, outlierDetection },
  };
  const upstream = {
    open: () => {
      throw new Error('Nothing is sent');
    },
  };
  return startClusters([cluster], new UpstreamPool(() => upstream), Math.random).get('a')!;
}

const request = {
  method: 'GET',
  authority: 'a',
  path: '/',
  headers: [
    ['accept', '*/*'],
    ['x-user', 'user-4711'],
  ],
} as const;
const hashNs = nanoseconds(() => hashRequest([HASH], request, () => undefined));

console.log(`${runtimeName()}, ${ENDPOINTS} endpoints\n`);
console.log(
  formatTable(['Balancer', 'ns a pick', 'ns by a cluster', 'ms of CPU a table, first', 'quickest'], rows),
);
console.log(`\nHash of a header: ${hashNs.toFixed(0)} ns`);
