/**
 * The test command of each runtime. All files of a call share one process, as Bun has it by itself: a process, or a
 * set of modules, for each file costs half as much again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { root } from './plan.ts';

/** A runtime that the suite runs on. */
export interface Runtime {
  readonly name: string;
  /** The program and arguments that run `files` and write a JUnit report to `report`; a string says why not. */
  command(files: readonly string[], report: string): readonly string[] | string;
}

/** Longer than any test takes, in milliseconds. */
const TEST_LIMIT_MS = 120_000;

/** Every one. */
export const runtimes: readonly Runtime[] = [
  {
    name: 'bun',
    command: (files, report) => [
      ...[bin('bun'), 'test', `--timeout=${TEST_LIMIT_MS}`],
      ...['--reporter=junit', `--reporter-outfile=${report}`],
      ...files.map((file) => `./${file}`),
    ],
  },
  {
    name: 'node',
    command: (files, report) => {
      const node = findNode();
      if (node === undefined) return 'Node 22.18 or newer is neither installed as a package nor on the PATH';
      return [
        ...[node, '--import=./test/leftover.ts', '--test', '--test-isolation=none'],
        `--test-timeout=${TEST_LIMIT_MS}`,
        ...['--test-reporter=junit', `--test-reporter-destination=${report}`],
        ...['--test-reporter=dot', '--test-reporter-destination=stdout'],
        ...files,
      ];
    },
  },
  {
    name: 'deno',
    command: (files, report) => {
      const all = report.replace(/xml$/, 'test.ts');
      writeFileSync(all, files.map((file) => `import ${JSON.stringify(join(root, file))};\n`).join(''));
      return [
        ...[bin('deno'), 'test', '-A', '--no-check', '--quiet'],
        ...[`--junit-path=${report}`, '--reporter=dot', all],
      ];
    },
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
