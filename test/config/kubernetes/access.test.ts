/** What a kubeconfig's credentials are, and that no error tells them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { readAccess } from '../../../config/kubernetes/access.ts';

const folder = mkdtempSync(join(tmpdir(), 'pointsman-access-'));
after(() => rmSync(folder, { recursive: true }));

/** Access of a kubeconfig with one user and one cluster. */
async function accessOf(user: object, cluster: object = {}) {
  const path = join(folder, 'kubeconfig');
  writeFileSync(
    path,
    JSON.stringify({
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
      users: [{ name: 'test', user }],
    }),
  );
  return await readAccess(path);
}

/** Access by a program that prints the file. */
async function accessBy(printed: string) {
  const output = join(folder, 'printed');
  writeFileSync(output, printed);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: [output] };
  return { access: await accessOf({ exec }), print: (text: string) => writeFileSync(output, text) };
}

const credential = (token: string) => JSON.stringify({ kind: 'ExecCredential', status: { token } });

test('readAccess() asks a program for its credential once, and again when the server refuses it', async () => {
  const { access, print } = await accessBy(credential('first'));
  assert.equal(await access.authorization(), 'Bearer first');
  print(credential('second'));
  assert.equal(await access.authorization(), 'Bearer first');
  access.refused?.();
  assert.equal(await access.authorization(), 'Bearer second');
});

test('readAccess() says of a program that prints something else no more than that', async () => {
  const { access } = await accessBy('s3cret-token');
  await assert.rejects(access.authorization(), (error: Error) => {
    assert.equal(error.message, '"cat", which the kubeconfig names, has printed no ExecCredential');
    return true;
  });
});

test('readAccess() reads no more than a megabyte of what a program prints, and tells none of it', async () => {
  const { access } = await accessBy(credential('s3cret'.repeat(200_000)));
  await assert.rejects(access.authorization(), (error: Error) => {
    assert.doesNotMatch(error.message, /s3cret/);
    return true;
  });
});

test('readAccess() has a program run once for all who ask, and tells neither its arguments nor its output', async () => {
  const counted = join(folder, 'counted');
  const access = await accessOf({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', `echo run >> ${counted}; echo '${credential('shared')}'`],
    },
  });
  const all = await Promise.all(Array.from({ length: 8 }, () => access.authorization()));
  assert.deepEqual([...new Set(all)], ['Bearer shared']);
  assert.equal(readFileSync(counted, 'utf8'), 'run\n');
  const failing = await accessOf({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', 'echo s3cret-output >&2; exit 3', '--oidc-client-secret=s3cret'],
    },
  });
  await assert.rejects(failing.authorization(), (error: Error) => {
    assert.match(error.message, /^"sh", which the kubeconfig names, has failed \(3\)/);
    assert.doesNotMatch(error.message, /s3cret/);
    return true;
  });
});

test('readAccess() refuses what would have the API server asked with other rights or by another way', async () => {
  await assert.rejects(accessOf({ token: 'a', as: 'reader' }), /user\.as is not supported/);
  await assert.rejects(
    accessOf({ 'auth-provider': { name: 'gcp' } }),
    /user\.auth-provider is not supported/,
  );
  await assert.rejects(accessOf({ token: 'a' }, { 'proxy-url': 'socks5://x' }), /cluster\.proxy-url/);
  await assert.rejects(
    accessOf({ 'client-certificate-data': 'YQ==' }),
    /a client-certificate without its client-key/,
  );
  const certificate = JSON.stringify({ status: { clientCertificateData: 'PEM' } });
  const access = await accessOf({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'echo', args: [certificate] },
  });
  await assert.rejects(access.authorization(), /gives a client certificate/);
});

test('readAccess() takes the null that kubectl writes for a list without entries', async () => {
  const path = join(folder, 'kubeconfig-null');
  const cluster = { name: 'a', cluster: { server: 'http://127.0.0.1:1' } };
  const contexts = [{ name: 'a', context: { cluster: 'a', user: '' } }];
  writeFileSync(path, JSON.stringify({ 'current-context': 'a', clusters: [cluster], contexts, users: null }));
  assert.equal(await (await readAccess(path)).authorization(), undefined);
});

test('readAccess() says which line of a kubeconfig is no YAML, and not what stands there', async () => {
  const path = join(folder, 'broken');
  writeFileSync(path, 'users:\n- name: test\n  user: { token: s3cret-token\n');
  await assert.rejects(readAccess(path), (error: Error) => {
    assert.match(error.message, /^Cannot use the kubeconfig ".*broken": line \d is not YAML$/);
    assert.doesNotMatch(error.message, /s3cret/);
    return true;
  });
});

test('readAccess() joins the files of KUBECONFIG as kubectl does: the first to name something counts', async () => {
  const before = process.env['KUBECONFIG'];
  const [first, second] = [join(folder, 'first'), join(folder, 'nested/second')];
  mkdirSync(join(folder, 'nested'));
  writeFileSync(join(folder, 'nested/token'), 'of-second');
  writeFileSync(
    first,
    JSON.stringify({
      'current-context': 'a',
      clusters: [{ name: 'c', cluster: { server: 'https://first:6443' } }],
    }),
  );
  writeFileSync(
    second,
    JSON.stringify({
      'current-context': 'b',
      contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://second:6443' } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
    }),
  );
  process.env['KUBECONFIG'] = [first, join(folder, 'absent'), second].join(delimiter);
  try {
    const access = await readAccess(undefined);
    assert.equal(access.server, 'https://first:6443');
    assert.equal(await access.authorization(), 'Bearer of-second');
  } finally {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  }
});
