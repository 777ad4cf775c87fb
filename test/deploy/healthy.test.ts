import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { checkOf, isHealthy } from '../../deploy/image/healthy.ts';
import { createGreeter } from '../../services/greeter/app.ts';
import { start } from '../gateway/world.ts';

const CASES: readonly [args: string, env: Record<string, string>, url: string | undefined][] = [
  ['serve --config /etc/pointsman', {}, 'http://127.0.0.1:9901/readyz'],
  ['serve --config a --admin-port 19901 --port 8080=20000', {}, 'http://127.0.0.1:19901/readyz'],
  ['serve --admin-port=19901 --admin-host=0.0.0.0', {}, 'http://127.0.0.1:19901/readyz'],
  ['serve --admin-host fd00::1', { POINTSMAN_ADMIN_PORT: '9000' }, 'http://[fd00::1]:9000/readyz'],
  ['greeter-server --version v2', {}, 'http://127.0.0.1:20000/grpc.health.v1.Health/Check'],
  ['greeter-server', { GREETER_LISTEN_PORT: '7' }, 'http://127.0.0.1:7/grpc.health.v1.Health/Check'],
  ['greeter-server --port 8 --host ::', {}, 'http://127.0.0.1:8/grpc.health.v1.Health/Check'],
  ['greeter-client --address gateway:8080', {}, undefined],
];

for (const [args, env, url] of CASES)
  test(`checkOf() asks ${url ?? 'nobody'} for ${args} ${JSON.stringify(env)}`, () => {
    assert.equal(checkOf(args.split(' '), env)?.url, url);
  });

test('checkOf() wants a URL where the port is any free one', () => {
  assert.throws(() => checkOf(['serve', '--admin-port', '0'], {}), /name the URL/);
});

test('isHealthy() is true of a greeter that serves, and of none that drains or is not there', async () => {
  const greeter = createGreeter('v1');
  const server = await start(http.createServer(connectNodeAdapter({ routes: greeter.routes })));
  const check = checkOf(['greeter-server', '--port', `${server.port}`], {});
  assert.equal(await isHealthy(check), true);
  greeter.health.shutDown();
  assert.equal(await isHealthy(check), false);
  await server.kill();
  assert.equal(await isHealthy(check), false);
});
