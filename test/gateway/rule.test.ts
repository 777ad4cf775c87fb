/** Rules carried out: what the client gets and what the upstream sees, with Envoy's answers where there is none. */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as net from 'node:net';
import { test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { textSource } from '../../gateway/index.ts';
import type { RequestOutcome } from '../../gateway/telemetry/metric.ts';
import { Echo, echoRoutes } from './echo.ts';
import { ask, connectServer, noH2, openGateway, remoteService, start } from './world.ts';

const rules = (spec: string) =>
  textSource(
    'vs.yaml',
    `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: echo }\nspec: { hosts: [echo], http: ${spec} }\n`,
  );

/** A server that tells what it saw, head as on the wire. */
async function mirrorServer(answer?: (response: http.ServerResponse) => void) {
  return start(
    http.createServer((request, response) => {
      if (answer) return answer(response);
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, rawHeaders } = request;
        response.writeHead(200, [
          'content-type',
          'application/json',
          'x-up',
          '1',
          'x-gone',
          '1',
          'connection',
          'x-hop',
          'x-hop',
          '1',
        ]);
        response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(chunks).toString() }));
      });
    }),
  );
}

const outcomes = () => {
  const seen: RequestOutcome[] = [];
  const waiting: (() => void)[] = [];
  return {
    sink: {
      requestEnded(outcome: RequestOutcome) {
        seen.push(outcome);
        waiting.shift()?.();
      },
    },
    seen,
    next: () => (seen.length > 0 ? Promise.resolve() : new Promise<void>((done) => waiting.push(done))),
  };
};

test('listen() keeps its connections to upstreams, whatever a rule sets of their headers', async () => {
  const server = await mirrorServer();
  const set = '{ upgrade: h2c, proxy-connection: close, transfer-encoding: chunked, x-set: "1" }';
  const { gateway, port } = await openGateway({
    config: [rules(`[{ route: [{ destination: { host: echo } }], headers: { request: { set: ${set} } } }]`)],
    remoteServices: [remoteService('echo', [{ port: server.port }])],
  });
  const { rawHeaders } = JSON.parse((await ask(port, { path: '/', headers: ['host', 'echo'] })).body);
  const names = rawHeaders.flatMap((each: string, index: number) =>
    index % 2 === 0 ? each.toLowerCase() : [],
  );
  assert.ok(names.includes('x-set'));
  for (const name of ['upgrade', 'proxy-connection', 'transfer-encoding'])
    assert.ok(!names.includes(name), name);
  await gateway.stop(0);
  await server.kill();
});

test('listen() passes method, path, headers and body on as they are', async () => {
  const server = await mirrorServer();
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
  });
  const answer = await ask(port, {
    method: 'PATCH',
    path: '/a%2Fb//c;x=1?q=%20+&q=2',
    headers: [
      'host',
      'echo',
      'X-One',
      '1',
      'x-one',
      '2',
      'cookie',
      'a=1',
      'connection',
      'x-secret, x-request-id',
      'x-secret',
      's',
      'x-request-id',
      'mine',
      'te',
      'gzip',
      'transfer-encoding',
      'chunked',
    ],
    body: 'hello',
  });
  const { method, url, rawHeaders, body } = JSON.parse(answer.body);
  assert.deepEqual(
    { method, url, body },
    { method: 'PATCH', url: '/a%2Fb//c;x=1?q=%20+&q=2', body: 'hello' },
  );
  const seen: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) seen.push([rawHeaders[i].toLowerCase(), rawHeaders[i + 1]]);
  const values = (name: string) => seen.filter(([each]) => each === name).map(([, value]) => value);
  assert.deepEqual(values('host'), ['echo']);
  assert.deepEqual(values('cookie'), ['a=1']);
  assert.deepEqual(values('x-secret'), []);
  assert.deepEqual(values('te'), []);
  // Named in Connection it is the connection's own, and the request gets another: so does Envoy (case headers-connection-names).
  assert.match(values('x-request-id').join(), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  assert.deepEqual(values('x-forwarded-proto'), ['http']);
  // Deno's server joins repeats before anybody sees them.
  if (!('Deno' in globalThis)) assert.deepEqual(values('x-one'), ['1', '2']);
  assert.equal(answer.headers['x-up'], '1');
  assert.equal(answer.headers['x-hop'], undefined);
  await gateway.stop(0);
  await server.kill();
});

test('listen() gives a request id to a request that has none', async () => {
  const server = await mirrorServer();
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
  });
  const { rawHeaders } = JSON.parse((await ask(port)).body);
  assert.match(rawHeaders[rawHeaders.indexOf('x-request-id') + 1], /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  await gateway.stop(0);
  await server.kill();
});

