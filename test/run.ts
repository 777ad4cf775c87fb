/**
 * Runs the test suite on each runtime that Pointsman supports and adds up the counts.
 *
 *     bun test/run.ts [--runtime bun,node,deno] [FILE-OR-FOLDER…]
 *
 * Every `*.test.ts` below `test/` is one `node:test` file that the three runtimes' own test commands run
 * unchanged. Each writes a JUnit report, from which the last line is made: `N passed, N failed, N skipped`.
 * Files under `test/long/` run only when they are named. Exit code 0: nothing failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');

/** A runtime's whole run is ended after this long: not every test command limits a test that never yields. */
const LIMIT_MS = 6 * 60_000;

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
        '--test',
        '--test-concurrency=1',
        // A test that failed may leave something open: that must not hold up the others.
        '--test-force-exit',
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
      if (entry.isDirectory() && (asked || entry.name !== 'long')) visit(join(path, entry.name), asked);
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

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
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

const { values, positionals } = parseArgs({
  options: { runtime: { type: 'string', default: 'bun,node,deno' } },
  allowPositionals: true,
});
const files = testFiles(positionals);
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'pointsman-test-'));
for (const name of values.runtime.split(',')) {
  const runtime = runtimes.find((candidate) => candidate.name === name);
  if (runtime === undefined) throw new RangeError(`Cannot test on "${name}": use bun, node or deno`);
  const report = join(scratch, `${name}.xml`);
  const command = runtime.command(files, report);
  if (typeof command === 'string') {
    console.log(`${name}: skipped: ${command}`);
    total.skipped++;
    continue;
  }
  const started = performance.now();
  const { code, output } = await run(command);
  const counts = readReport(report, name);
  if (code !== 0) {
    console.log(output);
    if (counts.failed === 0) counts.failed++; // the runner itself failed: a crash, a file that does not load
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  );
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
rmSync(scratch, { recursive: true });
for (const reason of reasons) console.log(`skipped on ${reason}`);
if (total.passed === 0) total.failed++;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
