/**
 * Runs the test suite on each runtime that Pointsman supports and adds up the counts.
 *
 *     bun test/run.ts [--runtime node,deno,bun] [--limit SECONDS] [FILE-OR-FOLDER…]
 *
 * Every `*.test.ts` below `test/` is one `node:test` file that the three runtimes' own test commands run
 * unchanged. Each writes a JUnit report, from which the last line is made: `N passed, N failed, N skipped`.
 * Files under `test/long/` and `test/package/` run only when they are named. Exit code 0: nothing failed.
 *
 * The files go in packs, each in one process. There are as many lanes as processors, to a maximum, and one more for
 * packs whose tests look at the clock, one after the other, or wait; what else goes on has a lower priority.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { filesOn, type Pack, packsOf, root, testFiles } from './run/plan.ts';
import { type Counts, type Report, readReport } from './run/report.ts';
import { type Runtime, runtimes } from './run/runtime.ts';

/** In place of the limit that is the default, where tests are as long as they are told to be. */
const LONG_LIMIT_MS = 60 * 60_000;
/** A third of what others are given, whatever else the machine has to do. */
const STANDING_BACK = 5;
/** More processes at a time than this make tests wait for each other on a large machine, too. */
const MOST_LANES = 4;

interface Job {
  readonly runtime: Runtime;
  readonly pack: Pack;
}

/** Why tests were skipped, each said once. */
const reasons = new Set<string>();
const children = new Set<number>();
const scratch = mkdtempSync(join(tmpdir(), 'pointsman-test-'));

/** Runs a pack to its end, and prints what failed. */
async function runJob({ runtime, pack }: Job): Promise<Counts> {
  const name = `${runtime.name} ${pack.name}`;
  const started = performance.now();
  const outcome = await runFiles(runtime, name, pack.files, pack.kind !== 'busy');
  if (typeof outcome === 'string') {
    console.log(`${name}: skipped: ${outcome}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const { report, isOver } = outcome;
  if (isOver) {
    for (const failed of report.failedNames) console.log(`  ${runtime.name}: failed: ${failed}`);
    if (report.failed > 0) console.log(outcome.output);
  }
  const counts: Counts = isOver ? report : await runAlone({ runtime, pack }, outcome.output);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  );
  return counts;
}

/** After a crash, or a test that never ends, reports say nothing: runs each file by itself to say which it was. */
async function runAlone({ runtime, pack }: Job, output: string): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  console.log(`${runtime.name} ${pack.name}: came to no end; now each file by itself`);
  for (const [index, file] of pack.files.entries()) {
    const outcome = await runFiles(runtime, `${runtime.name} ${pack.name} ${index}`, [file], true);
    if (typeof outcome === 'string') continue;
    const { report, isOver } = outcome;
    for (const failed of report.failedNames) console.log(`  ${runtime.name}: failed: ${failed}`);
    if (!isOver) console.log(`  ${runtime.name}: failed: ${file} crashed, or came to no end`);
    if (report.failed > 0 || !isOver) console.log(outcome.output);
    counts.passed += report.passed;
    counts.failed += report.failed + (isOver ? 0 : 1);
    counts.skipped += report.skipped;
  }
  if (counts.failed === 0) {
    counts.failed++;
    console.log(output, `\n  ${runtime.name}: failed: ${pack.name}, whose files pass one by one`);
  }
  return counts;
}

interface Outcome {
  readonly report: Report;
  readonly output: string;
  /** False: it has crashed or was ended, so that the report lacks something. */
  readonly isOver: boolean;
}

/** Runs files in one process; a string says why that is not possible. */
async function runFiles(
  runtime: Runtime,
  name: string,
  files: readonly string[],
  hasPriority: boolean,
): Promise<Outcome | string> {
  const file = join(scratch, `${name.replaceAll(' ', '-')}.xml`);
  const command = runtime.command(files, file);
  if (typeof command === 'string') return command;
  const isLong = values.limit === undefined && files.some((each) => each.includes('test/long/'));
  const { code, output } = await run(command, hasPriority, isLong ? LONG_LIMIT_MS : limitMs);
  const report = readReport(file);
  for (const reason of report.reasons) reasons.add(`${runtime.name}: ${reason}`);
  const tests = report.passed + report.failed + report.skipped;
  return { report, output, isOver: tests > 0 && (code === 0 || report.failed > 0) };
}

async function run(
  command: readonly string[],
  hasPriority: boolean,
  limitMs: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it has started ends with it.
    detached: true,
    // What is started again and again, the command line above all, need not strip the same types each time.
    env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node') },
  });
  const pid = child.pid ?? 0;
  children.add(pid);
  if (!hasPriority) standBack(pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const limit = setTimeout(() => {
    output += `\nEnded after ${limitMs / 1000} seconds\n`;
    endGroup(pid);
  }, limitMs);
  const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 1)));
  clearTimeout(limit);
  // Deno runs a file's hooks only where it is alone: the peers they would have ended are still there.
  endGroup(pid);
  children.delete(pid);
  return { code, output };
}

function endGroup(pid: number): void {
  try {
    if (pid > 0) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function standBack(pid: number): void {
  try {
    setPriority(pid, STANDING_BACK);
  } catch {
    // It has ended already, or the system knows no priorities: then all are equal.
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const pid of children) endGroup(pid);
    process.exit(1);
  });
}

const { values, positionals } = parseArgs({
  options: { runtime: { type: 'string', default: 'node,deno,bun' }, limit: { type: 'string' } },
  allowPositionals: true,
});
/** A pack is ended after this long, as no test command limits a test that never yields. Far more than any takes. */
const limitMs = Number(values.limit ?? 600) * 1000;
if (!(limitMs > 0)) throw new RangeError(`Cannot end packs after "${values.limit}": give seconds`);
const files = testFiles(positionals);
const wanted = values.runtime.split(',').map((name) => {
  const runtime = runtimes.find((candidate) => candidate.name === name);
  if (runtime === undefined) throw new RangeError(`Cannot test on "${name}": use bun, node or deno`);
  // A file that is asked for runs wherever it is asked for.
  return { runtime, packs: packsOf(positionals.length > 0 ? files : filesOn(name, files)) };
});
const waiting = (kind: Pack['kind']): Job[] =>
  wanted
    .flatMap(({ runtime, packs }) =>
      packs.filter((pack) => pack.kind === kind).map((pack) => ({ runtime, pack })),
    )
    .toSorted((a, b) => a.pack.place - b.pack.place);
const [timed, slow, busy] = [waiting('timed'), waiting('waiting'), waiting('busy')];
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const work = async (...queues: Job[][]): Promise<void> => {
  for (;;) {
    const job = queues.find((queue) => queue.length > 0)?.shift();
    if (job === undefined) return;
    const { passed, failed, skipped } = await runJob(job);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
};
const lanes = Math.min(availableParallelism(), MOST_LANES);
await Promise.all([work(timed, slow, busy), ...Array.from({ length: lanes }, () => work(busy, slow))]);
rmSync(scratch, { recursive: true });
for (const reason of reasons) console.log(`skipped on ${reason}`);
if (total.passed === 0) total.failed++;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
