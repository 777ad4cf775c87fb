import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { findPeer, skipWithout } from '../../peer/find.ts';
import { withGreeter } from '../greeter/process.ts';

const run = promisify(execFile);

async function grpcurl(...args: string[]): Promise<string> {
  return (await run(findPeer('grpcurl')!, ['-plaintext', ...args])).stdout;
}

/** buf is one of our own packages, so it is always there. */
async function bufCurl(...args: string[]): Promise<string> {
  const bin = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  return (await run(join(bin, 'buf'), ['curl', '--http2-prior-knowledge', ...args], { env })).stdout;
}

test('grpcurl lists, describes and calls a greeter without a .proto', {
  skip: skipWithout('grpcurl'),
}, async () => {
  await withGreeter(['--version', 'v2'], async (port) => {
    const address = `127.0.0.1:${port}`;
    assert.deepEqual((await grpcurl(address, 'list')).trim().split('\n'), [
      'api.Greeter',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
    assert.deepEqual((await grpcurl(address, 'list', 'api.Greeter')).trim().split('\n'), [
      'api.Greeter.SayHello',
      'api.Greeter.SayHelloStream',
    ]);
    assert.match(
      await grpcurl(address, 'describe', 'api.Greeter'),
      /rpc SayHelloStream \( stream \.api\.HelloRequest \) returns \( stream \.api\.User \);/,
    );
    assert.match(
      await grpcurl(address, 'describe', 'api.User'),
      /string name = 1;\s+string id = 2;\s+int32 age = 3;/,
    );
    const unary = await grpcurl('-d', '{"name":"laurence"}', address, 'api.Greeter/SayHello');
    assert.deepEqual(JSON.parse(unary), { name: 'Hello laurence', id: 'v2.0.0' });
    const stream = await grpcurl('-d', '{"name":"a"} {"name":"b"}', address, 'api.Greeter/SayHelloStream');
    assert.deepEqual(JSON.parse(`[${stream.replace(/\}\s*\{/g, '},{')}]`), [
      { name: 'Hello a', id: 'v2.0.0' },
      { name: 'Hello b', id: 'v2.0.0' },
    ]);
    const health = await grpcurl('-d', '{"service":"api.Greeter"}', address, 'grpc.health.v1.Health/Check');
    assert.deepEqual(JSON.parse(health), { status: 'SERVING' });
  });
});

for (const protocol of ['grpc-v1', 'grpc-v1alpha']) {
  test(`buf curl calls a greeter by ${protocol} reflection`, async () => {
    await withGreeter(['--version', 'v1'], async (port) => {
      const base = `http://127.0.0.1:${port}`;
      const reflect = ['--reflect-protocol', protocol, '--protocol', 'grpc'];
      assert.deepEqual((await bufCurl(...reflect, '--list-methods', base)).trim().split('\n').slice(0, 2), [
        'api.Greeter/SayHello',
        'api.Greeter/SayHelloStream',
      ]);
      const answer = await bufCurl(...reflect, '-d', '{"name":"laurence"}', `${base}/api.Greeter/SayHello`);
      assert.deepEqual(JSON.parse(answer), { name: 'Hello laurence', id: 'v1.0.0' });
    });
  });
}
