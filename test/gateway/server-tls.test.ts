/** Ports of a gateway that speak TLS by the servers of a Gateway: whose certificate is shown, to whom, and what is told of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { textSource } from '../../config/text.ts';
import { createGateway } from '../../gateway/index.ts';
import { parse, validate } from '../../router/index.ts';
import type { TlsSecret } from '../../router/table/workload-certificate.ts';
import { isDeno } from './world.ts';

const path = (name: string) => join(import.meta.dirname, `../fixture/tls/${name}.pem`);
const pem = (name: string) => readFileSync(path(name), 'utf8');
const pair = (name: string): TlsSecret => ({
  certificateChain: pem(`${name}-cert`),
  privateKey: pem(`${name}-key`),
});

interface Server {
  readonly name: string;
  readonly host: string;
  /** YAML in flow style. Absent: plain HTTP. */
  readonly tls?: string;
}

/** A Gateway with these servers on port 443, and a rule that answers with the authority's own word. */
function rules(servers: readonly Server[]): string {
  const written = servers.map(
    ({ name, host, tls }) =>
      `{port: {number: 443, name: ${name}, protocol: ${tls ? 'HTTPS' : 'HTTP'}}, hosts: ["${host}"]${tls ? `, tls: ${tls}` : ''}}`,
  );
  const hosts = servers.map(({ host }) => `"${host}"`);
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {}, servers: [${written}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: shop}
spec:
  hosts: [${[...new Set(hosts)]}]
  gateways: [edge]
  http: [{directResponse: {status: 200, body: {string: served}}}]
`;
}

/** A gateway with these servers, and the Secrets that there are at the moment. */
async function open(servers: readonly Server[], secrets: Record<string, TlsSecret> = {}) {
  const lines: string[] = [];
  const gateway = createGateway({
    config: {
      ...textSource('rules.yaml', rules(servers)),
      async secrets(name) {
        const secret = secrets[name.replace('kubernetes://', '')];
        if (!secret) throw new Error(`There is no Secret ${name}`);
        return secret;
      },
    },
    proxy: { type: 'router', gateways: ['shop/edge'], namespace: 'shop' },
    log: (level, message) => void lines.push(`${level} ${message}`),
  });
  const { port } = await gateway.listen({ port: 0, servicePort: 443 });
  const serversNow = () =>
    (gateway.ports()[0]?.servers ?? []).map(({ server, state, reason }) => ({
      server,
      state,
      ...(reason !== undefined && { reason }),
    }));
  return { gateway, port, lines, serversNow };
}

interface Call extends tls.ConnectionOptions {
  /** Default: the name that the server is asked for. */
  readonly host?: string;
}

/** What becomes of a connection: whose certificate was shown, and the answer; `closed` without one. */
function call(port: number, { host, ...options }: Call): Promise<{ shown?: string; answer: string }> {
  return new Promise((done) => {
    let shown: string | undefined;
    let text = '';
    const socket = tls.connect({
      ...{ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
      ...options,
    });
    const over = () => {
      const answer = text === '' ? 'closed' : text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);
      done({ ...(answer !== 'closed' && shown !== undefined && { shown }), answer });
    };
    socket.setEncoding('latin1');
    socket.on('secureConnect', () => {
      const { CN } = socket.getPeerCertificate().subject;
      shown = String(CN);
      const authority = host ?? options.servername;
      socket.write(`GET / HTTP/1.1\r\nhost: ${authority}\r\nconnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', over);
    socket.on('close', over);
  });
}

async function until<Value>(
  read: () => Value | Promise<Value>,
  isRight: (value: Value) => boolean,
): Promise<void> {
  while (!isRight(await read())) await new Promise((done) => setTimeout(done, 50));
}

const SIMPLE = (name: string) => `{mode: SIMPLE, credentialName: ${name}}`;
const A = { name: 'a', host: 'a.example', tls: SIMPLE('a') };
const B = { name: 'b', host: '*.b.example', tls: SIMPLE('b') };

