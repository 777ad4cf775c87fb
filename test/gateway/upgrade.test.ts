import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { test } from 'node:test';
import { noH2, openGateway, remoteService, start } from './world.ts';

/** Takes every upgrade to `websocket` and echoes what comes, with the request's target said first. */
function echoServer() {
  const server = http.createServer((_request, response) => response.writeHead(426).end('upgrade!'));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n',
    );
    socket.write(`${request.method} ${request.url};`);
    if (head.length > 0) socket.write(head);
    socket.pipe(socket);
  });
  return start(server);
}

const upgrade = (extra = '') =>
  `GET /chat HTTP/1.1\r\nhost: echo\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: x\r\n${extra}\r\n`;

/** Waits until what came matches. */
function until(socket: net.Socket | http2.ClientHttp2Stream, pattern: RegExp): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) done(text);
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}

async function open() {
  const server = await echoServer();
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
  });
  return {
    port,
    async close() {
      await gateway.stop(0);
      await server.kill();
    },
  };
}

test('listen() passes a WebSocket through, with what the client sent ahead', async () => {
  const { port, close } = await open();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`${upgrade()}early`);
  const text = await until(socket, /early$/);
  assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(text, /\r\nsec-websocket-accept: x\r\n/i);
  assert.match(text, /\r\nconnection: upgrade\r\n/i);
  assert.match(text, /\r\n\r\nGET \/chat;early$/);
  socket.write('later');
  assert.match(await until(socket, /later$/), /later$/);
  socket.destroy();
  await close();
});

test('listen() passes a WebSocket over HTTP/2 on to HTTP/1.1', {
  skip: noH2 || 'Bun' in globalThis ? 'needs a client that knows extended CONNECT: Node' : false,
}, async () => {
  const { port, close } = await open();
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await new Promise((done) => session.once('remoteSettings', done));
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': '/chat',
    ':authority': 'echo',
  });
  const status = new Promise((done) => stream.once('response', (headers) => done(headers[':status'])));
  stream.write('hello');
  assert.match(await until(stream, /hello$/), /^GET \/chat;hello$/);
  assert.equal(await status, 200);
  stream.close();
  session.close();
  await close();
});

test('listen() answers what the endpoint answers where it does not upgrade', async () => {
  const server = await start(http.createServer((_request, response) => response.writeHead(426).end('no')));
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }])],
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.write(upgrade());
  assert.match(await until(socket, /no/), /^HTTP\/1\.1 426 /);
  socket.destroy();
  await gateway.stop(0);
  await server.kill();
});

// Source: Envoy source/common/http/filter_manager.cc (createFilterChain: upgrade_failed); Istio enables websocket alone.
test('listen() answers 403 to an upgrade to anything else', async () => {
  const { port, close } = await open();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(upgrade().replace('websocket', 'telnet'));
  assert.match(await until(socket, /\r\n\r\n/), /^HTTP\/1\.1 403 /);
  socket.destroy();
  await close();
});
