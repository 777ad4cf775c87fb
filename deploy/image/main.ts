#!/usr/bin/env bun
/**
 * The program of the container image, compiled into one file: `pointsman`'s commands, and beside them the greeter's
 * own programs of the tutorial, so that one image serves gateway, servers and client.
 *
 *     pointsman serve --config /etc/pointsman        the gateway, and every other command
 *     pointsman greeter-server --version v2          services/greeter/server.ts
 *     pointsman greeter-client --address gateway     services/greeter/client.ts
 *     pointsman healthy [http://127.0.0.1:9901]      exit 0 when the admin port says ready, for HEALTHCHECK
 */
const [, , command] = process.argv;

switch (command) {
  case 'greeter-server':
    process.argv.splice(2, 1);
    await import('../../services/greeter/server.ts');
    break;
  case 'greeter-client':
    process.argv.splice(2, 1);
    await import('../../services/greeter/client.ts');
    break;
  case 'healthy':
    process.exitCode = (await isReady(process.argv[3] ?? 'http://127.0.0.1:9901')) ? 0 : 1;
    break;
  default:
    await import('../../cli/main.ts');
}

async function isReady(admin: string): Promise<boolean> {
  try {
    const response = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2000) });
    if (!response.ok) process.stderr.write(`${await response.text()}\n`);
    return response.ok;
  } catch (error) {
    process.stderr.write(`Cannot reach ${admin}: ${(error as Error).message}\n`);
    return false;
  }
}
