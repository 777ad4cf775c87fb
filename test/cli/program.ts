/** Runs the command line as its users do: as a process of its own, on the runtime that runs the test. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The project's folder. */
export const root = resolve(import.meta.dirname, '../..');

/** What a finished program left. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way. */
export interface Running {
  readonly process: ChildProcessWithoutNullStreams;
  readonly finished: Promise<Finished>;
  /** Sends a signal. Not through the child itself: Deno then reports the signal, however the child ended. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the match once standard output has what the pattern asks for; rejects if the program ends first. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts `pointsman` with the arguments. */
export function start(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Running {
  const runtime = 'Deno' in globalThis ? ['run', '-A', '--no-check', '--quiet'] : [];
  const child = spawn(process.execPath, [...runtime, resolve(root, 'cli/main.ts'), ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...options.env } as NodeJS.ProcessEnv,
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    for (const check of [...waiting]) check();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((done) =>
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr })),
  );
  const seen = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((done, failed) => {
      const check = () => {
        const match = pattern.exec(stdout);
        if (match === null) return;
        waiting.delete(check);
        done(match);
      };
      waiting.add(check);
      check();
      void finished.then(({ code }) =>
        failed(new Error(`Ended with ${code} before ${pattern}:\n${stdout}\n${stderr}`)),
      );
    });
  const kill = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(child.pid, signal);
  };
  return { process: child, finished, seen, kill };
}

/** Runs `pointsman` to its end. */
export function pointsman(
  args: readonly string[],
  options: { stdin?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const running = start(args, options);
  running.process.stdin.end(options.stdin ?? '');
  return running.finished;
}