test('listen() carries out rewrites, header changes, cross-origin headers and says the route', async () => {
  const server = await mirrorServer();
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
    debugHeaders: true,
    config: rules(`[{
      name: changed, match: [{ uri: { prefix: /old } }], rewrite: { uri: /new, authority: other },
      headers: { request: { set: { x-set: in }, remove: [x-drop] }, response: { add: { x-added: "%RESPONSE_CODE%" }, remove: [x-gone] } },
      corsPolicy: { allowOrigins: [{ exact: "http://a" }] }, route: [{ destination: { host: echo } }] }]`),
  });
  const answer = await ask(port, {
    path: '/old/x',
    headers: ['host', 'echo', 'x-drop', '1', 'origin', 'http://a'],
  });
  const { url, rawHeaders } = JSON.parse(answer.body);
  assert.equal(url, '/new/x');
  const lower = rawHeaders.map((text: string) => text.toLowerCase());
  assert.equal(rawHeaders[lower.indexOf('host') + 1], 'other');
  assert.equal(rawHeaders[lower.indexOf('x-set') + 1], 'in');
  assert.ok(!lower.includes('x-drop'));
  assert.equal(answer.headers['x-added'], '200');
  assert.equal(answer.headers['x-gone'], undefined);
  assert.equal(answer.headers['access-control-allow-origin'], 'http://a');
  assert.equal(answer.headers['x-pointsman-route'], 'changed');
  await gateway.stop(0);
  await server.kill();
});

test('listen() answers redirects and direct responses itself', async () => {
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    defaultHost: 'echo',
    config: rules(`[
      { match: [{ uri: { prefix: /go } }], redirect: { uri: /there, redirectCode: 308 } },
      { match: [{ uri: { prefix: /say } }], directResponse: { status: 418, body: { string: "teapot" } } },
      { route: [{ destination: { host: echo } }] }]`),
  });
  const redirect = await ask(port, { path: '/go' });
  assert.deepEqual([redirect.status, redirect.headers.location], [308, 'http://echo/there']);
  const direct = await ask(port, { path: '/say' });
  assert.deepEqual(
    [direct.status, direct.body, direct.headers['content-type']],
    [418, 'teapot', 'text/plain'],
  );
  await gateway.stop(0);
});

test('listen() answers 404 without a word where nothing takes a host, and with the reason when asked to', async () => {
  const { sink, seen, next } = outcomes();
  const silent = await openGateway({ metrics: sink });
  const unknown = { path: '/x', headers: ['host', 'nobody.example'] };
  const answer = await ask(silent.port, unknown);
  assert.deepEqual([answer.status, answer.body], [404, '']);
  await next();
  assert.deepEqual([seen[0]?.status, seen[0]?.flag], [404, 'NR']);
  const telling = await openGateway({ explainNotFound: true });
  const told = await ask(telling.port, unknown);
  assert.equal(told.status, 404);
  assert.match(told.body, /nobody\.example.*\/x/);
  await Promise.all([silent.gateway.stop(0), telling.gateway.stop(0)]);
});

test('listen() tells a gRPC client UNIMPLEMENTED where nothing takes a host', { skip: noH2 }, async () => {
  const { gateway, baseUrl } = await openGateway({ explainNotFound: true });
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  await assert.rejects(client.unary({ value: 'a' }), (error: ConnectError) => {
    assert.equal(error.code, Code.Unimplemented);
    assert.match(error.rawMessage, /127\.0\.0\.1/);
    return true;
  });
  await gateway.stop(0);
});

test('listen() answers 503 NC for a subset that does not exist and UH for one without endpoints', async () => {
  const { sink, seen } = outcomes();
  const destinationRule = textSource(
    'dr.yaml',
    'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: echo }\nspec: { host: echo, subsets: [{ name: empty, labels: { v: none } }] }\n',
  );
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    defaultHost: 'echo',
    metrics: sink,
    config: [
      destinationRule,
      rules(`[{ match: [{ uri: { prefix: /nc } }], route: [{ destination: { host: echo, subset: nosuch } }] },
              { route: [{ destination: { host: echo, subset: empty } }] }]`),
    ],
  });
  assert.equal((await ask(port, { path: '/nc' })).status, 503);
  const empty = await ask(port);
  assert.deepEqual([empty.status, empty.body], [503, 'no healthy upstream']);
  assert.deepEqual(
    seen.map(({ flag }) => flag),
    ['NC', 'UH'],
  );
  await gateway.stop(0);
});

for (const protocol of ['http1', 'http2'] as const) {
  test(`listen() answers 503 at once while a ${protocol} endpoint is dead, and 200 when it is back`, async () => {
    const { sink, seen } = outcomes();
    let server = await connectServer(protocol, echoRoutes('v1'));
    const { gateway, port } = await openGateway({
      remoteServices: [remoteService('echo', [{ port: server.port }], protocol)],
      metrics: sink,
    });
    const call = () =>
      ask(port, {
        method: 'POST',
        path: '/test.Echo/Unary',
        headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', '3'],
        body: '"a"',
      });
    assert.equal((await call()).status, 200);
    await server.kill();
    const dead = await call();
    assert.equal(dead.status, 503);
    assert.match(dead.body, /^upstream connect error or disconnect\/reset before headers\. .*reset reason: /);
    assert.equal((await call()).status, 503);
    assert.equal(seen.at(-1)?.flag, 'URX,UF');
    server = await connectServer(protocol, echoRoutes('v1'), server.port);
    assert.equal((await call()).status, 200);
    await gateway.stop(0);
    await server.kill();
  });
}

