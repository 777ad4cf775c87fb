/**
 * Runs the test suite on each runtime that Pointsman supports and adds up the counts.
 *
 *     bun test/run.ts [--runtime node,deno,bun] [FILE-OR-FOLDER…]
 *
 * Every `*.test.ts` below `test/` is one `node:test` file that the three runtimes' own test commands run
 * unchanged. Each writes a JUnit report, from which the last line is made: `N passed, N failed, N skipped`.
 * Files under `test/long/` and `test/package/` run only when they are named. Exit code 0: nothing failed.
 *
 * Two things go on at a time where there are two processors: `test/e2e/`, whose tests look at the clock, one runtime
 * after the other, and all else beside it with a lower priority.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { arch, availableParallelism, constants, platform, setPriority, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');

/**
 * One run is ended after this long, as not every test command limits a test that never yields. Far more than a run
 * takes, since what it had found by then is lost.
 */
const LIMIT_MS = 15 * 60_000;

/** Folders of tests that take long, or need more than a clone has. */
const NAMED_ONLY = ['long', 'package'];

interface Runtime {
  readonly name: string;
  /** The program and arguments that run `files` and write a JUnit report to `report`; a string says why not. */
  command(files: readonly string[], report: string): readonly string[] | string;
}

const runtimes: readonly Runtime[] = [
  {
    name: 'bun',
    command: (files, report) => [
      bin('bun'),
      'test',
      '--timeout=120000',
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
  },
  {
    name: 'node',
    command: (files, report) => {
      const node = findNode();
      if (node === undefined) return 'Node 22.18 or newer is neither installed as a package nor on the PATH';
      return [
        node,
        '--import=./test/leftover.ts',
        '--test',
        '--test-concurrency=1',
        '--test-timeout=120000',
        '--test-reporter=junit',
        `--test-reporter-destination=${report}`,
        '--test-reporter=dot',
        '--test-reporter-destination=stdout',
        ...files,
      ];
    },
  },
  {
    name: 'deno',
    command: (files, report) => [
      bin('deno'),
      'test',
      '-A',
      '--no-check',
      '--quiet',
      `--junit-path=${report}`,
      '--reporter=dot',
      ...files,
    ],
  },
];

/** A program of an installed package. */
function bin(name: string): string {
  return join(root, 'node_modules', '.bin', platform() === 'win32' ? `${name}.cmd` : name);
}

/** Node from its npm package, else the one on the PATH if it can run TypeScript. */
function findNode(): string | undefined {
  const packaged = join(root, 'node_modules', `node-${platform()}-${arch()}`, 'bin', 'node');
  if (existsSync(packaged)) return packaged;
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const program = join(folder, 'node');
    if (folder.includes('node_modules') || !existsSync(program)) continue;
    return nodeRunsTypeScript(program) ? program : undefined;
  }
  return undefined;
}

function nodeRunsTypeScript(program: string): boolean {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const [major = 0, minor = 0] = stdout.trim().slice(1).split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/** Test files below a file or folder, relative to the root, in a stable order. */
function testFiles(paths: readonly string[]): string[] {
  const files = new Set<string>();
  const visit = (path: string, asked: boolean) => {
    if (path.endsWith('.test.ts')) return void files.add(relative(root, path));
    if (path.endsWith('.ts')) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && (asked || !NAMED_ONLY.includes(entry.name)))
        visit(join(path, entry.name), asked);
      else if (entry.name.endsWith('.test.ts')) files.add(relative(root, join(path, entry.name)));
    }
  };
  for (const path of paths) visit(resolve(path), true);
  if (paths.length === 0) visit(join(root, 'test'), false);
  return [...files].sort();
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Why tests were skipped, each said once; Node's reports alone tell. */
const reasons = new Set<string>();

/** Counts the test cases of a JUnit report, prints the names of those that failed, and notes why others were skipped. */
function readReport(report: string, runtime: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  if (!existsSync(report)) return counts;
  const xml = readFileSync(report, 'utf8');
  for (const [, attributes = '', , content = ''] of xml.matchAll(
    /<testcase\b((?:"[^"]*"|[^">])*?)(\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    if (/<(failure|error)\b/.test(content)) {
      counts.failed++;
      console.log(`  ${runtime}: failed: ${/\bname="([^"]*)"/.exec(attributes)?.[1]}`);
    } else if (/<skipped\b/.test(content)) {
      counts.skipped++;
      const reason = /<skipped\b[^>]*\bmessage="([^"]*)"/.exec(content)?.[1];
      if (reason) reasons.add(`${runtime}: ${reason}`);
    } else counts.passed++;
  }
  return counts;
}

interface Job {
  readonly runtime: Runtime;
  readonly name: string;
  readonly files: readonly string[];
  /** Whether its tests look at the clock, so that others have to stand back. */
  readonly timed: boolean;
}

/** Runs one job to its end, and prints what failed. */
async function runJob({ runtime, name, files, timed }: Job): Promise<Counts> {
  const report = join(scratch, `${name.replaceAll(' ', '-')}.xml`);
  const command = runtime.command(files, report);
  if (typeof command === 'string') {
    console.log(`${name}: skipped: ${command}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const started = performance.now();
  const { code, output } = await run(command, timed);
  const counts = readReport(report, runtime.name);
  if (code !== 0) {
    console.log(output);
    if (counts.failed === 0) counts.failed++; // the runner itself failed: a crash, a file that does not load
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  );
  return counts;
}

async function run(
  command: readonly string[],
  timed: boolean,
): Promise<{ readonly code: number; readonly output: string }> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Node starts a process for each file: they need not all strip the same types again.
    env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node') },
  });
  if (!timed && child.pid !== undefined) standBack(child.pid);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const limit = setTimeout(() => {
    output += `\nEnded after ${LIMIT_MS / 60_000} minutes\n`;
    child.kill('SIGKILL');
  }, LIMIT_MS);
  const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 1)));
  clearTimeout(limit);
  return { code, output };
}

function standBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system knows no priorities: then all are equal.
  }
}

const { values, positionals } = parseArgs({
  options: { runtime: { type: 'string', default: 'node,deno,bun' } },
  allowPositionals: true,
});
const scratch = mkdtempSync(join(tmpdir(), 'pointsman-test-'));
const files = testFiles(positionals);
const isTimed = (file: string) => file.startsWith(join('test', 'e2e'));
const jobs = values.runtime.split(',').flatMap((name): Job[] => {
  const runtime = runtimes.find((candidate) => candidate.name === name);
  if (runtime === undefined) throw new RangeError(`Cannot test on "${name}": use bun, node or deno`);
  return [
    { runtime, name: `${name} e2e`, files: files.filter(isTimed), timed: true },
    { runtime, name, files: files.filter((file) => !isTimed(file)), timed: false },
  ];
});
const waiting = (wanted: boolean) => jobs.filter((job) => job.timed === wanted && job.files.length > 0);
const [timed, others] = [waiting(true), waiting(false)];
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
await Promise.all([work(timed, others), ...(availableParallelism() > 1 ? [work(others)] : [])]);
rmSync(scratch, { recursive: true });
for (const reason of reasons) console.log(`skipped on ${reason}`);
if (total.passed === 0) total.failed++;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
