import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import { createGateway, type GatewayOptions } from '../../gateway/index.ts';
import { remoteService } from './world.ts';

const HEAD =
  'POST / HTTP/1.1\r\nhost: up\r\ncontent-length: 2\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n';

/** Sends the head, and the body once it is asked for; all that came. */
function talk(port: number): Promise<string> {
  return new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece;
      if (text.endsWith('HTTP/1.1 100 Continue\r\n\r\n')) socket.write('hi');
    });
    socket.on('error', fail);
    socket.on('close', () => done(text));
    socket.write(HEAD);
  });
}

/** An endpoint elsewhere that asks for the body, or answers without it; it closes behind its answer. */
async function endpoint(asks: boolean): Promise<{ port: number; seen: () => string; close: () => void }> {
  let seen = '';
  const server = net.createServer((socket) => {
    socket.setEncoding('latin1').on('data', (piece) => {
      seen += piece;
      if (seen.endsWith('\r\n\r\n')) socket.write(asks ? 'HTTP/1.1 100 Continue\r\n\r\n' : '');
      if (seen.endsWith('\r\n\r\nhi') || !asks)
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { port: (server.address() as net.AddressInfo).port, seen: () => seen, close: () => server.close() };
}

async function answerOf(options: GatewayOptions): Promise<string> {
  const gateway = createGateway({ defaultHost: 'up', proxy: { type: 'sidecar' }, ...options });
  const { port } = await gateway.listen({ port: 0 });
  const text = await talk(port);
  await gateway.stop(0);
  return text;
}

for (const asks of [true, false]) {
  test(`createGateway() has an endpoint ${asks ? 'ask' : 'not ask'} for a body that the client holds back`, async () => {
    const { port, seen, close } = await endpoint(asks);
    const text = await answerOf({ remoteServices: [remoteService('up', [{ port }])] });
    close();
    assert.equal(text.startsWith('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n'), asks);
    assert.match(text, /HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nfine$/);
    assert.match(seen(), /\r\nexpect: 100-continue\r\n/);
  });
}

test('createGateway() asks by itself for a body that is read in this process', async () => {
  const handler = { fetch: async (request: Request) => new Response(`${await request.text()}!`) };
  const text = await answerOf({ services: [{ host: 'up', port: 80, handler }] });
  assert.match(text, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n[\s\S]*hi!/);
});

test('createGateway() answers at once, without asking for the body, where no rule leads anywhere', async () => {
  const text = await answerOf({});
  assert.match(text, /^HTTP\/1.1 404 Not Found\r\n/);
});
