import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBalancer } from '../../upstream/balancer.ts';

/** A repeatable chance. Source of the numbers: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const three = ['a', 'b', 'c'].map((id) => ({ id, weight: 1, active: 0 }));

function count(pick: () => { id: string } | undefined, times: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { id } = pick()!;
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

test('createBalancer() takes turns by ROUND_ROBIN', () => {
  const pick = createBalancer('ROUND_ROBIN', three, seeded(1));
  const turns = Array.from({ length: 9 }, () => pick()!.id).join('');
  assert.equal(turns, turns.slice(0, 3).repeat(3));
  assert.equal(new Set(turns.slice(0, 3)).size, 3);
});

test('createBalancer() takes turns by weight', () => {
  const weighted = [
    { id: 'a', weight: 5, active: 0 },
    { id: 'b', weight: 3, active: 0 },
    { id: 'c', weight: 2, active: 0 },
  ];
  for (const kind of ['ROUND_ROBIN', 'LEAST_REQUEST'] as const)
    assert.deepEqual(
      count(createBalancer(kind, weighted, seeded(2)), 1000),
      { a: 500, b: 300, c: 200 },
      kind,
    );
  const random = count(createBalancer('RANDOM', weighted, seeded(3)), 10_000);
  assert.ok(
    Math.abs(random['a']! - 5000) < 250 && Math.abs(random['c']! - 2000) < 250,
    JSON.stringify(random),
  );
});

test('createBalancer() by LEAST_REQUEST prefers the endpoint with less under way', () => {
  const busy = [
    { id: 'idle', weight: 1, active: 0 },
    { id: 'busy', weight: 1, active: 9 },
  ];
  const counts = count(createBalancer('LEAST_REQUEST', busy, seeded(4)), 10_000);
  // Of two draws both are the busy one in a quarter of the cases.
  assert.ok(Math.abs(counts['busy']! - 2500) < 250, JSON.stringify(counts));
});

test('createBalancer() picks nothing from nothing', () => {
  assert.equal(createBalancer('RANDOM', [], seeded(5))(), undefined);
  assert.equal(createBalancer('ROUND_ROBIN', three.slice(1, 2), seeded(5))()?.id, 'b');
});
