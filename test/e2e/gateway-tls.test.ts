/**
 * A gateway of a real API server that ends TLS by the Secrets that its Gateway names, with no more rights than the manifests
 * give, asked with curl.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { start } from '../cli/program.ts';
import { closedPort } from '../closed-port.ts';
import { skipWithout } from '../peer/find.ts';
import { startKubeApiserver } from '../peer/kube-apiserver.ts';
import { root, runtime, startAny } from '../program.ts';

const path = (name: string) => join(root, `test/fixture/tls/${name}.pem`);
const base64 = (name: string) => readFileSync(path(name)).toString('base64');

/** Files by the keys that a Secret has for them. */
function secret(name: string, type: string, files: Readonly<Record<string, string>>): string {
  const data = Object.fromEntries(Object.entries(files).map(([key, file]) => [key, base64(file)]));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    type,
    data,
  });
}

const TLS = 'kubernetes.io/tls';
const web = (name: string) => secret('web', TLS, { 'tls.crt': `${name}-cert`, 'tls.key': `${name}-key` });
const SECRETS = [
  web('a'),
  // As the manuals of Istio make it.
  secret('generic', 'Opaque', { cert: 'a-cert', key: 'a-key', cacert: 'client-ca' }),
  secret('apart', TLS, { 'tls.crt': 'a-cert', 'tls.key': 'a-key' }),
  secret('apart-cacert', 'Opaque', { cacert: 'client-ca' }),
];

const SERVERS = {
  'a.example': '{mode: SIMPLE, credentialName: web}',
  'generic.a.example': '{mode: MUTUAL, credentialName: generic}',
  'apart.a.example': '{mode: MUTUAL, credentialName: apart}',
  'absent.a.example': '{mode: SIMPLE, credentialName: absent}',
};

const RULES = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  selector: {}
  servers: [${Object.entries(SERVERS).map(
    ([host, tls], index) =>
      `{port: {number: 443, name: https-${index}, protocol: HTTPS}, hosts: [${host}], tls: ${tls}}`,
  )}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: default}
spec:
  hosts: [${Object.keys(SERVERS)}]
  gateways: [edge]
  http: [{directResponse: {status: 200, body: {string: served}}}]
`;

test('serve --config k8s:// --gateway shows the certificates of Secrets, and follows them', {
  skip:
    (runtime !== 'bun' && 'on Bun alone') ||
    skipWithout('kube-apiserver') ||
    skipWithout('kubectl') ||
    skipWithout('etcd'),
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-edge-'));
  const { kubeconfig, kubectl, kill } = await startKubeApiserver(folder);
  const apply = async (text: string) => {
    const file = join(folder, 'objects.yaml');
    // What begins as JSON would be JSON to its end.
    writeFileSync(file, `---\n${text}`, { mode: 0o600 });
    await kubectl('apply', '-f', file);
  };
  await kubectl('apply', '-f', join(root, 'deploy/kubernetes'));
  await kubectl('wait', '--for=condition=Established', 'crd/gateways.networking.istio.io');
  await apply([...SECRETS, RULES].join('\n---\n'));
  const own = parse(readFileSync(kubeconfig, 'utf8'));
  own.users[0].user.token = (await kubectl('create', 'token', 'pointsman')).trim();
  // It names files beside it.
  const ownKubeconfig = join(kubeconfig, '../own.kubeconfig');
  writeFileSync(ownKubeconfig, stringify(own), { mode: 0o600 });

  const port = await closedPort();
  const gateway = start([
    ...['serve', '--config', 'k8s://', '--kubeconfig', ownKubeconfig, '--namespace', 'default'],
    ...['--gateway', 'edge', '--host', '127.0.0.1', '--port', `${port}=443`, '--admin-port', '0'],
  ]);
  /** The answer's status, `000` where the connection was closed. */
  const curl = async (host: string, ca: string, ...more: string[]): Promise<string> => {
    const program = startAny('curl', [
      ...['--silent', '--output', join(folder, 'answer'), '--write-out', '%{http_code} %{http_version}'],
      ...[
        '--cacert',
        path(ca),
        '--resolve',
        `${host}:${port}:127.0.0.1`,
        `https://${host}:${port}/`,
        ...more,
      ],
    ]);
    await program.exit;
    return program.stdout();
  };
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((done) => setTimeout(done, 200));
  };
  try {
    await gateway.line(/listening on https:\/\//);
    const [, admin] = await gateway.line(/admin on (\S+)/);
    const readyz = async () => (await fetch(`${admin}/readyz`)).text();
    const servers = async () => {
      const config = (await (await fetch(`${admin}/config`)).json()) as {
        ports: { servers: { server: string; state: string; reason?: string; certificates?: unknown[] }[] }[];
      };
      return config.ports[0]!.servers;
    };
    const client = ['--cert', path('client-cert'), '--key', path('client-key')];
    assert.equal(await curl('a.example', 'a-cert'), '200 2');
    assert.equal(await curl('a.example', 'a-cert', '--http1.1'), '200 1.1');
    for (const host of ['generic.a.example', 'apart.a.example']) {
      assert.equal(await curl(host, 'a-cert', ...client), '200 2', host);
      // TLS 1.3 tells a client that it lacks a certificate when it has sent its request already.
      assert.match(await curl(host, 'a-cert'), /^000/, host);
    }
    assert.match(await curl('absent.a.example', 'a-cert'), /^000/);
    assert.match(await curl('other.a.example', 'a-cert'), /^000/);
    assert.deepEqual(
      (await servers()).map(({ state, reason }) => [state, reason]),
      [
        ['ready', undefined],
        ['ready', undefined],
        ['ready', undefined],
        ['refused', 'There is no Secret default/absent'],
      ],
    );
    assert.equal(await readyz(), 'ready\n');

    await apply(web('b'));
    await until(async () => (await curl('a.example', 'b-cert', '--insecure')) === '200 2');
    await until(async () => JSON.stringify((await servers())[0]!.certificates).includes('b.example'));

    await kubectl('delete', 'rolebinding', 'pointsman-secrets');
    await until(async () => (await servers())[0]!.reason !== undefined);
    const [lost] = await servers();
    assert.equal(lost?.state, 'ready');
    assert.match(
      lost?.reason ?? '',
      /^Cannot read the Secret default\/web: the service account may not get it/,
    );
    assert.equal(await curl('a.example', 'b-cert', '--insecure'), '200 2');

    const told = gateway.stdout() + gateway.stderr() + JSON.stringify(await servers());
    assert.ok(!/PRIVATE KEY|BEGIN/.test(told), 'no text of a key or certificate is told');
  } finally {
    gateway.kill('SIGTERM');
    await gateway.exit;
    kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
