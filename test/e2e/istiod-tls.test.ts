/**
 * A real istiod over TLS, as a pod asks it: with the mesh's root certificate, and a token of a service account that the
 * API server has made.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { NamedSourceState } from '../../config/store.ts';
import { createGateway } from '../../gateway/index.ts';
import { type Mesh, skipWithoutMesh, startMesh } from './mesh.ts';

let mesh: Mesh;
const options = { skip: skipWithoutMesh, timeout: 60_000 };

before(
  async () => {
    if (skipWithoutMesh) return;
    mesh = await startMesh();
    await mesh.apply(`
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