test('listen() tells a gRPC client UNAVAILABLE while the endpoint is dead', { skip: noH2 }, async () => {
  const server = await connectServer('http2', echoRoutes('v1'));
  await server.kill();
  const { gateway, baseUrl } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }], 'http2')],
    defaultHost: 'echo',
  });
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  await assert.rejects(
    client.unary({ value: 'a' }),
    (error: ConnectError) => error.code === Code.Unavailable,
  );
  await gateway.stop(0);
});

test("listen() answers 504 when the rule's timeout is over and cancels the upstream", async () => {
  const { sink, seen } = outcomes();
  const cancelled = Promise.withResolvers<void>();
  const { gateway, port } = await openGateway({
    services: [
      { host: 'echo', port: 80, handler: echoRoutes('v1', { cancelled: () => cancelled.resolve() }) },
    ],
    metrics: sink,
    defaultHost: 'echo',
    config: rules('[{ timeout: 50ms, route: [{ destination: { host: echo } }] }]'),
  });
  const answer = await ask(port, {
    method: 'POST',
    path: '/test.Echo/Unary',
    headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', '6'],
    body: '"wait"',
  });
  assert.deepEqual([answer.status, answer.body], [504, 'upstream request timeout']);
  await cancelled.promise;
  assert.equal(seen[0]?.flag, 'UT');
  await gateway.stop(0);
});

test('listen() tells a gRPC client UNAVAILABLE when the timeout is over', { skip: noH2 }, async () => {
  const { gateway, baseUrl } = await openGateway({
    // Services are told how long they have: one that minds would answer at the same moment.
    services: [{ host: 'echo', port: 80, handler: { fetch: () => new Promise<Response>(() => {}) } }],
    defaultHost: 'echo',
    config: rules('[{ timeout: 50ms, route: [{ destination: { host: echo } }] }]'),
  });
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  await assert.rejects(
    client.unary({ value: 'wait' }),
    (error: ConnectError) => error.code === Code.Unavailable,
  );
  await gateway.stop(0);
});

test('listen() answers 413 to a body above the limit, with and without its length told', async () => {
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    maxBodyBytes: 1000,
  });
  const send = (bytes: number, framing: readonly string[]) =>
    ask(port, {
      method: 'POST',
      path: '/test.Echo/Unary',
      headers: ['host', 'echo', 'content-type', 'application/json', ...framing],
      body: JSON.stringify('x'.repeat(bytes - 2)),
    });
  assert.equal((await send(1000, ['content-length', '1000'])).status, 200);
  assert.equal((await send(1001, ['content-length', '1001'])).status, 413);
  assert.equal((await send(1000, ['transfer-encoding', 'chunked'])).status, 200);
  assert.equal((await send(1001, ['transfer-encoding', 'chunked'])).status, 413);
  await gateway.stop(0);
});

test('listen() breaks its answer off when the upstream breaks off in the middle', async () => {
  const server = await mirrorServer((response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('part', () => setTimeout(() => response.socket?.destroy(), 20));
  });
  const { sink, seen, next } = outcomes();
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
    metrics: sink,
  });
  await assert.rejects(ask(port));
  await next();
  assert.equal(seen[0]?.flag, 'UPE');
  await gateway.stop(0);
  await server.kill();
});

test('listen() resets a gRPC stream whose upstream is lost in the middle', { skip: noH2 }, async () => {
  const server = await connectServer('http2', echoRoutes('v1'));
  const { gateway, baseUrl } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }], 'http2')],
    defaultHost: 'echo',
  });
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const { value } of client.serverStream({ value: 'wait' })) {
      seen.push(value);
      if (seen.length === 3) await server.kill();
    }
  }, ConnectError);
  assert.equal(seen.length, 3);
  await gateway.stop(0);
});

test('listen() answers 502 when the endpoint does not speak HTTP', async () => {
  const garbage = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('NOT HTTP AT ALL\r\n\r\n'));
  });
  await new Promise<void>((done) => garbage.listen(0, '127.0.0.1', done));
  const { port: up } = garbage.address() as net.AddressInfo;
  const { gateway, port } = await openGateway({ remoteServices: [remoteService('echo', [{ port: up }])] });
  assert.equal((await ask(port)).status, 502);
  await gateway.stop(0);
  await new Promise((done) => garbage.close(done));
});

test('issues() warns once of what rules ask for and the gateway does not do, and names the place', async () => {
  const logged: string[] = [];
  const { gateway } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: echoRoutes('v1') }],
    log: (_level, message) => logged.push(message),
    config: rules(
      '[{ retries: { attempts: 1, retryRemoteLocalities: true }, route: [{ destination: { host: echo } }] }]',
    ),
  });
  assert.deepEqual(
    gateway.issues().map(({ code, file, line }) => ({ code, file, line })),
    [{ code: 'not-carried-out', file: 'vs.yaml', line: 4 }],
  );
  const told = logged.filter((line) => line.includes('not-carried-out'));
  assert.equal(told.length, 1);
  assert.match(told[0]!, /retryRemoteLocalities of spec\.http\[0\]/);
  await gateway.stop(0);
});
