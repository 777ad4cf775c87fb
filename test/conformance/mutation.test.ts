import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate, type Written } from './record/generate/mutation.ts';

const CORPUS: readonly Written[] = [
  {
    kind: 'VirtualService',
    spec: { hosts: ['a'], http: [{ route: [{ destination: { host: 'a' }, weight: 1 }] }] },
  },
  { kind: 'DestinationRule', spec: { host: 'b', subsets: [{ name: 'v1', labels: { version: 'v1' } }] } },
];

test('mutate() makes the same changed resources of the same seed, others of another, and leaves the corpus as it is', () => {
  const before = structuredClone(CORPUS);
  const made = mutate(CORPUS, 1, 100);
  assert.deepEqual(CORPUS, before);
  assert.equal(made.length, 100);
  assert.deepEqual(made, mutate(CORPUS, 1, 100));
  assert.notDeepEqual(made, mutate(CORPUS, 2, 100));
  const originals = new Set(CORPUS.map((each) => JSON.stringify(each)));
  const changed = made.filter(({ resource }) => !originals.has(JSON.stringify(resource)));
  assert.ok(changed.length > 80, `${changed.length} of 100 are changed`);
  for (const { changes } of made) assert.ok(changes.length > 0);
});
