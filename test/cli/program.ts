/** Runs the command line as its users do: as a process of its own, on the runtime that runs the test. */
import { type Program, type StartOptions, start as startFile } from '../program.ts';

/** What a finished program left. */
export interface Finished {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `pointsman` with the arguments. */
export function start(args: readonly string[], options?: StartOptions): Program {
  return startFile('cli/main.ts', args, options);
}

/** Runs `pointsman` to its end. */
export async function pointsman(
  args: readonly string[],
  options: StartOptions & { readonly stdin?: string } = {},
): Promise<Finished> {
  const running = start(args, options);
  running.stdin.end(options.stdin ?? '');
  const code = await running.exit;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}
