import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkQueue } from '../../wire/chunk-queue.ts';

/** Pieces of these lengths, whose bytes go up one by one. */
function pieces(...lengths: readonly number[]): Uint8Array[] {
  let next = 0;
  return lengths.map((length) => Uint8Array.from({ length }, () => next++));
}

function filled(...chunks: readonly Uint8Array[]): ChunkQueue {
  const queue = new ChunkQueue();
  for (const chunk of chunks) queue.push(chunk);
  return queue;
}

const joinings: readonly { readonly name: string; readonly pushed: number[]; readonly want: number[] }[] = [
  { name: 'small pieces', pushed: [1, 2, 3, 1023], want: [1029] },
  { name: 'no large ones', pushed: [1024, 1024], want: [1024, 1024] },
  { name: 'none over a large one', pushed: [1, 1, 1024, 1, 1], want: [2, 1024, 2] },
  { name: 'none of nothing', pushed: [0, 1, 0], want: [1] },
  { name: 'up to 16 KiB', pushed: Array(33).fill(1000), want: [16_000, 16_000, 1000] },
];

for (const { name, pushed, want } of joinings) {
  test(`ChunkQueue joins ${name}, and keeps every byte in its place`, () => {
    const chunks = pieces(...pushed);
    const all = filled(...chunks).takeAll();
    assert.deepEqual(
      all.map(({ length }) => length),
      want,
    );
    assert.deepEqual(Buffer.concat(all), Buffer.concat(chunks));
  });
}

test('ChunkQueue keeps no buffer alive for a small part of it', () => {
  const [large] = pieces(100_000);
  const queue = filled(large!.subarray(5, 6), large!.subarray(7, 9), large!.subarray(10, 2000));
  assert.deepEqual([...queue.first!], [5, 7, 8]);
  assert.ok(queue.shift()!.buffer.byteLength <= 256);
  assert.equal(queue.shift()!.buffer, large!.buffer);
  assert.equal(queue.shift(), undefined);
});

test('ChunkQueue lets the first piece grow while it is read, and never writes to one that was taken', () => {
  const queue = filled(...pieces(3));
  const seen = queue.first!;
  queue.push(Uint8Array.of(9));
  assert.deepEqual([...queue.first!], [0, 1, 2, 9]);
  assert.deepEqual([...seen], [0, 1, 2]);
  const taken = queue.shift()!;
  queue.push(Uint8Array.of(7));
  assert.deepEqual([[...taken], [...queue.first!], queue.length], [[0, 1, 2, 9], [7], 1]);
  const all = queue.takeAll();
  queue.push(Uint8Array.of(8));
  assert.deepEqual([all.map((piece) => [...piece]), [...queue.first!]], [[[7]], [8]]);
});
