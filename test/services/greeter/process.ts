/**
 * The greeter's programs as real processes, run by whatever runtime runs the test. Imports node only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..', '..');

/** Why a test of HTTP/1.1 keep-alive is skipped on Deno. */
export const skipKeepAlive =
  'Deno' in globalThis
    ? 'Deno resets a handed-over connection after one HTTP/1.1 response, so there the server closes each'
    : false;

export interface RunningProgram {
  /** All that it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: () => boolean;
  /** Resolves with the match as soon as standard output has one; rejects if the program ends without. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exit: Promise<number | string>;
}

/** Starts a file of services/ with arguments; `env` is added to the environment. */
export function start(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProgram {
  const runtimeArgs = 'Deno' in globalThis ? ['run', '-A', '--no-check', '--quiet'] : [];
  const child = spawn(process.execPath, [...runtimeArgs, join(root, 'services', file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exit = once(child, 'close').then(([code, signal]) => {
    ended = true;
    wake();
    return (code ?? signal) as number | string;
  });
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended: () => ended,
    // By process id: after child.kill() Deno reports the signal in place of the exit code, handled or not.
    kill: (signal) => process.kill(child.pid!, signal),
    exit,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(stdout);
          if (match === null && !ended) return;
          waiting.delete(look);
          if (match !== null) resolve(match);
          else reject(new Error(`no ${pattern} in:\n${stdout}${stderr}`));
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Runs `use` with a greeter that listens on a free port of 127.0.0.1, and ends it afterwards. */
export async function withGreeter(
  args: readonly string[],
  use: (port: number, program: RunningProgram) => Promise<void>,
): Promise<void> {
  await withProgram(
    start('greeter/server.ts', ['--host', '127.0.0.1', '--port', '0', ...args]),
    async (program) => {
      const [, port] = await program.line(/listens on 127\.0\.0\.1:(\d+)/);
      await use(Number(port), program);
    },
  );
}

/** Runs `use` with a program, which is killed afterwards if it still runs. */
export async function withProgram(
  program: RunningProgram,
  use: (program: RunningProgram) => Promise<void>,
): Promise<void> {
  try {
    await use(program);
  } finally {
    if (!program.ended()) program.kill('SIGKILL');
    await program.exit;
  }
}
