import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { createGateway, textSource } from '../../gateway/index.ts';
import { openEndpoint } from './upstream-fault/endpoint.ts';
import { ask, openGateway, remoteService } from './world.ts';

const pem = (name: string) => readFileSync(new URL(`../fixture/tls/${name}.pem`, import.meta.url), 'utf8');
const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

const hello = () =>
  createGateway({
    services: [{ host: 'hello', port: 80, handler: { fetch: () => new Response('hello') } }],
    defaultHost: 'hello',
  });

function answerOf(socket: net.Socket): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', fail);
    socket.on('close', () => done(text));
  });
}

test('drain() answers the first request of a connection that was there before, as its last', async () => {
  const gateway = hello();
  const { port } = await gateway.listen({ port: 0 });
  const socket = net.connect(port, '127.0.0.1');
  await new Promise((done) => socket.once('connect', done));
  // The listener has it as soon as it has answered somebody who came later.
  assert.equal(await (await fetch(`http://localhost:${port}/`)).text(), 'hello');
  const drained = gateway.drain(10_000);
  const answer = answerOf(socket);
  socket.write(REQUEST);
  const text = await answer;
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello/);
  assert.match(text, /\r\nconnection: close\r\n/i);
  assert.equal(await drained, 0);
  await gateway.stop(0);
});

test('drain() waits for a TLS handshake under way', async () => {
  const gateway = hello();
  const { port } = await gateway.listen({ port: 0, tls: { cert: pem('cert'), key: pem('key') } });
  const raw = net.connect(port, '127.0.0.1');
  await new Promise((done) => raw.once('connect', done));
  await new Promise((done) => setTimeout(done, 100));
  let isDrained = false;
  const drained = gateway.drain(10_000).then((cut) => {
    isDrained = true;
    return cut;
  });
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(isDrained, false, 'the connection may still bring a request');
  const socket = tls.connect({ socket: raw, ca: pem('cert'), servername: 'gateway.test' });
  const answer = answerOf(socket);
  socket.write(REQUEST);
  assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close[\s\S]*hello/i);
  assert.equal(await drained, 0);
  await gateway.stop(0);
});

test('stop() breaks off copies that are still under way', async () => {
  const mute = await openEndpoint('http1', () => {});
  const { gateway, port } = await openGateway({
    services: [{ host: 'echo', port: 80, handler: { fetch: () => new Response('fine') } }],
    remoteServices: [remoteService('mute', [mute])],
    config: textSource(
      'mirror.yaml',
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec: { hosts: [echo], http: [{ mirror: { host: mute }, route: [{ destination: { host: echo } }] }] }
`,
    ),
  });
  assert.equal((await ask(port)).status, 200);
  for (let count = 0; mute.requests === 0 && count < 400; count++)
    await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([mute.requests, mute.open], [1, 1]);
  await gateway.stop(0);
  for (let count = 0; mute.open > 0 && count < 400; count++) await new Promise((done) => setTimeout(done, 5));
  assert.equal(mute.open, 0);
  await mute.close();
});
