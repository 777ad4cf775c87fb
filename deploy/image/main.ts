#!/usr/bin/env bun
/**
 * The program of the container image, compiled into one file: `pointsman`'s commands, and beside them the greeter's
 * own programs of the tutorial, so that one image serves gateway, servers and client.
 *
 *     pointsman serve --config /etc/pointsman        the gateway, and every other command
 *     pointsman greeter-server --version v2          services/greeter/server.ts
 *     pointsman greeter-client --address gateway     services/greeter/client.ts
 *     pointsman healthy [http://127.0.0.1:9901]      exit 0 when the container's program is ready, for HEALTHCHECK
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
    process.exitCode = (await isReady(process.argv[3])) ? 0 : 1;
    break;
  default:
    await import('../../cli/main.ts');
}

/** Of an admin port that is named, else of what the container runs. */
async function isReady(admin: string | undefined): Promise<boolean> {
  const { checkOfContainer, isHealthy } = await import('./healthy.ts');
  try {
    return await isHealthy(admin === undefined ? checkOfContainer() : { url: `${admin}/readyz` });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return false;
  }
}
