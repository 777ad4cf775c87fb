import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { createGateway, type GatewayOptions, type ListenOptions } from '../../gateway/index.ts';
import { compile, createRouter } from '../../router/index.ts';

const pem = (name: string) => readFileSync(new URL(`../fixture/tls/${name}.pem`, import.meta.url), 'utf8');

/** Answers who asked, and how. */
const whoami: GatewayOptions = {
  services: [
    {
      host: 'who',
      port: 80,
      handler: {
        fetch: (request) =>
          Response.json({
            chain: request.headers.get('x-forwarded-for'),
            proto: request.headers.get('x-forwarded-proto'),
          }),
      },
    },
  ],
  defaultHost: 'who',
  config: [],
};

async function open(listen: ListenOptions, options: GatewayOptions = {}) {
  const gateway = createGateway({ ...whoami, proxy: { type: 'sidecar' }, ...options });
  return { gateway, listening: await gateway.listen(listen) };
}

/** Everything that comes until the other side closes. */
function talk(socket: net.Socket, bytes: string | Uint8Array): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', fail);
    socket.on('close', () => done(text));
    socket.write(bytes);
  });
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';

test('listen() offers HTTP/2 and HTTP/1.1 over TLS by ALPN', async () => {
  const { gateway, listening } = await open({ port: 0, tls: { cert: pem('cert'), key: pem('key') } });
  assert.deepEqual(listening.protocols, ['HTTP/1.1', 'h2']);
  const trust = { ca: pem('cert'), servername: 'gateway.test' };
  const session = http2.connect(`https://localhost:${listening.port}`, trust);
  const seen = await new Promise<string>((done, fail) => {
    session.on('error', fail);
    const stream = session.request({ ':path': '/', ':authority': 'localhost' });
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      text += chunk;
    });
    stream.on('end', () => done(text));
    stream.on('error', fail);
  });
  assert.equal((session.socket as tls.TLSSocket).alpnProtocol, 'h2');
  session.close();
  assert.equal(JSON.parse(seen).proto, 'https');
  const socket = tls.connect({
    port: listening.port,
    host: '127.0.0.1',
    ALPNProtocols: ['http/1.1'],
    ...trust,
  });
  const answer = await talk(socket, REQUEST);
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  await gateway.stop(0);
});

test('listen() serves a Unix socket', { skip: process.platform === 'win32' }, async () => {
  const path = join(tmpdir(), `pointsman-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
  const { gateway, listening } = await open({ port: 0, unix: path });
  assert.deepEqual([listening.hostname, listening.port], [path, 0]);
  const status = await new Promise<number | undefined>((done, fail) =>
    http
      .get({ socketPath: path, path: '/', headers: { host: 'localhost' } }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      })
      .on('error', fail),
  );
  assert.equal(status, 200);
  await gateway.stop(0);
});

const PROXY = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

test('listen() believes a PROXY header, and closes what begins without one', async () => {
  const { gateway, listening } = await open({ port: 0, proxyProtocol: true }, { proxy: { type: 'router' } });
  const header = Uint8Array.from([...PROXY, 0x21, 0x11, 0, 12, 10, 1, 2, 3, 127, 0, 0, 1, 0x30, 0x39, 0, 80]);
  const answer = await talk(
    net.connect(listening.port, '127.0.0.1'),
    Buffer.concat([header, Buffer.from(REQUEST)]),
  );
  assert.match(answer, /^HTTP\/1\.1 \d{3} /);
  assert.equal(await talk(net.connect(listening.port, '127.0.0.1'), REQUEST), '');
  await gateway.stop(0);
});

for (const [what, secure] of [
  ['', {}],
  [', those in a TLS handshake counted', { tls: { cert: pem('cert'), key: pem('key') } }],
] as const)
  test(`listen() closes connections beyond its limit${what}`, async () => {
    const { gateway, listening } = await open({ port: 0, limits: { maxConnections: 1 }, ...secure });
    const first = net.connect(listening.port, '127.0.0.1');
    await new Promise((done) => first.once('connect', done));
    if (!('tls' in secure)) first.write('GET');
    await new Promise((done) => setTimeout(done, 50));
    const second = net.connect(listening.port, '127.0.0.1');
    second.on('error', () => {});
    await new Promise((done) => second.once('close', done));
    first.destroy();
    await gateway.stop(0);
  });

test('listen() answers 503 with flag OM to requests beyond the limit of those under way', async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const flags: unknown[] = [];
  const { gateway, listening } = await open(
    { port: 0 },
    {
      maxRequests: 1,
      metrics: { requestEnded: ({ flag, status }) => flags.push([status, flag]) },
      services: [
        {
          host: 'who',
          port: 80,
          handler: {
            async fetch() {
              asked.resolve();
              await release.promise;
              return new Response('late');
            },
          },
        },
      ],
    },
  );
  const first = talk(net.connect(listening.port, '127.0.0.1'), REQUEST);
  await asked.promise;
  const second = await talk(net.connect(listening.port, '127.0.0.1'), REQUEST);
  assert.match(second, /^HTTP\/1\.1 503 /);
  release.resolve();
  assert.match(await first, /^HTTP\/1\.1 200 [\s\S]*late/);
  assert.deepEqual(flags, [
    [503, 'OM'],
    [200, undefined],
  ]);
  await gateway.stop(0);
});

test('listen() answers 500 where a router of the user throws, says so, and loses no place for requests by it', async () => {
  const logged: string[] = [];
  const router = createRouter(compile([]).table);
  const { gateway, listening } = await open(
    { port: 0 },
    {
      maxRequests: 1,
      log: (_level, message) => logged.push(message),
      router: {
        ...router,
        route() {
          throw new Error('no idea');
        },
      },
    },
  );
  for (let time = 0; time < 3; time++)
    assert.match(await talk(net.connect(listening.port, '127.0.0.1'), REQUEST), /^HTTP\/1\.1 500 /);
  assert.deepEqual(logged.filter((line) => line.includes('Cannot route')).length, 3);
  await gateway.stop(0);
});
