import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, type ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { Gateway } from '../../gateway/index.ts';
import { Echo, echoRoutes } from './echo.ts';
import { ask, connectServer, openGateway, remoteService } from './world.ts';

const authorize = (gateway: Gateway) =>
  gateway.use('/test.Echo/*', async (context, next) => {
    if (context.req.header('authorization') === 'Bearer good') return next();
    return context.text('no', 401);
  });

test('listen() has middleware decide before a proxied gRPC call, however its path is written', async () => {
  const server = await connectServer('http2', echoRoutes('v1'));
  const { gateway, port, baseUrl } = await openGateway(
    { remoteServices: [remoteService('echo', [{ port: server.port }], 'http2')], defaultHost: 'echo' },
    authorize,
  );
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  const headers = { authorization: 'Bearer good' };
  assert.equal((await client.unary({ value: 'a' }, { headers })).value, 'v1: a');
  await assert.rejects(
    client.unary({ value: 'a' }),
    (error: ConnectError) => error.code === Code.Unauthenticated,
  );
  for (const path of [
    '/test.Echo/Unary',
    '/test.Echo/Unary?x=1',
    '/x/../test.Echo/Unary',
    '/./test.Echo/Unary',
    '/%74est.Echo/Unary',
    '/test.Echo%2FUnary',
    '\\test.Echo\\Unary',
    '/x/%2e%2e/test.Echo/Unary',
    'http://echo/test.Echo/Unary',
  ]) {
    const answer = await ask(port, {
      method: 'POST',
      path,
      headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', '3'],
      body: '"a"',
    });
    assert.notEqual(answer.status, 200, path);
  }
  await gateway.stop(0);
  await server.kill();
});

test('listen() leaves calls that no middleware covers alone', async () => {
  const { gateway, port } = await openGateway(
    { services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }] },
    (gateway) => {
      gateway.get('/hello', (context) => context.text('mine'));
      gateway.use('/private/*', async (context) => context.text('no', 403));
    },
  );
  assert.equal((await ask(port, { path: '/hello' })).body, 'mine');
  assert.equal((await ask(port, { path: '/private/a' })).status, 403);
  assert.equal((await ask(port, { method: 'HEAD', path: '/hello' })).status, 200);
  const call = await ask(port, {
    method: 'POST',
    path: '/test.Echo/Unary',
    headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', '3'],
    body: '"a"',
  });
  assert.equal(call.body, '"v1: a"');
  await gateway.stop(0);
});

test("listen() asks a notFound of the user's for everything", async () => {
  const { gateway, port } = await openGateway({}, (gateway) => {
    gateway.notFound((context) => context.text('nothing here', 404));
  });
  assert.equal((await ask(port, { path: '/x' })).body, 'nothing here');
  await gateway.stop(0);
});

test('listen() answers 405 and says what it takes to a method that no Request can have', async () => {
  const { gateway, port } = await openGateway({}, (gateway) => {
    gateway.use((_, next) => next());
  });
  const { status, headers } = await ask(port, { method: 'TRACE' });
  assert.deepEqual([status, headers['allow']], [405, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
  await gateway.stop(0);
});

test('listen() has a route of the user’s decide however a method is written', async () => {
  const { gateway, port } = await openGateway(
    {
      services: [{ host: 'echo', port: 80, handler: { fetch: () => new Response('reached') } }],
      defaultHost: 'echo',
    },
    (gateway) => {
      gateway.get('/admin/*', (context) => context.text('no', 401));
    },
  );
  for (const method of ['GET', 'get', 'Get', 'HEAD', 'head'])
    assert.notEqual((await ask(port, { method, path: '/admin/x' })).status, 200, method);
  await gateway.stop(0);
});
