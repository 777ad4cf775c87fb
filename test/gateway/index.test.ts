/** The gateway as a Hono app: who answers, middleware around the mesh, other routers, and plain `fetch`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, type ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Hono } from 'hono';
import { featureFlagRouter } from '../../examples/router/feature-flag.ts';
import { roundRobinRouter } from '../../examples/router/round-robin.ts';
import { createGateway, textSource } from '../../gateway/index.ts';
import { Echo, echoRoutes } from './echo.ts';
import { ask, connectServer, noH2, openGateway, remoteService } from './world.ts';

const json = { 'content-type': 'application/json' };
const unary = (value: string, headers: Record<string, string> = {}) =>
  new Request('http://echo/test.Echo/Unary', {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(value),
  });
const inProcess = { services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }] };

test('fetch() routes Connect and gRPC-Web without a listener', async () => {
  const gateway = createGateway(inProcess);
  const response = await gateway.fetch(unary('a'));
  assert.equal(response.status, 200);
  assert.equal(await response.json(), 'v1: a');
  const web = await gateway.fetch(
    new Request('http://echo/test.Echo/Unary', {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto' },
      body: new Uint8Array([0, 0, 0, 0, 3, 10, 1, 97]),
    }),
  );
  assert.match(new TextDecoder('latin1').decode(await web.arrayBuffer()), /v1: a[\s\S]*grpc-status: 0/);
  await gateway.stop();
});

test('fetch() refuses native gRPC and says why', async () => {
  const gateway = createGateway(inProcess);
  const response = await gateway.fetch(
    new Request('http://echo/test.Echo/Unary', {
      method: 'POST',
      headers: { 'content-type': 'application/grpc' },
      body: new Uint8Array([0, 0, 0, 0, 3, 10, 1, 97]),
    }),
  );
  assert.equal(response.headers.get('grpc-status'), '12');
  assert.match(response.headers.get('grpc-message') ?? '', /needs HTTP\/2 trailers/);
  await gateway.stop();
});

test('fetch() hands requests to a Hono app that is registered as a service', async () => {
  const app = new Hono();
  app.get('/hello/:name', (context) => context.text(`hello ${context.req.param('name')}`));
  const gateway = createGateway({ services: [{ host: 'web', port: 80, handler: app }] });
  const response = await gateway.fetch(new Request('http://web/hello/you'));
  assert.equal(await response.text(), 'hello you');
  await gateway.stop();
});

test('fetch() asks an endpoint for no upgrade', async () => {
  const app = new Hono().all('*', (context) =>
    context.text(`${context.req.method} ${context.req.header('upgrade') ?? 'as it is'}`),
  );
  const gateway = createGateway({ services: [{ host: 'web', port: 80, handler: app }] });
  const headers = { upgrade: 'websocket', connection: 'upgrade' };
  const answer = await gateway.fetch(new Request('http://web/', { headers }));
  assert.equal(await answer.text(), 'GET as it is');
  await gateway.stop();
});

test('use() puts middleware before a proxied gRPC route', { skip: noH2 }, async () => {
  const server = await connectServer('http2', echoRoutes('v1'));
  const { gateway, baseUrl } = await openGateway(
    { remoteServices: [remoteService('echo', [{ port: server.port }], 'http2')], defaultHost: 'echo' },
    (app) => {
      app.use(async (context, next) => {
        if (context.req.header('authorization') !== 'Bearer good') return context.text('Unauthorized', 401);
        await next();
        context.header('x-after', 'seen');
      });
    },
  );
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  await assert.rejects(
    client.unary({ value: 'a' }),
    (error: ConnectError) => error.code === Code.Unauthenticated,
  );
  let after: string | null = null;
  let trailer: string | null = null;
  const answer = await client.unary(
    { value: 'a' },
    {
      headers: { authorization: 'Bearer good' },
      onHeader: (headers) => {
        after = headers.get('x-after');
      },
      onTrailer: (trailers) => {
        trailer = trailers.get('x-trailer');
      },
    },
  );
  assert.deepEqual(
    { value: answer.value, after, trailer },
    { value: 'v1: a', after: 'seen', trailer: 'seen' },
  );
  await gateway.stop(0);
  await server.kill();
});

test('use() may read the body and set request headers that the endpoint then gets', async () => {
  const { gateway, port } = await openGateway(inProcess, (app) => {
    app.use(async (context, next) => {
      assert.equal(await context.req.json(), 'a');
      context.req.raw.headers.set('x-ask', 'set by middleware');
      await next();
    });
  });
  const answer = await ask(port, {
    method: 'POST',
    path: '/test.Echo/Unary',
    headers: ['host', 'echo', 'content-type', 'application/json'],
    body: '"a"',
  });
  assert.equal(answer.body, '"v1: a"');
  assert.equal(answer.headers['x-header'], 'set by middleware');
  await gateway.stop(0);
});

test('get() adds a route that comes before the mesh, whenever it is added', async () => {
  const gateway = createGateway(inProcess);
  gateway.get('/own', (context) => context.text('mine'));
  assert.equal(await (await gateway.fetch(new Request('http://echo/own'))).text(), 'mine');
  assert.equal(await (await gateway.fetch(unary('a'))).json(), 'v1: a');
  await gateway.stop();
});

test('createGateway() takes any router: by a feature flag', async () => {
  const services = ['old', 'new'].map((host) => ({ host, port: 80, handler: echoRoutes(host) }));
  const cluster = (host: string) => `outbound|80||${host}.default.svc.cluster.local`;
  const flagged = new Set(['ann']);
  const gateway = createGateway({
    services,
    router: featureFlagRouter({
      on: cluster('new'),
      off: cluster('old'),
      isEnabled: (user) => user !== undefined && flagged.has(user),
    }),
  });
  const call = async (user: string) => (await gateway.fetch(unary('a', { user }))).json();
  assert.equal(await call('ann'), 'new: a');
  assert.equal(await call('bob'), 'old: a');
  flagged.add('bob');
  assert.equal(await call('bob'), 'new: a');
  await gateway.stop();
});

test('createGateway() takes any router: round robin over hosts', async () => {
  const services = ['a', 'b', 'c'].map((host) => ({ host, port: 80, handler: echoRoutes(host) }));
  const gateway = createGateway({
    services,
    router: roundRobinRouter(['a', 'b', 'c'].map((host) => `outbound|80||${host}.default.svc.cluster.local`)),
  });
  const answers: unknown[] = [];
  for (let i = 0; i < 6; i++) answers.push(await (await gateway.fetch(unary('x'))).json());
  assert.deepEqual(answers, ['a: x', 'b: x', 'c: x', 'a: x', 'b: x', 'c: x']);
  await gateway.stop();
});

test('createGateway() refuses a control plane beside another source', () => {
  assert.throws(
    () => createGateway({ config: ['rules.yaml', 'xds://localhost:15010'] }),
    (error) =>
      error instanceof TypeError && /"xds:.*15010" and elsewhere: .*; give it alone$/.test(error.message),
  );
});

test('createGateway() refuses two endpoints of one name and says which', () => {
  const service = { host: 'echo', port: 80, name: 'one', handler: echoRoutes('v1') };
  assert.throws(() => createGateway({ services: [service, service] }), /"one" of echo\.default.*:80/);
});

test('createGateway() gives each port of a host its own handlers', async () => {
  const gateway = createGateway({
    services: [
      { host: 'echo', port: 80, handler: echoRoutes('first') },
      { host: 'echo', port: 90, handler: echoRoutes('second') },
    ],
  });
  assert.deepEqual(
    gateway.clusters().map(({ name }) => name),
    [],
  );
  await gateway.ready();
  for (const [port, name] of [
    [80, 'first'],
    [90, 'second'],
  ] as const) {
    const request = new Request(`http://echo:${port}/test.Echo/Unary`, {
      method: 'POST',
      headers: json,
      body: '"a"',
    });
    assert.equal(await (await gateway.fetch(request)).json(), `${name}: a`);
  }
  await gateway.stop();
});

test('servicePorts() begins with the only port of the default host, which listeners stand for', async () => {
  const { gateway, port } = await openGateway({
    services: [
      { host: 'other', port: 70, handler: echoRoutes('other') },
      { host: 'echo', port: 20000, handler: echoRoutes('v1') },
    ],
    defaultHost: 'echo',
  });
  assert.deepEqual(gateway.servicePorts(), [20000, 70]);
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1:1', '[::1]:9', 'echo', 'ECHO']) {
    const answer = await ask(port, {
      method: 'POST',
      path: '/test.Echo/Unary',
      headers: ['host', host, 'content-type', 'application/json', 'content-length', '3'],
      body: '"a"',
    });
    assert.equal(answer.body, '"v1: a"', host);
  }
  await gateway.stop(0);
});

test('unreadiness() says why until the first rules are in effect, and again while draining', async () => {
  const gateway = createGateway(inProcess);
  assert.match(gateway.unreadiness() ?? '', /no configuration/);
  await gateway.ready();
  assert.equal(gateway.unreadiness(), undefined);
  await gateway.stop();
  assert.equal(gateway.unreadiness(), 'draining');
});

test('ready() tries again after a source could not start', async () => {
  let attempts = 0;
  const text = textSource('rules.yaml', '');
  const gateway = createGateway({
    config: {
      name: 'late',
      async start(onSnapshot, signal) {
        if (attempts++ === 0) throw new Error('Cannot reach it yet');
        await text.start(onSnapshot, signal);
      },
    },
  });
  await assert.rejects(gateway.ready(), /Cannot reach it yet/);
  await gateway.ready();
  assert.equal(gateway.unreadiness(), undefined);
  await gateway.stop();
});
