/**
 * The edge's app in workerd, the runtime of Cloudflare Workers: the size of its bundle, and what it adds to a cold
 * start, from starting workerd to the first answer, over a Worker that does nothing. The two are started by turns;
 * CPU time is workerd's own, in ticks of 10 ms, and only told on Linux.
 *
 *     bun bench/gateway/edge.ts [ROUNDS]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type Bundle, bundle, startWorker } from '../../test/edge/worker.ts';

const rounds = Number(process.argv[2] ?? 15);
const app = bundle('deploy/edge/app.ts');
const empty: Bundle = {
  modules: [{ path: 'entry.js', text: 'export default { fetch: () => new Response("{}") };' }],
  bytes: 0,
};
const HELLO = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"name":"laurence"}',
};

/** Of the workerd that this process has started last; 0 where there is no /proc. */
function workerdCpuMs(): number {
  if (process.platform !== 'linux') return 0;
  let last = { pid: 0, ms: 0 };
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!(pid > last.pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (stat.includes('(workerd)') && Number(fields[1]) === process.pid)
        last = { pid, ms: (Number(fields[11]) + Number(fields[12])) * 10 };
    } catch {
      // It has ended in the meantime.
    }
  }
  return last.ms;
}

interface ColdStart {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** From nothing to the first answer. */
async function coldStart(worker: Bundle): Promise<ColdStart> {
  const startMs = performance.now();
  const running = await startWorker(worker);
  const response = await running.fetch('/api.Greeter/SayHello', HELLO);
  const answer = await response.text();
  const wallMs = performance.now() - startMs;
  const cpuMs = workerdCpuMs();
  await running.dispose();
  if (response.status !== 200 || (worker === app && !answer.includes('v1.0.0')))
    throw new Error(`Cannot measure: the worker answers ${response.status} ${answer}`);
  return { wallMs, cpuMs };
}

const median = (values: readonly number[]) =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
const kB = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;

const text = app.modules.map((module) => module.text).join('');
console.log(`deploy/edge: ${kB(text.length)} minified, ${kB(gzipSync(text).length)} gzip`);
await coldStart(empty);
const starts = { empty: [] as ColdStart[], app: [] as ColdStart[] };
for (let round = 0; round < rounds; round++) {
  starts.empty.push(await coldStart(empty));
  starts.app.push(await coldStart(app));
}
for (const [name, each] of Object.entries(starts)) {
  const wall = each.map(({ wallMs }) => wallMs);
  const cpu = each.map(({ cpuMs }) => cpuMs);
  console.log(
    `${name}: to the first answer ${median(wall).toFixed(0)} ms (median; ${Math.min(...wall).toFixed(0)} to ` +
      `${Math.max(...wall).toFixed(0)}), CPU ${median(cpu).toFixed(0)} ms (${Math.min(...cpu)} to ${Math.max(...cpu)})`,
  );
}
