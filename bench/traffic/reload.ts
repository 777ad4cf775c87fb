/**
 * What calls see of a reload: CALLS_A_SECOND through a gateway whose file of N VirtualServices stays, then while it is
 * saved again every SAVE_SECONDS with one rule changed. A call's time counts from the moment at which it was due, so that
 * one that had to wait for others is not told as quick. `p99 of the middle window` is the middle one of those of each
 * SAVE_SECONDS, so that what the machine does once besides does not tell:
 *
 *     bun bench/traffic/reload.ts [RULES] [CALLS_A_SECOND] [SECONDS]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable, runtimeName } from '../router/measure.ts';
import { Caller, openEndpoint, startGateway } from './load.ts';

const RULES = Number(process.argv[2] ?? 10_000);
const CALLS_A_SECOND = Number(process.argv[3] ?? 5000);
const SECONDS = Number(process.argv[4] ?? 20);
const SAVE_SECONDS = 2;
const CALLERS = 128;

const rulesOf = (generation: number): string =>
  Array.from(
    { length: RULES },
    (_, index) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: rule-${index} }
spec:
  hosts: [h${index}.example]
  http:
    - match: [{ uri: { prefix: /team/ }, headers: { end-user: { exact: user-${index} } } }]
      route: [{ destination: { host: plain } }]
    - headers: { response: { set: { x-generation: '${index === 7 ? generation : 0}' } } }
      route: [{ destination: { host: plain } }]
`,
  ).join('---\n');

const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));
const file = join(folder, 'rules.yaml');
writeFileSync(file, rulesOf(0));
const endpoint = await openEndpoint();
const gateway = await startGateway(endpoint.port, file);
const callers = await Promise.all(Array.from({ length: CALLERS }, () => Caller.open(gateway.port)));
const request = (index: number): string =>
  `GET /some/path HTTP/1.1\r\nhost: h${index % RULES}.example\r\naccept: */*\r\n\r\n`;

interface Phase {
  readonly calls: number;
  readonly failed: number;
  readonly times: readonly number[];
  /** Of each window the p99, rising. */
  readonly windows: readonly number[];
  readonly cpuPercent: number;
  readonly reloads: number;
  readonly longestTurnMs: number;
}

/** Calls for so long, each at its time or as soon after it as a connection is free. */
async function phase(seconds: number): Promise<Phase> {
  const before = await gateway.facts();
  const started = performance.now();
  const endMs = started + seconds * 1000;
  const times: number[] = [];
  const windows = Array.from({ length: Math.ceil(seconds / SAVE_SECONDS) }, (): number[] => []);
  let next = 0;
  let failed = 0;
  await Promise.all(
    callers.map(async (caller) => {
      for (;;) {
        const call = next++;
        const dueMs = started + (call * 1000) / CALLS_A_SECOND;
        if (dueMs >= endMs) return;
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
        // Timers can be early, too.
        const sinceMs = Math.min(dueMs, performance.now());
        const isRight = await caller.call(request(call));
        const tookMs = performance.now() - sinceMs;
        times.push(tookMs);
        windows[Math.floor((dueMs - started) / (SAVE_SECONDS * 1000))]!.push(tookMs);
        if (!isRight) failed++;
      }
    }),
  );
  const passedMs = performance.now() - started;
  const after = await gateway.facts();
  return {
    calls: times.length,
    failed,
    times: times.sort((a, b) => a - b),
    windows: windows
      .map((each) =>
        quantile(
          each.sort((a, b) => a - b),
          0.99,
        ),
      )
      .sort((a, b) => a - b),
    cpuPercent: (after.cpuUs - before.cpuUs) / 10 / passedMs,
    reloads: after.generation - before.generation,
    longestTurnMs: after.longestTurnUs / 1000,
  };
}

function quantile(times: readonly number[], share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
}

const at = (times: readonly number[], share: number): string => quantile(times, share).toFixed(1);

await phase(3);
const quiet = await phase(SECONDS);
// Made before and written elsewhere: what holds the callers up would be told as the gateway's.
const texts = Array.from({ length: Math.floor(SECONDS / SAVE_SECONDS) }, (_, index) =>
  Buffer.from(rulesOf(index + 1)),
);
const saving = setInterval(() => {
  const text = texts.shift();
  if (text) void writeFile(file, text);
}, SAVE_SECONDS * 1000);
const reloading = await phase(SECONDS);
clearInterval(saving);

console.log(
  `${runtimeName()}, ${RULES} VirtualServices, ${CALLS_A_SECOND} calls a second for ${SECONDS} s, ${CALLERS} connections\n`,
);
console.log(
  formatTable(
    [
      '',
      'calls',
      'failed',
      'reloads',
      'p50, ms',
      'p99, ms',
      'p99 of the middle window',
      'p99.9, ms',
      'most, ms',
      'CPU of the gateway',
      'longest turn, ms of CPU',
    ],
    [['quiet', quiet] as const, ['reloading', reloading] as const].map(
      ([name, { calls, failed, reloads, times, windows, cpuPercent, longestTurnMs }]) => [
        name,
        `${calls}`,
        `${failed}`,
        `${reloads}`,
        at(times, 0.5),
        at(times, 0.99),
        at(windows, 0.5),
        at(times, 0.999),
        at(times, 1),
        `${cpuPercent.toFixed(0)} %`,
        longestTurnMs.toFixed(1),
      ],
    ),
  ),
);
for (const caller of callers) caller.close();
gateway.program.kill('SIGKILL');
endpoint.close();
rmSync(folder, { recursive: true });
process.exit(0);
