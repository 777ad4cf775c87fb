/**
 * The image's health check: asks the program that the container runs, wherever its arguments have it listen, so that one
 * check is right for the gateway, the greeter's server and its client.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

/** What to ask, and how. */
export interface Check {
  readonly url: string;
  readonly init?: RequestInit;
}

/** The first process of the container, with what else its arguments and variables leave unsaid. */
export function checkOfContainer(): Check | undefined {
  const words = readFileSync('/proc/1/cmdline', 'utf8').split('\0').slice(0, -1);
  // An init process may stand before it.
  const program = words.findIndex((word) => basename(word) === 'pointsman');
  return checkOf(words.slice(program + 1), process.env);
}

/**
 * Of a program with these arguments and variables: a gateway's `/readyz`, or a server's gRPC health by Connect. Undefined:
 * there is nothing to ask, as a client listens nowhere. Throws a RangeError where the port is any free one.
 */
export function checkOf(
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Check | undefined {
  if (command === 'greeter-client') return undefined;
  const { values } = parseArgs({
    args,
    strict: false,
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      'admin-port': { type: 'string' },
      'admin-host': { type: 'string' },
    },
  });
  const text = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined);
  if (command === 'greeter-server') {
    const host = text(values.host) ?? env['GREETER_LISTEN_HOST'];
    const origin = originOf(host, text(values.port) ?? env['GREETER_LISTEN_PORT'] ?? '20000');
    const headers = { 'content-type': 'application/json' };
    return {
      url: `${origin}/grpc.health.v1.Health/Check`,
      init: { method: 'POST', headers, body: '{}' },
    };
  }
  const port = text(values['admin-port']) ?? env['POINTSMAN_ADMIN_PORT'] ?? '9901';
  return { url: `${originOf(text(values['admin-host']), port)}/readyz` };
}

/** From within the container. */
function originOf(host = '', port: string): string {
  if (Number(port) === 0)
    throw new RangeError(
      'Cannot tell which port is listened on: name the URL, for example "pointsman healthy http://127.0.0.1:9901"',
    );
  const local = ['', '0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  return `http://${local.includes(':') ? `[${local}]` : local}:${port}`;
}

/** Says on standard error what is wrong, and returns whether all is well. */
export async function isHealthy(check: Check | undefined): Promise<boolean> {
  if (check === undefined) return true;
  const { url, init } = check;
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(2000) });
    const answer = await response.text();
    // A server that drains answers, but does not serve.
    const isWell = response.ok && !answer.includes('NOT_SERVING');
    if (!isWell) process.stderr.write(`${answer.trimEnd()}\n`);
    return isWell;
  } catch (error) {
    process.stderr.write(`Cannot reach ${url}: ${(error as Error).message}\n`);
    return false;
  }
}
