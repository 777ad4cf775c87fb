/**
 * What a call costs the gateway with the policies of its route, in CPU time of its process, over sockets on both sides.
 * Rounds of all routes take turns, and each round is told beside the plain route's of the same turn; the middle ratio
 * counts, as whatever else the machine does is in both:
 *
 *     bun bench/traffic/policy.ts [CALLS_A_ROUND] [ROUNDS]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable, median, runtimeName } from '../router/measure.ts';
import { Caller, openEndpoint, startGateway } from './load.ts';

const CALLS = Number(process.argv[2] ?? 10_000);
const ROUNDS = Number(process.argv[3] ?? 11);
const CALLERS = 32;

const rule = (host: string, http: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host} }
spec: { hosts: [${host}], http: [{ ${http}, route: [{ destination: { host: ${host} } }] }] }
---
`;
const RETRIES = 'retries: { attempts: 3, retryOn: "5xx,reset", perTryTimeout: 2s, backoff: 25ms }';
const RULES = `${rule('plain', 'retries: { attempts: 0 }')}${rule('default', 'name: default')}${rule(
  'timeout',
  'timeout: 10s, retries: { attempts: 0 }',
)}${rule('retries', `timeout: 10s, ${RETRIES}`)}${rule('policies', `timeout: 10s, ${RETRIES}`)}apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: policies }
spec:
  host: policies
  trafficPolicy:
    connectionPool: { http: { http2MaxRequests: 1000, maxRetries: 10 } }
    outlierDetection: { consecutive5xxErrors: 5 }
`;

const ROUTES: readonly (readonly [host: string, about: string])[] = [
  ['plain', 'no retries, no timeout'],
  ['default', "Istio's own retries, no timeout"],
  ['timeout', 'a timeout'],
  ['retries', 'a timeout, three retries with a time for each try'],
  ['policies', 'the same with outlier detection and circuit breaking'],
];

const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));
const file = join(folder, 'rules.yaml');
writeFileSync(file, RULES);
const endpoint = await openEndpoint();
const gateway = await startGateway(endpoint.port, file);
const callers = await Promise.all(Array.from({ length: CALLERS }, () => Caller.open(gateway.port)));

/** Microseconds of CPU a call. */
async function round(host: string, calls: number): Promise<number> {
  const request = `GET /some/path HTTP/1.1\r\nhost: ${host}\r\naccept: */*\r\n\r\n`;
  const before = await gateway.facts();
  let left = calls;
  await Promise.all(
    callers.map(async (caller) => {
      while (left-- > 0) if (!(await caller.call(request))) throw new Error(`Wrong answer of ${host}`);
    }),
  );
  return ((await gateway.facts()).cpuUs - before.cpuUs) / calls;
}

for (const [host] of ROUTES) await round(host, CALLS);
const ratios = ROUTES.map((): number[] => []);
const costs = ROUTES.map((): number[] => []);
for (let turn = 0; turn < ROUNDS; turn++) {
  // Who comes first changes, and the plain route is measured on both sides of the others.
  const first = await round('plain', CALLS);
  const order = ROUTES.map((_, index) => (index + turn) % ROUTES.length);
  const taken: number[] = [];
  for (const index of order) taken[index] = await round(ROUTES[index]![0], CALLS);
  const last = await round('plain', CALLS);
  const plain = (first + last) / 2;
  for (const [index, cost] of taken.entries()) {
    costs[index]!.push(cost);
    ratios[index]!.push(cost / plain);
  }
}
console.log(`${runtimeName()}, ${ROUNDS} rounds of ${CALLS} calls, ${CALLERS} connections\n`);
console.log(
  formatTable(
    ['Route', 'µs of CPU a call', 'beside the first'],
    ROUTES.map(([, about], index) => [
      about,
      median(costs[index]!).toFixed(1),
      `${((median(ratios[index]!) - 1) * 100).toFixed(1)} %`,
    ]),
  ),
);
for (const caller of callers) caller.close();
gateway.program.kill('SIGKILL');
endpoint.close();
rmSync(folder, { recursive: true });
process.exit(0);
