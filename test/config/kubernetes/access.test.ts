/** What a kubeconfig's credentials are, and that no error tells them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { readAccess } from '../../../config/kubernetes/access.ts';

const folder = mkdtempSync(join(tmpdir(), 'pointsman-access-'));
after(() => rmSync(folder, { recursive: true }));

/** Access by a program that prints the file. */
async function accessBy(printed: string) {
  const output = join(folder, 'printed');
  writeFileSync(output, printed);
  const kubeconfig = join(folder, 'kubeconfig');
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: [output] };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster: { server: 'https://127.0.0.1:6443' } }],
      users: [{ name: 'test', user: { exec } }],
    }),
  );
  return { access: await readAccess(kubeconfig), print: (text: string) => writeFileSync(output, text) };
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

test('readAccess() says which line of a kubeconfig is no YAML, and not what stands there', async () => {
  const path = join(folder, 'broken');
  writeFileSync(path, 'users:\n- name: test\n  user: { token: s3cret-token\n');
  await assert.rejects(readAccess(path), (error: Error) => {
    assert.match(error.message, /^Cannot use the kubeconfig ".*broken": line \d is not YAML \([A-Z_]+\)$/);
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
