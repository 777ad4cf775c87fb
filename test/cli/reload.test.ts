import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeReload } from '../../cli/reload.ts';
import { type ConfigSnapshot, ConfigStore } from '../../config/store.ts';
import { textSource } from '../../config/text.ts';

async function snapshot(text: string): Promise<ConfigSnapshot> {
  const store = new ConfigStore([textSource('rules.yaml', text)]);
  await store.start();
  return store.current();
}

function rule(name: string, host = name): string {
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: ${name}
spec:
  host: ${host}
---
`;
}

test('describeReload() names what was added, changed and removed, with its place', async () => {
  const before = await snapshot(rule('a') + rule('b') + rule('c'));
  const after = await snapshot(rule('a') + rule('b', 'other') + rule('d'));
  const { summary, issues, recovered } = describeReload(before, after);
  assert.equal(
    summary,
    'rules in effect: DestinationRule default/b (rules.yaml:8) changed, DestinationRule default/d (rules.yaml:15) added, DestinationRule default/c (rules.yaml:15) removed',
  );
  assert.deepEqual(issues, []);
  assert.equal(recovered, false);
});

test('describeReload() has no summary when a resource only moved or its keys changed places', async () => {
  const before = await snapshot(rule('a'));
  const moved = rule('a')
    .replace('kind: DestinationRule\n', '')
    .replace('spec:', '\nkind: DestinationRule\nspec:');
  assert.equal(describeReload(before, await snapshot(moved)).summary, undefined);
});

test('describeReload() counts what it does not name', async () => {
  const after = await snapshot(Array.from({ length: 8 }, (_, index) => rule(`r${index}`)).join(''));
  assert.match(describeReload(await snapshot(''), after).summary ?? '', / added and 3 more$/);
});

test('describeReload() tells an issue once, and when the last error is gone', async () => {
  const good = await snapshot(rule('a'));
  const bad = await snapshot(rule('a').replace('host:', 'hoist:'));
  const first = describeReload(good, bad);
  assert.deepEqual(first.issues.map(({ code, line }) => ({ code, line })).slice(0, 1), [
    { code: 'unknown-field', line: 6 },
  ]);
  assert.deepEqual(describeReload(bad, bad).issues, []);
  assert.equal(describeReload(bad, good).recovered, true);
});
