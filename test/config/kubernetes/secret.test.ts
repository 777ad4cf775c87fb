/** Which Secrets are asked for by the names that rules have, and what of them is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesApi, KubernetesError } from '../../../config/kubernetes/api.ts';
import { kubernetesSecrets } from '../../../config/kubernetes/secret.ts';

/** A cluster with these Secrets in `shop`; what it does not have is 404, what has no data 403. */
function secretsOf(held: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>) {
  const asked: string[] = [];
  const api = {
    async get(path: string) {
      asked.push(path);
      const [, name = ''] = /^\/api\/v1\/namespaces\/shop\/secrets\/(.+)$/.exec(path) ?? [];
      if (!(name in held)) throw new KubernetesError(404, `secrets "${name}" not found`);
      const texts = held[name];
      if (!texts) throw new KubernetesError(403, 'forbidden');
      const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      return { data: Object.fromEntries(data) };
    },
  } as unknown as KubernetesApi;
  return { secrets: kubernetesSecrets(api, 'shop', new AbortController().signal), asked };
}

for (const { name, held, ask, want } of [
  {
    name: 'a generic Secret',
    held: { a: { cert: 'chain', key: 'own', cacert: 'root' } },
    ask: 'kubernetes://a',
    want: { certificateChain: 'chain', privateKey: 'own' },
  },
  {
    name: 'a Secret of type kubernetes.io/tls',
    held: { a: { 'tls.crt': 'chain', 'tls.key': 'own', 'ca.crt': 'root' } },
    ask: 'kubernetes://shop/a',
    want: { certificateChain: 'chain', privateKey: 'own' },
  },
  {
    name: 'the root of a Secret of its own',
    held: { a: { cacert: 'old' }, 'a-cacert': { cacert: 'root' } },
    ask: 'kubernetes://a-cacert',
    want: { rootCertificates: 'root' },
  },
  {
    name: 'the root of the Secret with the certificate',
    held: { a: { 'tls.crt': 'chain', 'tls.key': 'own', 'ca.crt': 'root' } },
    ask: 'kubernetes://a-cacert',
    want: { rootCertificates: 'root' },
  },
])
  test(`kubernetesSecrets() reads ${name}`, async () => {
    assert.deepEqual(await secretsOf(held).secrets(ask), want);
  });

for (const { name, ask, reason } of [
  { name: 'one that is not there', ask: 'kubernetes://b', reason: 'There is no Secret shop/b' },
  {
    name: 'one that it may not get',
    ask: 'kubernetes://hidden',
    reason:
      'Cannot read the Secret shop/hidden: the service account may not get it, give it a role that may (deploy/kubernetes/rbac-secrets.yaml)',
  },
  {
    name: 'one of another namespace',
    ask: 'kubernetes://vault/a',
    reason: 'Cannot read "kubernetes://vault/a": only Secrets of namespace "shop" are read',
  },
  {
    name: 'what is no Secret',
    ask: 'configmap://a-cacert',
    reason: 'Cannot read "configmap://a-cacert": want the name of a Secret',
  },
])
  test(`kubernetesSecrets() says of ${name} why it has none`, async () => {
    await assert.rejects(secretsOf({ hidden: undefined }).secrets(ask), new Error(reason));
  });

test('kubernetesSecrets() asks once for many connections, and again for what was not there', async () => {
  const held: Record<string, Record<string, string>> = { a: { cert: 'chain', key: 'own' } };
  const { secrets, asked } = secretsOf(held);
  await Promise.all([secrets('kubernetes://a'), secrets('kubernetes://a')]);
  await secrets('kubernetes://a');
  assert.equal(asked.length, 1);
  await assert.rejects(secrets('kubernetes://b'));
  held['b'] = { cert: 'late', key: 'own' };
  assert.equal((await secrets('kubernetes://b')).certificateChain, 'late');
});
