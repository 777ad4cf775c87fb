/** `pointsman diff` with a real istiod on one side: what it tells a sidecar, and a gateway, of its rules. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { startIstiod } from '../peer/istiod.ts';
import { root } from '../program.ts';
import { pointsman } from './program.ts';

const FIXTURES = join(root, 'test/fixture/proxy');
const RULES = join(FIXTURES, 'rules.yaml');

test('diff tells what rules would move of those of a real istiod', {
  skip: skipWithout('istiod-file'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-diff-istiod-'));
  const files = join(folder, 'rules');
  mkdirSync(files);
  for (const name of ['services.yaml', 'rules.yaml']) copyFileSync(join(FIXTURES, name), join(files, name));
  const other = join(folder, 'other.yaml');
  const rules = readFileSync(RULES, 'utf8');
  const istiod = await startIstiod(files, join(folder, 'state'));
  try {
    const url = `xds://${istiod.address}`;
    const timeout = /header end-user = "jason".*\n {2}timeout 3000 ms, before 2000 ms\n/;
    const answer = /\n {2}all of them get answer 410 .* instead of answer 404 /;
    for (const [client, changed, what] of [
      [['--labels', 'app=web'], rules.replace('timeout: 2s', 'timeout: 3s'), timeout],
      // There the rule with the timeout leads to a port that its service does not have.
      [
        ['--gateway', 'public', '--labels', 'istio=ingressgateway'],
        rules.replace('status: 404', 'status: 410'),
        answer,
      ],
    ] as const) {
      writeFileSync(other, changed);
      const same = await pointsman(['diff', url, RULES, ...client]);
      assert.deepEqual([same.code, same.stdout], [0, 'no request changes\n'], same.stderr);
      const moved = await pointsman(['diff', url, other, ...client]);
      assert.equal(moved.code, 1);
      assert.match(moved.stdout, what);
      assert.match(moved.stdout, /\n1 set of requests moves\n$/);
    }
    const dump = await pointsman(['diff', join(FIXTURES, 'sidecar.json'), url, '--labels', 'app=web']);
    assert.equal(dump.stdout, 'no request changes\n', dump.stderr);
  } finally {
    istiod.kill();
    rmSync(folder, { recursive: true });
  }
});

test('diff says at once that a control plane is away, or that its address is none', async () => {
  const away = await pointsman(['diff', 'xds://127.0.0.1:1', RULES]);
  assert.deepEqual([away.code, away.stdout], [1, '']);
  assert.match(
    away.stderr,
    /^error: Cannot read rules from "xds:\/\/127\.0\.0\.1:1": Cannot connect to 127\.0\.0\.1:1: /,
  );
  const misspelt = await pointsman(['diff', 'xds://127.0.0.1:1?nod=grpc', RULES]);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /unknown parameter "nod"/);
});
