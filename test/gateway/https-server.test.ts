/** A Gateway's servers with TLS: which of them a request is taken to be for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { createGateway, textSource } from '../../gateway/index.ts';

const pem = (name: string) => readFileSync(new URL(`../fixture/tls/${name}.pem`, import.meta.url), 'utf8');

const server = (name: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec:
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: [${name}.example.com]
      tls: {mode: SIMPLE, credentialName: ${name}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: ['*.example.com']
  gateways: [${name}]
  http: [{directResponse: {status: 200, body: {string: this is ${name}}}}]
`;

test('listen() takes the host of a request over TLS for the name that its client chose a server by', async () => {
  const gateway = createGateway({
    config: textSource('rules.yaml', `${server('one')}---${server('two')}`),
    proxy: { type: 'router', gateways: ['one', 'two'] },
  });
  await gateway.ready();
  const { port } = await gateway.listen({
    ...{ port: 0, servicePort: 443 },
    tls: { cert: pem('cert'), key: pem('key') },
  });
  const ask = (servername: string, host: string): Promise<string> =>
    new Promise((done, fail) => {
      const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
      let text = '';
      socket.setEncoding('latin1');
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', fail);
      socket.on('close', () => done(text));
      socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    });
  assert.match(await ask('one.example.com', 'one.example.com'), /this is one$/);
  assert.match(await ask('one.example.com', 'two.example.com'), /this is two$/, 'Envoy answers 404');
  assert.match(await ask('one.example.com', 'three.example.com'), /^HTTP\/1\.1 404 /);
  await gateway.stop(0);
});
