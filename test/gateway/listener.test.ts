/** Connections: rules swapped under load, drains, broken input, clients that leave. */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { textSource } from '../../gateway/index.ts';
import { parse, validate } from '../../router/index.ts';
import { Echo, echoRoutes } from './echo.ts';
import { ask, isDeno, noH2, openGateway, start, transports } from './world.ts';

const destinationRule =
  'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: echo }\nspec: { host: echo, subsets: [{ name: v1, labels: { v: v1 } }, { name: v2, labels: { v: v2 } }] }\n';
const allTo = (subset: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: echo }\nspec: { hosts: [echo], http: [{ route: [{ destination: { host: echo, subset: ${subset} } }] }] }\n`;
const resourcesOf = (text: string) => validate(parse(text).resources).resources;

const twoVersions = ['v1', 'v2'].map((v) => ({
  host: 'echo',
  port: 80,
  labels: { v },
  handler: echoRoutes(v),
}));

const unary = {
  method: 'POST',
  path: '/test.Echo/Unary',
  headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', '3'],
  body: '"a"',
};

test('apply() under load drops no call, and holds for the next one', async () => {
  const { gateway, baseUrl } = await openGateway({
    services: twoVersions,
    defaultHost: 'echo',
    config: [textSource('dr.yaml', destinationRule), textSource('vs.yaml', allTo('v1'))],
  });
  // Deno's node:http client (2.9) loses answers when several are under way beside a server in its own process.
  const used = Object.values(transports).slice(0, isDeno ? 1 : undefined);
  const clients = used.map((transport) => createClient(Echo, transport(baseUrl)));
  let isRunning = true;
  let calls = 0;
  const load = clients.map(async (client) => {
    while (isRunning) {
      assert.match((await client.unary({ value: 'a' })).value, /^v[12]: a$/);
      calls++;
    }
  });
  const failed = Promise.all(load);
  failed.catch(() => {});
  try {
    for (let i = 0; i < 20; i++) {
      const subset = i % 2 === 0 ? 'v2' : 'v1';
      await gateway.config.apply(resourcesOf(allTo(subset)));
      for (const client of clients) assert.equal((await client.unary({ value: 'a' })).value, `${subset}: a`);
    }
  } finally {
    isRunning = false;
  }
  await failed;
  assert.ok(calls > 0);
  await gateway.stop(0);
});

test('apply() leaves a stream that is under way with the endpoint it has', async () => {
  const { gateway, baseUrl } = await openGateway({
    services: twoVersions,
    defaultHost: 'echo',
    config: [textSource('dr.yaml', destinationRule), textSource('vs.yaml', allTo('v1'))],
  });
  const client = createClient(Echo, transports['Connect JSON over HTTP/1.1']!(baseUrl));
  const seen: string[] = [];
  for await (const { value } of client.serverStream({ value: 's' })) {
    seen.push(value);
    if (seen.length === 1) await gateway.config.apply(resourcesOf(allTo('v2')));
  }
  assert.deepEqual(seen, ['v1: s 0', 'v1: s 1', 'v1: s 2']);
  await gateway.stop(0);
});

test('drain() lets a call under way finish and refuses new connections', async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { gateway, port } = await openGateway({
    services: [
      {
        host: 'echo',
        port: 80,
        handler: {
          async fetch() {
            entered.resolve();
            await release.promise;
            return new Response('done');
          },
        },
      },
    ],
  });
  const agent = new http.Agent({ keepAlive: true });
  const call = ask(port, { agent });
  await entered.promise;
  const drained = gateway.drain();
  assert.equal(gateway.unreadiness(), 'draining');
  await assert.rejects(ask(port), /ECONNREFUSED|ECONNRESET/);
  release.resolve();
  assert.equal((await call).body, 'done');
  assert.equal(await drained, 0);
  agent.destroy();
  await gateway.stop(0);
});

test('drain() lets a gRPC stream under way finish and sends GOAWAY', { skip: noH2 }, async () => {
  const { gateway, baseUrl, port } = await openGateway({ services: twoVersions, defaultHost: 'echo' });
  const session = http2.connect(baseUrl);
  session.on('error', () => {});
  await new Promise((done) => session.once('remoteSettings', done));
  const goaway = new Promise((done) => session.once('goaway', done));
  const client = createClient(Echo, createGrpcTransport({ baseUrl }));
  const hold = Promise.withResolvers<void>();
  async function* questions() {
    yield { value: '1' };
    await hold.promise;
    yield { value: '2' };
  }
  const answers: string[] = [];
  let drained: Promise<number> | undefined;
  for await (const { value } of client.bidi(questions())) {
    answers.push(value.slice(4));
    if (answers.length > 1) continue;
    drained = gateway.drain();
    await goaway;
    hold.resolve();
  }
  assert.deepEqual(answers, ['1', '2']);
  assert.equal(await drained, 0);
  await assert.rejects(ask(port), /ECONNREFUSED/);
  await gateway.stop(0);
});

test('stop() cuts what runs beyond its grace and says how many calls', async () => {
  const { gateway, baseUrl } = await openGateway({ services: twoVersions, defaultHost: 'echo' });
  const client = createClient(Echo, transports['Connect JSON over HTTP/1.1']!(baseUrl));
  let cut: Promise<number> | undefined;
  await assert.rejects(async () => {
    for await (const _ of client.serverStream({ value: 'wait' })) cut ??= gateway.stop(50);
  }, ConnectError);
  assert.equal(await cut, 1);
});

test('listen() keeps an HTTP/1.1 connection for the next request', async () => {
  const { gateway, port } = await openGateway({ services: twoVersions });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let connections = 0;
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof create>) => {
    connections++;
    return create(...args);
  };
  for (let i = 0; i < 3; i++) assert.equal((await ask(port, { ...unary, agent })).status, 200);
  if (!isDeno) assert.equal(connections, 1);
  agent.destroy();
  await gateway.stop(0);
});

test('listen() tells the upstream that an HTTP/1.1 client has gone', async () => {
  const gone = Promise.withResolvers<void>();
  const server = await start(
    http.createServer((_request, response) => {
      response.writeHead(200);
      response.write('x');
      response.once('close', () => gone.resolve());
    }),
  );
  const { gateway, port } = await openGateway({
    remoteServices: [
      {
        host: 'echo.default.svc.cluster.local',
        namespace: 'default',
        ports: [{ name: 'main', number: 80, protocol: 'HTTP' }],
        endpoints: [
          {
            id: 'one',
            labels: {},
            target: { kind: 'socket', address: '127.0.0.1', ports: { main: server.port } },
          },
        ],
      },
    ],
  });
  const client = http.get({ host: '127.0.0.1', port, headers: { host: 'echo' } }, (response) => {
    response.on('error', () => {});
    response.once('data', () => client.destroy());
  });
  client.on('error', () => {});
  await gone.promise;
  await gateway.stop(0);
  await server.kill();
});

/** Sends bytes and returns what comes back until the connection ends. */
function converse(port: number, bytes: string | Uint8Array, end = true): Promise<string> {
  return new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1', () => (end ? socket.end(bytes) : socket.write(bytes)));
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => done(text));
    setTimeout(() => socket.destroy(), 1000);
  });
}

const garbage: Readonly<Record<string, string>> = {
  'no HTTP': '\u0000\u0001\u0002\r\n\r\n',
  'half a preface': 'PR',
  'a preface and no frames': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': 'GET / HTTP/1.1\r\nhost: echo\r\nhost: other\r\n\r\n',
  'a Host that is none': 'GET / HTTP/1.1\r\nhost: a b\\@:99999\r\nconnection: close\r\n\r\n',
  'credentials in Host': 'GET / HTTP/1.1\r\nhost: u:p@echo\r\nconnection: close\r\n\r\n',
  'a length and chunks':
    'POST / HTTP/1.1\r\nhost: echo\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a wrong length': 'POST / HTTP/1.1\r\nhost: echo\r\ncontent-length: x\r\n\r\n',
  TRACE: 'TRACE / HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n',
  CONNECT: 'CONNECT echo:80 HTTP/1.1\r\nhost: echo:80\r\n\r\n',
  'a path that is none': 'GET /%zz\\..%00 HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n',
  'a path like a host': 'GET //evil.example/x HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n',
  'bytes beyond ASCII': 'GET /\xe4?\xff HTTP/1.1\r\nhost: echo\r\nx-a: \xe4\xff\r\nconnection: close\r\n\r\n',
};

test('listen() survives broken input, answers it with an error, and goes on', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  const { gateway, port } = await openGateway({ services: twoVersions });
  for (const [what, bytes] of Object.entries(garbage)) {
    const answer = await converse(port, Buffer.from(bytes, 'latin1'));
    if (answer.startsWith('HTTP/1.1')) assert.match(answer, /^HTTP\/1\.1 [45]\d\d/, what);
    assert.equal((await ask(port, unary)).status, 200, `after ${what}`);
  }
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  assert.deepEqual(uncaught, []);
  await gateway.stop(0);
});

test('listen() leaves errors of a protocol to the protocol', { skip: noH2 }, async () => {
  const { gateway, port, baseUrl } = await openGateway({ services: twoVersions, defaultHost: 'echo' });
  const json = (path: string, body: string) =>
    ask(port, {
      method: 'POST',
      path,
      headers: ['host', 'echo', 'content-type', 'application/json', 'content-length', `${body.length}`],
      body,
    });
  const malformed = await json('/test.Echo/Unary', '{"x');
  assert.deepEqual([malformed.status, JSON.parse(malformed.body).code], [400, 'invalid_argument']);
  const unknown = await json('/test.Echo/Nope', '""');
  assert.deepEqual([unknown.status, JSON.parse(unknown.body).code], [404, 'unimplemented']);

  const session = http2.connect(baseUrl);
  const grpc = (path: string, bytes: Uint8Array) =>
    new Promise<http2.IncomingHttpHeaders>((done, fail) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      let status: http2.IncomingHttpHeaders = {};
      stream.on('response', (headers) => {
        status = { ...status, ...headers };
      });
      stream.on('trailers', (headers) => {
        status = { ...status, ...headers };
      });
      stream.on('error', fail);
      stream.on('close', () => done(status));
      stream.resume();
      stream.end(bytes);
    });
  const lie = await grpc('/test.Echo/Unary', new Uint8Array([0, 0, 0, 1, 0, 10, 1, 97]));
  assert.ok(Number(lie['grpc-status']) > 0, 'a length that lies');
  const huge = await grpc('/test.Echo/Unary', new Uint8Array([0, 255, 255, 255, 255]));
  assert.equal(huge['grpc-status'], `${Code.ResourceExhausted}`);
  const method = await grpc('/test.Echo/Nope', new Uint8Array(5));
  assert.equal(method['grpc-status'], `${Code.Unimplemented}`);
  session.destroy();
  await gateway.stop(0);
});

test('listen() passes a request body on that is far larger than any buffer', async () => {
  const total = 64 * 1024 * 1024;
  let received = 0;
  const { gateway, port } = await openGateway({
    services: [
      {
        host: 'echo',
        port: 80,
        handler: {
          async fetch(request: Request) {
            for await (const chunk of request.body!) received += chunk.byteLength;
            return new Response(`${received}`);
          },
        },
      },
    ],
  });
  const answer = await new Promise<string>((done, fail) => {
    const request = http.request(
      { host: '127.0.0.1', port, method: 'POST', headers: { host: 'echo' } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => done(text));
      },
    );
    request.on('error', fail);
    const chunk = Buffer.alloc(64 * 1024);
    let sent = 0;
    const more = (): void => {
      while (sent < total) {
        sent += chunk.length;
        if (!request.write(chunk)) return void request.once('drain', more);
      }
      request.end();
    };
    more();
  });
  assert.equal(answer, `${total}`);
  await gateway.stop(0);
});

/** Resolves with the number once it has stayed the same for a while: nothing tells that something will not happen. */
async function settled(read: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = read();
    if (now > 0 && now === before) return now;
    before = now;
    await new Promise((done) => setTimeout(done, 150));
  }
}

for (const version of ['HTTP/1.1', 'h2c'] as const) {
  const skip = version === 'h2c' ? noH2 : false;
  test(`listen() takes no more from an endpoint than a slow client of ${version} reads`, {
    skip,
  }, async () => {
    let produced = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          produced += 64 * 1024;
          controller.enqueue(new Uint8Array(64 * 1024));
        },
      });
    const { gateway, port, baseUrl } = await openGateway({
      services: [{ host: 'echo', port: 80, handler: { fetch: () => new Response(endless()) } }],
      defaultHost: 'echo',
    });
    if (version === 'HTTP/1.1') {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nhost: echo\r\n\r\n');
      assert.ok((await settled(() => produced)) < 64 * 1024 * 1024, `${produced} bytes`);
      socket.destroy();
    } else {
      const session = http2.connect(baseUrl);
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => {});
      stream.pause();
      assert.ok((await settled(() => produced)) < 64 * 1024 * 1024, `${produced} bytes`);
      session.destroy();
    }
    await gateway.stop(0);
  });
}
