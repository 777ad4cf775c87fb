/**
 * A real istiod over TLS, as a pod asks it: with the mesh's root certificate, and a token of a service account that the
 * API server has made.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RotatingCertificate } from '../../config/rotating-certificate.ts';
import type { NamedSourceState } from '../../config/store.ts';
import { parseXdsAddress } from '../../config/xds/address.ts';
import { requestCertificate } from '../../config/xds/certificate-authority.ts';
import { createGateway } from '../../gateway/index.ts';
import type { WorkloadCertificate } from '../../router/table/workload-certificate.ts';
import { type Mesh, skipWithoutMesh, startMesh } from './mesh.ts';

let mesh: Mesh;
const options = { skip: skipWithoutMesh, timeout: 60_000 };

before(
  async () => {
    if (skipWithoutMesh) return;
    mesh = await startMesh(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: reviews }
spec:
  hosts: [reviews.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`);
  },
  { timeout: 120_000 },
);
after(() => mesh?.kill());

/** Starts a gateway, and stops it when its source stands as it is waited for. */
async function follow(url: string, is: (state: NamedSourceState) => boolean) {
  const gateway = createGateway({ config: url });
  const reached = Promise.withResolvers<NamedSourceState>();
  gateway.config.subscribeSources((state) => {
    if (is(state)) reached.resolve(state);
  });
  const ready = gateway.ready();
  try {
    const state = await reached.promise;
    if (state.state === 'connected') await ready;
    return { state, hosts: gateway.clusters().map(({ name }) => name) };
  } finally {
    await gateway.stop(0);
    await ready.catch(() => {});
  }
}

test(
  'requestCertificate() has a new key certified by a real istiod, and RotatingCertificate has it renewed',
  options,
  async () => {
    const address = parseXdsAddress(mesh.urlOf(await mesh.tokenOf('web')));
    const rotating = new RotatingCertificate(() => requestCertificate(address, { validityMs: 4000 }));
    const seen = new Map<string, WorkloadCertificate>();
    while (seen.size < 3) {
      const certificate = await rotating.current();
      seen.set(certificate.certificateChain, certificate);
      await new Promise((done) => setTimeout(done, 20));
    }
    rotating.close();
    const root = new X509Certificate(readFileSync(mesh.rootFile));
    for (const { certificateChain, privateKey, rootCertificates } of seen.values()) {
      const own = new X509Certificate(certificateChain);
      assert.equal(own.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/web');
      assert.ok(own.verify(root.publicKey));
      assert.ok(own.checkPrivateKey(createPrivateKey(privateKey)));
      assert.equal(new X509Certificate(rootCertificates).fingerprint256, root.fingerprint256);
    }
    assert.equal(
      new Set(Array.from(seen.values(), ({ privateKey }) => privateKey)).size,
      3,
      'a key for each',
    );
  },
);

test(
  'requestCertificate() says of a token that istiod refuses which it is, and nothing of it or of a key',
  options,
  async () => {
    const file = await mesh.tokenOf('web', 'vault');
    const url = mesh.urlOf(file);
    await assert.rejects(requestCertificate(parseXdsAddress(url)), {
      message: `Cannot get a workload certificate from ${new URL(url.replace('xds:', 'http:')).host}: it refuses the token in "${file}" (request authenticate failure): want one of a service account, for the audience istio-ca, that has not expired`,
    });
  },
);

test('xdsSource() over TLS takes its rules with a token that istiod accepts', options, async () => {
  const { hosts } = await follow(
    mesh.urlOf(await mesh.tokenOf('web')),
    ({ state, counts }) => state === 'connected' && (counts?.['ClusterLoadAssignment'] ?? 0) > 0,
  );
  assert.ok(hosts.includes('outbound|80||reviews.example.com'), `${hosts}`);
});

test(
  'xdsSource() says of a token that istiod refuses which it is and what would do, and not the token',
  options,
  async () => {
    const forOthers = await mesh.tokenOf('web', 'vault');
    const forged = join(mesh.folder, 'forged');
    const [head, , signature] = readFileSync(await mesh.tokenOf('web'), 'utf8').split('.');
    const claims = { sub: 'system:serviceaccount:default:admin', aud: ['istio-ca'], exp: 4e9 };
    writeFileSync(
      forged,
      [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.'),
    );
    for (const file of [forOthers, forged]) {
      const { state } = await follow(mesh.urlOf(file), ({ state }) => state === 'disconnected');
      assert.equal(
        state.reason,
        `it refuses the token in "${file}" (authentication failure): want one of a service account, for the audience istio-ca, that has not expired`,
      );
      assert.ok(!JSON.stringify(state).includes(readFileSync(file, 'utf8').trim()));
    }
  },
);

test('xdsSource() connects to nobody whom the root certificate does not vouch for', options, async () => {
  const token = await mesh.tokenOf('web');
  const url = new URL(mesh.urlOf(token).replace('xds:', 'http:'));
  const to = (name: string, value: string) => {
    const query = new URLSearchParams(url.search);
    query.set(name, value);
    return `xds://${url.host}?${query}`;
  };
  for (const { wrong, reason } of [
    { wrong: to('ca', join(import.meta.dirname, '../fixture/tls/cert.pem')), reason: /certificate/i },
    {
      wrong: to('server-name', 'vault.example.com'),
      reason: /vault\.example\.com|not valid for|NotValidForName/i,
    },
  ]) {
    const { state } = await follow(wrong, ({ state }) => state === 'disconnected');
    assert.match(state.reason!, reason);
  }
});
