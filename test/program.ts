/** Starts the project's programs as their users do: each a process of its own, on the runtime that runs the test. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** The project's folder. */
export const root = resolve(import.meta.dirname, '..');

/** What runs this test, and so what the programs run on. */
export const runtime: 'bun' | 'node' | 'deno' =
  'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node';

/** See the fields. */
export interface StartOptions {
  /** Default: the project's folder. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A started process, with what it has written so far. */
export interface Program {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly stdin: ChildProcessWithoutNullStreams['stdin'];
  readonly ended: () => boolean;
  /** Resolves with the first match in standard output; rejects if the program ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal to one that still runs. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
}

/** What still runs is ended with the test that started it: a failed assertion must leave no server behind. */
const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running)
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
});

/** Starts one of our TypeScript files, given from the project's folder. */
export function start(file: string, args: readonly string[], options: StartOptions = {}): Program {
  const before = runtime === 'deno' ? ['run', '-A', '--no-check', '--quiet'] : [];
  return startAny(process.execPath, [...before, resolve(root, file), ...args], options);
}

/** Starts any command. */
export function startAny(program: string, args: readonly string[], options: StartOptions = {}): Program {
  const child = spawn(program, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...options.env } as NodeJS.ProcessEnv,
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
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
    if (pid !== undefined) running.delete(pid);
    wake();
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return {
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    stdin: child.stdin,
    ended: () => ended,
    // By process id: after child.kill() Deno reports the signal in place of the exit code, handled or not.
    kill: (signal) => {
      if (!ended) process.kill(child.pid!, signal);
    },
    exit,
    line: (pattern) =>
      new Promise((found, failed) => {
        const look = () => {
          const match = pattern.exec(stdout);
          if (match === null && !ended) return;
          waiting.delete(look);
          if (match !== null) found(match);
          else failed(new Error(`No ${pattern} in:\n${stdout}${stderr}`));
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Runs any command to its end. */
export async function run(
  program: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<{ readonly code: number | NodeJS.Signals; readonly output: string }> {
  const started = startAny(program, args, options);
  const code = await started.exit;
  return { code, output: started.stdout() + started.stderr() };
}
