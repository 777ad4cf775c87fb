/** Whose certificate a Pod has, and what is said where nobody tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesApi, KubernetesError } from '../../../config/kubernetes/api.ts';
import { kubernetesPodAccounts } from '../../../config/kubernetes/pod-account.ts';

/** A cluster whose answers are those; a number is a status in place of one. */
function accountsOf(answers: Readonly<Record<string, object | number>>) {
  const asked: string[] = [];
  const api = {
    async get(path: string) {
      asked.push(path);
      const answer = answers[path.replace(/^.*\//, '')] ?? 404;
      if (typeof answer === 'number') throw new KubernetesError(answer, `HTTP ${answer}: no`);
      return answer;
    },
  } as unknown as KubernetesApi;
  return { accounts: kubernetesPodAccounts(api, new AbortController().signal), asked };
}

test('kubernetesPodAccounts() gives the service account of a Pod, asked once for many connections', async () => {
  const { accounts, asked } = accountsOf({ a: { spec: { serviceAccountName: 'reviews' } }, b: { spec: {} } });
  assert.deepEqual(await Promise.all(['shop/a', 'shop/a', 'shop/b'].map(accounts)), [
    ...['shop/reviews', 'shop/reviews', 'shop/default'],
  ]);
  assert.deepEqual(asked, ['/api/v1/namespaces/shop/pods/a', '/api/v1/namespaces/shop/pods/b']);
});

for (const { name, status, reason } of [
  { name: 'of a Pod that is gone', status: 404, reason: 'There is no Pod shop/a any more' },
  {
    name: 'where it may not ask',
    status: 403,
    reason:
      'Cannot tell whose certificate the Pod shop/a has: the service account may not get it, give it a role that may (deploy/kubernetes/rbac.yaml)',
  },
  {
    name: 'of a server that errs',
    status: 500,
    reason: 'Cannot tell whose certificate the Pod shop/a has: HTTP 500: no',
  },
])
  test(`kubernetesPodAccounts() says why there is none ${name}, and asks again`, async () => {
    const { accounts, asked } = accountsOf({ a: status });
    await assert.rejects(accounts('shop/a'), new Error(reason));
    await assert.rejects(accounts('shop/a'), new Error(reason));
    assert.equal(asked.length, 2);
  });
