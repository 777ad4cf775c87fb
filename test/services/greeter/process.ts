/**
 * The greeter's programs as real processes, run by whatever runtime runs the test.
 */
import { type Program, runtime, start as startFile } from '../../program.ts';

/** Why a test of HTTP/1.1 keep-alive is skipped on Deno. */
export const skipKeepAlive =
  runtime === 'deno'
    ? 'Deno resets a handed-over connection after one HTTP/1.1 response, so there the server closes each'
    : false;

/** Starts a file of services/ with arguments; `env` is added to the environment. */
export function start(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  return startFile(`services/${file}`, args, { env });
}

/** Runs `use` with a greeter that listens on a free port of 127.0.0.1, and ends it afterwards. */
export async function withGreeter(
  args: readonly string[],
  use: (port: number, program: Program) => Promise<void>,
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
export async function withProgram(program: Program, use: (program: Program) => Promise<void>): Promise<void> {
  try {
    await use(program);
  } finally {
    if (!program.ended()) program.kill('SIGKILL');
    await program.exit;
  }
}