test('listen() shows the certificate of the server that a client names, and closes where there is none', async () => {
  const { gateway, port, serversNow } = await open([A, B], { a: pair('a'), b: pair('b') });
  try {
    assert.deepEqual(await call(port, { servername: 'a.example' }), { shown: 'a.example', answer: '200' });
    assert.deepEqual(await call(port, { servername: 'A.Example', host: 'A.example:8443' }), {
      shown: 'a.example',
      answer: '200',
    });
    assert.deepEqual(await call(port, { servername: 'x.b.example' }), { shown: 'b.example', answer: '200' });
    for (const servername of ['b.example', 'c.example', ''])
      assert.deepEqual(await call(port, { servername, host: 'a.example' }), { answer: 'closed' }, servername);
    await until(serversNow, (all) => all.every(({ state }) => state === 'ready'));
    const [state] = gateway.ports();
    assert.deepEqual(
      { servicePort: state?.servicePort, protocols: state?.protocols },
      { servicePort: 443, protocols: ['HTTP/1.1', 'h2'] },
    );
    assert.equal(gateway.unreadiness(), undefined);
    assert.ok(!JSON.stringify(gateway.ports()).includes('BEGIN'), 'no text of a certificate or key');
    assert.match(JSON.stringify(gateway.ports()), /DNS:a\.example.*"notAfter":"2/);
  } finally {
    await gateway.stop(0);
  }
});

test('listen() answers 404 to what is for another server than the one that let the client in, as Envoy does', async () => {
  const { gateway, port } = await open([A, B], { a: pair('a'), b: pair('b') });
  try {
    const asked = { servername: 'a.example', host: 'x.b.example' };
    assert.deepEqual(await call(port, asked), { shown: 'a.example', answer: '404' });
    const unknown = { servername: 'a.example', host: 'nobody.example' };
    assert.deepEqual(await call(port, unknown), { shown: 'a.example', answer: '404' });
  } finally {
    await gateway.stop(0);
  }
});

test('listen() answers 421 on connections from before their server changed how it speaks TLS', async () => {
  const { gateway, port } = await open([A, B], { a: pair('a'), b: pair('b') });
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'a.example', rejectUnauthorized: false });
  try {
    let text = '';
    let heard = () => {};
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
      heard();
    });
    const ask = async (): Promise<string> => {
      text = '';
      socket.write('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n');
      while (!text.includes('\r\n\r\n'))
        await new Promise<void>((done) => {
          heard = done;
        });
      // Behind the body of the answer before.
      return /HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text;
    };
    assert.equal(await ask(), '200');
    const apply = async (servers: readonly Server[]) => {
      const { resources } = validate(parse(rules(servers), { file: 'changed.yaml' }).resources);
      await gateway.config.apply(resources);
    };
    // The same in other words, with another server beside it.
    await apply([A, { ...B, host: '*.c.example' }]);
    assert.equal(await ask(), '200');
    await apply([{ ...A, tls: '{mode: MUTUAL, credentialName: a}' }, B]);
    assert.equal(await ask(), '421');
  } finally {
    socket.destroy();
    await gateway.stop(0);
  }
});

test('listen() speaks nothing but TLS on a port of servers with TLS', async () => {
  const { gateway, port } = await open([A], { a: pair('a') });
  try {
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  } finally {
    await gateway.stop(0);
  }
});

test('listen() speaks TLS from the moment that a server has it, and plaintext until then', async () => {
  const { gateway, port } = await open([{ name: 'a', host: 'a.example' }], { a: pair('a') });
  try {
    const plain = () => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    assert.equal((await plain()).status, 404, 'of no host that is known');
    assert.deepEqual(gateway.ports()[0]?.protocols, ['HTTP/1.1', 'h2c']);
    const { resources } = validate(parse(rules([A]), { file: 'changed.yaml' }).resources);
    await gateway.config.apply(resources);
    await until(
      () => call(port, { servername: 'a.example' }),
      ({ answer }) => answer === '200',
    );
    await assert.rejects(plain());
  } finally {
    await gateway.stop(0);
  }
});

test('listen() closes what is for a server without a certificate, says why, and serves the others', async () => {
  const secrets: Record<string, TlsSecret> = { a: pair('a') };
  const { gateway, port, lines, serversNow } = await open([A, B], secrets);
  try {
    assert.deepEqual(await call(port, { servername: 'x.b.example' }), { answer: 'closed' });
    assert.deepEqual(await call(port, { servername: 'a.example' }), { shown: 'a.example', answer: '200' });
    assert.deepEqual(serversNow(), [
      { server: 'shop/edge a', state: 'ready' },
      { server: 'shop/edge b', state: 'refused', reason: 'There is no Secret kubernetes://b' },
    ]);
    assert.equal(gateway.unreadiness(), undefined, 'one of them can be served');
    assert.ok(
      lines.includes(
        'WARN TLS of shop/edge b: There is no Secret kubernetes://b; its connections are closed',
      ),
    );
    secrets['b'] = pair('b');
    await until(
      () => call(port, { servername: 'x.b.example' }),
      ({ answer }) => answer === '200',
    );
    assert.deepEqual(serversNow()[1], { server: 'shop/edge b', state: 'ready' });
  } finally {
    await gateway.stop(0);
  }
});

for (const { name, secret, reason } of [
  { name: 'is not there', secret: undefined, reason: 'There is no Secret kubernetes://a' },
  {
    name: 'has no key',
    secret: { certificateChain: pem('a-cert') },
    reason: 'the secret "kubernetes://a" has no certificate with its key',
  },
  {
    name: "has another certificate's key",
    secret: { ...pair('a'), privateKey: pem('b-key') },
    reason: 'its key is not that of its certificate',
  },
  {
    name: 'is no PEM',
    secret: { ...pair('a'), certificateChain: 'no' },
    reason: 'its certificate is no PEM of a certificate',
  },
])
  test(`unreadiness() says that no port has a certificate, where the only Secret ${name}`, async () => {
    const { gateway, port, serversNow } = await open([A], secret && { a: secret });
    try {
      assert.deepEqual(await call(port, { servername: 'a.example' }), { answer: 'closed' });
      assert.deepEqual(serversNow(), [{ server: 'shop/edge a', state: 'refused', reason }]);
      assert.equal(gateway.unreadiness(), `no port has a certificate: port ${port}, shop/edge a: ${reason}`);
    } finally {
      await gateway.stop(0);
    }
  });

