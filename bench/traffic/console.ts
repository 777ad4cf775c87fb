/**
 * What people who look at the console cost the gateway: CPU time of its process a call at a steady rate, without a page and
 * with many pages that each ask for the counts twice a second. Rounds take turns, and the middle ratio counts:
 *
 *     bun bench/traffic/console.ts [CALLS_A_SECOND] [ROUNDS] [PAGES]
 *
 * The gateway is the program that people start. Linux alone, whose kernel tells the time on CPU in nanoseconds. Many pages,
 * as what one adds is less than what a machine's other work does; told of one is that part of it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../test/program.ts';
import { formatTable, median, runtimeName } from '../router/measure.ts';
import { Caller, openEndpoint } from './load.ts';

const RATE = Number(process.argv[2] ?? 10_000);
const ROUNDS = Number(process.argv[3] ?? 9);
const PAGES = Number(process.argv[4] ?? 10);
const CALLERS = 64;
const ROUND_MS = 1000;
const POLL_MS = 500;
const HOSTS = ['plain', 'default', 'timeout', 'retries', 'policies'];

const endpoint = await openEndpoint();
const RULES = HOSTS.map(
  (host) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${host} }
spec:
  hosts: [${host}.default.svc.cluster.local]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${endpoint.port} }]
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host} }
spec: { hosts: [${host}], http: [{ match: [{ headers: { user: { exact: admin } } }], route: [{ destination: { host: ${host} } }] }, { route: [{ destination: { host: ${host} } }] }] }
---
`,
).join('');

const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));
const file = join(folder, 'rules.yaml');
writeFileSync(file, RULES);
const gateway = start('cli/main.ts', ['serve', '--config', file, '--port', '0=80', '--admin-port', '0']);
const adminPort = Number((await gateway.line(/admin on http:\S+:(\d+)/))[1]);
const port = Number((await gateway.line(/listening on http:\S+:(\d+)/))[1]);
const callers = await Promise.all(Array.from({ length: CALLERS }, () => Caller.open(port)));

/** Microseconds that the gateway's threads have been on a CPU. */
function cpuUs(): number {
  const folder = `/proc/${gateway.pid}/task`;
  const times = readdirSync(folder).map((task) =>
    Number(readFileSync(join(folder, task, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1000;
}

/** Microseconds of CPU a call, and calls a second. */
async function round(pages: number): Promise<{ costUs: number; perSecond: number }> {
  const looking = new AbortController();
  const looks = Array.from({ length: pages }, (_, page) => look(looking.signal, (page / pages) * POLL_MS));
  const beforeUs = cpuUs();
  const startMs = performance.now();
  let calls = 0;
  await Promise.all(
    callers.map(async (caller, index) => {
      for (;;) {
        const elapsedMs = performance.now() - startMs;
        if (elapsedMs >= ROUND_MS) return;
        if (calls >= (elapsedMs * RATE) / 1000) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          continue;
        }
        const host = HOSTS[(calls++ + index) % HOSTS.length];
        if (!(await caller.call(`GET /some/path HTTP/1.1\r\nhost: ${host}\r\naccept: */*\r\n\r\n`)))
          throw new Error(`Wrong answer of ${host}`);
      }
    }),
  );
  const takenUs = cpuUs() - beforeUs;
  const perSecond = (calls * 1000) / (performance.now() - startMs);
  looking.abort();
  await Promise.all(looks);
  return { costUs: takenUs / calls, perSecond };
}

/** Asks as an open page does, until the signal aborts. */
async function look(signal: AbortSignal, delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  while (!signal.aborted) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/console/traffic`);
    if (!answer.ok) throw new Error(`The admin port answered ${answer.status}`);
    await answer.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

for (let warm = 0; warm < 2; warm++) await round(PAGES);
const alone: number[] = [];
const ratios: number[] = [];
const same: number[] = [];
const rates: number[] = [];
for (let turn = 0; turn < ROUNDS; turn++) {
  const first = await round(0);
  const watched = await round(PAGES);
  const last = await round(0);
  alone.push(first.costUs, last.costUs);
  rates.push(watched.perSecond);
  ratios.push(watched.costUs / ((first.costUs + last.costUs) / 2));
  same.push(last.costUs / first.costUs);
}
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
console.log(runtimeName());
console.log(
  formatTable(
    ['calls/s', 'µs a call, nobody looks', `${PAGES} pages add`, 'one page adds', 'nobody beside nobody'],
    [
      [
        median(rates).toFixed(0),
        median(alone).toFixed(1),
        percent(median(ratios) - 1),
        percent((median(ratios) - 1) / PAGES),
        percent(median(same) - 1),
      ],
    ],
  ),
);
for (const caller of callers) caller.close();
endpoint.close();
gateway.kill('SIGKILL');
await gateway.exit;
rmSync(folder, { recursive: true });
process.exit(0);
