import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptBody, MAX_KEPT_BYTES } from '../../../traffic/forward/kept-body.ts';

const join = (chunks: readonly Uint8Array[]): number[] => chunks.flatMap((chunk) => [...chunk]);

test('KeptBody gives back what was added, in its order, however many pieces there were', () => {
  for (const count of [0, 1, 64, 65, 1000]) {
    const body = new KeptBody();
    const all: number[] = [];
    for (let index = 0; index < count; index++) {
      const chunk = Uint8Array.of(index, index >> 8, 7);
      all.push(...chunk);
      assert.equal(body.add(chunk), true);
      if (index === 100) assert.deepEqual(join(body.chunks()), all);
    }
    assert.deepEqual(join(body.chunks()), all);
  }
});

test('KeptBody holds on to few of the buffers that its pieces come from', () => {
  const body = new KeptBody();
  for (let index = 0; index < 10_000; index++) body.add(new Uint8Array(65_536).subarray(0, 1));
  assert.ok(body.chunks().length <= 65);
});

test('KeptBody keeps a megabyte and no byte more', () => {
  const body = new KeptBody();
  assert.equal(body.add(new Uint8Array(MAX_KEPT_BYTES)), true);
  assert.equal(body.add(new Uint8Array(1)), false);
});