test('listen() shows a Secret that was renewed, and the last good one while it cannot be read', async () => {
  const secrets: Record<string, TlsSecret> = { a: pair('a') };
  const { gateway, port, serversNow } = await open([A], secrets);
  try {
    assert.equal((await call(port, { servername: 'a.example' })).shown, 'a.example');
    secrets['a'] = pair('b');
    const shown = async () => (await call(port, { servername: 'a.example' })).shown;
    await until(shown, (name) => name === 'b.example');
    secrets['a'] = { ...pair('a'), privateKey: pem('b-key') };
    await until(
      async () => {
        assert.equal(await shown(), 'b.example');
        return serversNow()[0]!;
      },
      ({ reason }) => reason === 'its key is not that of its certificate',
    );
    assert.equal(serversNow()[0]?.state, 'ready');
    secrets['a'] = pair('a');
    await until(shown, (name) => name === 'a.example');
    assert.deepEqual(serversNow(), [{ server: 'shop/edge a', state: 'ready' }]);
  } finally {
    await gateway.stop(0);
  }
});

const known = { cert: pem('client-cert'), key: pem('client-key') };
const stranger = { cert: pem('a-cert'), key: pem('a-key') };

test('listen() lets in whom a MUTUAL server knows, and nobody without a certificate', {
  skip: isDeno,
}, async () => {
  const servers = [
    { name: 'a', host: 'a.example', tls: '{mode: MUTUAL, credentialName: a}' },
    { name: 'b', host: 'b.example', tls: '{mode: OPTIONAL_MUTUAL, credentialName: b}' },
  ];
  const root = { rootCertificates: pem('client-ca') };
  const secrets = { a: pair('a'), 'a-cacert': root, b: pair('b'), 'b-cacert': root };
  const { gateway, port } = await open(servers, secrets);
  try {
    const answer = async (options: Call) => (await call(port, options)).answer;
    assert.equal(await answer({ servername: 'a.example', ...known }), '200');
    assert.equal(await answer({ servername: 'a.example' }), 'closed');
    assert.equal(await answer({ servername: 'a.example', ...stranger }), 'closed');
    assert.equal(await answer({ servername: 'b.example', ...known }), '200');
    assert.equal(await answer({ servername: 'b.example' }), '200');
    assert.equal(await answer({ servername: 'b.example', ...stranger }), 'closed');
    assert.equal(await answer({ servername: 'b.example', host: 'a.example' }), '404');
  } finally {
    await gateway.stop(0);
  }
});

test('listen() speaks the versions and ciphers that a server names alone', { skip: isDeno }, async () => {
  const servers = [
    { name: 'a', host: 'a.example', tls: '{mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_3}' },
    {
      name: 'b',
      host: 'b.example',
      tls: '{mode: SIMPLE, credentialName: a, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]}',
    },
  ];
  const { gateway, port } = await open(servers, { a: pair('a') });
  try {
    const answer = async (options: Call) => (await call(port, options)).answer;
    assert.equal(await answer({ servername: 'a.example' }), '200');
    assert.equal(await answer({ servername: 'a.example', maxVersion: 'TLSv1.2' }), 'closed');
    assert.equal(await answer({ servername: 'b.example' }), '200');
    assert.equal(await answer({ servername: 'b.example', minVersion: 'TLSv1.3' }), 'closed');
    const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256';
    assert.equal(await answer({ servername: 'b.example', maxVersion: 'TLSv1.2', ciphers }), 'closed');
  } finally {
    await gateway.stop(0);
  }
});

test('listen() takes certificates from files that a Gateway names', async () => {
  const files = `{mode: SIMPLE, serverCertificate: ${path('a-cert')}, privateKey: ${path('a-key')}}`;
  const { gateway, port } = await open([{ name: 'a', host: '*', tls: files }]);
  try {
    assert.deepEqual(await call(port, { servername: '', host: 'any.example' }), {
      shown: 'a.example',
      answer: '200',
    });
  } finally {
    await gateway.stop(0);
  }
});

test('listen() lets nobody in by a server with a condition that is not carried out', async () => {
  const tls = '{mode: SIMPLE, credentialName: a, subjectAltNames: [client.example]}';
  const { gateway, port, serversNow } = await open([{ name: 'a', host: 'a.example', tls }], { a: pair('a') });
  try {
    assert.deepEqual(await call(port, { servername: 'a.example' }), { answer: 'closed' });
    assert.equal(serversNow()[0]?.reason, 'subjectAltNames of its tls cannot be carried out');
  } finally {
    await gateway.stop(0);
  }
});
