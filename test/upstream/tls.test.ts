/** TLS to endpoints, against node:https; certificates are files, as a DestinationRule names them. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { ClientTls } from '../../router/index.ts';
import { createRemoteUpstream } from '../../upstream/remote/index.ts';
import { start } from '../gateway/world.ts';
import { ask, head } from './exchange.ts';

const fixture = (name: string): string => join(import.meta.dirname, `../fixture/tls/${name}.pem`);
const pem = (name: string): string => readFileSync(fixture(name), 'utf8');
const TRUSTED = { subjectAltNames: [], insecureSkipVerify: false, caCertificates: fixture('cert') } as const;

/** A server that answers with the name that it was asked for, and whether the client showed who it is. */
async function listen(context: TestContext, asksClients = false, own = '') {
  const options = {
    cert: pem(`${own}cert`),
    key: pem(`${own}key`),
    ...(asksClients && { ca: pem('cert'), requestCert: true, rejectUnauthorized: true }),
  };
  let connections = 0;
  const server = https.createServer(options, ({ socket }, response) => {
    const { servername, authorized } = socket as TLSSocket & { servername?: string };
    response.end(JSON.stringify([servername || '-', asksClients && authorized]));
  });
  server.on('secureConnection', () => connections++);
  const { port, kill } = await start(server);
  context.after(kill);
  const upstreamOf = (tls: ClientTls) => {
    const upstream = createRemoteUpstream({ kind: 'socket', address: '127.0.0.1', port }, 'http1', { tls });
    context.after(() => upstream.close?.());
    return upstream;
  };
  return { upstreamOf, connections: () => connections };
}

const get = (authority: string) => head({ method: 'GET', scheme: 'https', authority });

test('createRemoteUpstream() by SIMPLE sends and verifies the host of each request, or the sni that is written', async (context) => {
  const { upstreamOf, connections } = await listen(context);
  const byHost = upstreamOf({ ...TRUSTED, mode: 'SIMPLE' });
  assert.equal((await ask(byHost, get('gateway.test:443'))).text, '["gateway.test",false]');
  assert.equal((await ask(byHost, get('localhost'))).text, '["localhost",false]');
  assert.equal((await ask(byHost, get('gateway.test'))).text, '["gateway.test",false]');
  assert.equal(connections(), 2, 'one for each name');
  const [refused] = (await ask(byHost, get('other.test'))).events;
  assert.match(refused!, /^reset remote-connection-failure/);
  const bySni = upstreamOf({ ...TRUSTED, mode: 'SIMPLE', sni: 'gateway.test' });
  assert.equal((await ask(bySni, get('other.test'))).text, '["gateway.test",false]');
});

test('createRemoteUpstream() by SIMPLE trusts nobody unknown, and anybody where that is asked for', async (context) => {
  const { upstreamOf } = await listen(context);
  const tls = { mode: 'SIMPLE', subjectAltNames: [], sni: 'gateway.test' } as const;
  const [refused] = (await ask(upstreamOf({ ...tls, insecureSkipVerify: false }), get('a'))).events;
  assert.match(refused!, /^reset remote-connection-failure/);
  assert.match((await ask(upstreamOf({ ...tls, insecureSkipVerify: true }), get('a'))).text, /gateway\.test/);
});

test('createRemoteUpstream() by SIMPLE takes a certificate for any of subjectAltNames', async (context) => {
  const { upstreamOf } = await listen(context);
  const tls = { ...TRUSTED, mode: 'SIMPLE', sni: 'other.test' } as const;
  const named = upstreamOf({ ...tls, subjectAltNames: ['spiffe://x', 'gateway.test'] });
  assert.match((await ask(named, get('a'))).text, /other\.test/);
  const [refused] = (await ask(upstreamOf({ ...tls, subjectAltNames: ['third.test'] }), get('a'))).events;
  assert.match(refused!, /^reset remote-connection-failure/);
});

test("createRemoteUpstream() takes a certificate's own wildcard among subjectAltNames to the letter, too, as Envoy does", async (context) => {
  const { upstreamOf } = await listen(context, false, 'b-');
  const tls = { ...TRUSTED, caCertificates: fixture('b-cert'), mode: 'SIMPLE', sni: 'b.example' } as const;
  for (const name of ['*.b.example', 'x.b.example'])
    assert.match((await ask(upstreamOf({ ...tls, subjectAltNames: [name] }), get('a'))).text, /b\.example/);
  const [refused] = (await ask(upstreamOf({ ...tls, subjectAltNames: ['*.x.b.example'] }), get('a'))).events;
  assert.match(refused!, /^reset remote-connection-failure/);
});

test('createRemoteUpstream() takes no name from the subject of a certificate, as Envoy does not', async (context) => {
  const { upstreamOf } = await listen(context, false, 'common-name-');
  const tls = {
    mode: 'SIMPLE',
    insecureSkipVerify: false,
    caCertificates: fixture('common-name-cert'),
  } as const;
  const [refused] = (await ask(upstreamOf({ ...tls, subjectAltNames: ['gateway.test'] }), get('a'))).events;
  assert.match(refused!, /^reset remote-connection-failure: .*is for no name, want one for gateway\.test/);
});

test('createRemoteUpstream() by MUTUAL shows its certificate, read anew for each connection', async (context) => {
  const { upstreamOf } = await listen(context, true);
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [clientCertificate, privateKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(clientCertificate, 'not yet');
  const mutual = upstreamOf({
    ...TRUSTED,
    mode: 'MUTUAL',
    sni: 'gateway.test',
    clientCertificate,
    privateKey,
  });
  const [missing] = (await ask(mutual, get('a'))).events;
  assert.match(missing!, /^reset remote-connection-failure: .*key\.pem/, 'the error names the file');
  copyFileSync(fixture('cert'), clientCertificate);
  copyFileSync(fixture('key'), privateKey);
  assert.equal((await ask(mutual, get('a'))).text, '["gateway.test",true]');
  const simple = upstreamOf({ ...TRUSTED, mode: 'SIMPLE', sni: 'gateway.test' });
  assert.match((await ask(simple, get('a'))).events[0]!, /^reset /);
});

test('createRemoteUpstream() refuses a certificate that is on the list of revoked ones', async (context) => {
  const { upstreamOf } = await listen(context);
  const tls = { ...TRUSTED, mode: 'SIMPLE', sni: 'gateway.test' } as const;
  const revoked = await ask(upstreamOf({ ...tls, caCrl: fixture('crl') }), get('a'));
  const others = await ask(upstreamOf({ ...tls, caCrl: fixture('crl-empty') }), get('a'));
  if ('Deno' in globalThis) {
    for (const { events } of [revoked, others]) assert.match(events[0]!, /Deno takes no list of revoked/);
    return;
  }
  assert.match(revoked.events[0]!, /^reset remote-connection-failure: .*revoked/i);
  assert.equal(others.text, '["gateway.test",false]');
});
