import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadBalancer } from '../../../router/index.ts';
import { type Balancer, type Candidate, createBalancer } from '../../../router/policy/balancer.ts';
import { seeded } from './chance.ts';

interface Place extends Candidate {
  readonly id: string;
}

const place = (id: string, weight = 1, active = 0, sinceMs = 0): Place => ({
  id,
  weight,
  active,
  hashKey: id,
  sinceMs,
});
const three = ['a', 'b', 'c'].map((id) => place(id));
const HASH = { kind: 'source-ip' } as const;

function balancerOf(
  policy: LoadBalancer,
  places: readonly Place[],
  seed: number,
  nowMs = () => 0,
): Balancer<Place> {
  const balancer = createBalancer<Place>(policy, { chance: seeded(seed), nowMs });
  balancer.update(places);
  return balancer;
}

function count(balancer: Balancer<Place>, times: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { id } = balancer.pick(undefined, 0)!;
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

test('createBalancer() takes turns by ROUND_ROBIN', () => {
  const balancer = balancerOf({ kind: 'ROUND_ROBIN' }, three, 1);
  const turns = Array.from({ length: 9 }, () => balancer.pick(undefined, 0)!.id).join('');
  assert.equal(turns, turns.slice(0, 3).repeat(3));
  assert.equal(new Set(turns.slice(0, 3)).size, 3);
});

test('createBalancer() begins its turns anywhere, and goes on with them when endpoints change', () => {
  const firsts = [1, 2, 3, 4, 5, 6, 7, 8].map(
    (seed) => balancerOf({ kind: 'ROUND_ROBIN' }, three, seed).pick(undefined, 0)!.id,
  );
  assert.equal(new Set(firsts).size, 3, firsts.join());
  const balancer = balancerOf({ kind: 'ROUND_ROBIN' }, three, 1);
  const [first, second] = [balancer.pick(undefined, 0), balancer.pick(undefined, 0)];
  balancer.update([...three]);
  const third = balancer.pick(undefined, 0);
  assert.equal(new Set([first, second, third]).size, 3);
});

test('createBalancer() takes turns by weight', () => {
  const weighted = [place('a', 5), place('b', 3), place('c', 2)];
  for (const kind of ['ROUND_ROBIN', 'LEAST_REQUEST'] as const)
    assert.deepEqual(count(balancerOf({ kind }, weighted, 2), 1000), { a: 500, b: 300, c: 200 }, kind);
  const balancer = balancerOf({ kind: 'ROUND_ROBIN' }, weighted, 2);
  const turns = Array.from({ length: 10 }, () => balancer.pick(undefined, 0)!.id).join('');
  assert.doesNotMatch(turns, /aaa|bb|cc/, 'spread, not in a row');
});

test('createBalancer() by RANDOM does not look at weights', () => {
  const random = count(balancerOf({ kind: 'RANDOM' }, [place('a', 5), place('b', 1)], 3), 10_000);
  assert.ok(Math.abs(random['a']! - 5000) < 250, JSON.stringify(random));
});

test('createBalancer() by LEAST_REQUEST prefers the endpoint with less under way', () => {
  const counts = count(
    balancerOf({ kind: 'LEAST_REQUEST' }, [place('idle'), place('busy', 1, 9)], 4),
    10_000,
  );
  // Of two draws both are the busy one in a quarter of the cases.
  assert.ok(Math.abs(counts['busy']! - 2500) < 250, JSON.stringify(counts));
});

test('createBalancer() by LEAST_REQUEST divides weights by what is under way', () => {
  const places = [place('a', 4, 3), place('b', 2, 0)];
  assert.deepEqual(count(balancerOf({ kind: 'LEAST_REQUEST' }, places, 5), 300), { a: 100, b: 200 });
});

test('createBalancer() picks nothing from nothing, and the only one there is', () => {
  const policies: readonly LoadBalancer[] = [
    { kind: 'ROUND_ROBIN' },
    { kind: 'LEAST_REQUEST' },
    { kind: 'RANDOM' },
    { kind: 'PASSTHROUGH' },
    { kind: 'RING_HASH', hash: HASH, tableSize: 1024 },
    { kind: 'MAGLEV', hash: HASH, tableSize: 251 },
  ];
  for (const policy of policies) {
    assert.equal(balancerOf(policy, [], 5).pick(7n, 0), undefined, policy.kind);
    assert.equal(balancerOf(policy, three.slice(1, 2), 5).pick(7n, 0)?.id, 'b', policy.kind);
  }
});

test('createBalancer() warms a new endpoint up, and forgets about it afterwards', () => {
  let now = 100_000;
  const warmup = { durationMs: 10_000, minimumPercent: 10, aggression: 1 };
  const places = [place('old'), place('new', 1, 0, 100_000)];
  const share = (kind: 'ROUND_ROBIN' | 'LEAST_REQUEST'): number =>
    count(
      balancerOf({ kind, warmup }, places, 6, () => now),
      1100,
    )['new']!;
  assert.ok(Math.abs(share('ROUND_ROBIN') - 100) <= 1, 'a tenth of a weight at first');
  now = 105_000;
  assert.ok(Math.abs(share('ROUND_ROBIN') - 367) <= 1, 'half a weight at half time');
  assert.ok(Math.abs(share('LEAST_REQUEST') - 367) <= 1, 'by LEAST_REQUEST too');
  now = 110_001;
  assert.equal(share('ROUND_ROBIN'), 550, 'all of it at the end');
});

test('createBalancer() by hash takes any endpoint where a request has no hash', () => {
  const policy = { kind: 'RING_HASH', hash: HASH, tableSize: 1024 } as const;
  const counts = count(balancerOf(policy, three, 7), 3000);
  for (const id of ['a', 'b', 'c']) assert.ok(counts[id]! > 700, JSON.stringify(counts));
});

test('createBalancer() by hash leads elsewhere with further attempts', () => {
  for (const kind of ['RING_HASH', 'MAGLEV'] as const) {
    const tableSize = kind === 'MAGLEV' ? 65_537 : 1024;
    const balancer = balancerOf({ kind, hash: HASH, tableSize }, three, 8);
    const reached = new Set(Array.from({ length: 32 }, (_, attempt) => balancer.pick(99n, attempt)!.id));
    assert.equal(reached.size, 3, kind);
    assert.equal(balancer.pick(99n, 0), balancer.pick(99n, 0), kind);
  }
});

test('createBalancer() by hash moves few requests when an endpoint goes', () => {
  const places = Array.from({ length: 10 }, (_, index) => place(`10.0.0.${index}:80`));
  for (const kind of ['RING_HASH', 'MAGLEV'] as const) {
    const tableSize = kind === 'MAGLEV' ? 65_537 : 1024;
    const before = balancerOf({ kind, hash: HASH, tableSize }, places, 9);
    const after = balancerOf({ kind, hash: HASH, tableSize }, places.slice(1), 9);
    let moved = 0;
    for (let hash = 0; hash < 2000; hash++) {
      const key = BigInt.asUintN(64, BigInt(hash) * 0x9e3779b97f4a7c15n);
      const [from, to] = [before.pick(key, 0)!, after.pick(key, 0)!];
      if (from !== places[0] && from !== to) moved++;
    }
    assert.ok(moved < 200, `${kind}: ${moved} of 2000`);
  }
});

test('createBalancer() by hash gives shares by weight', () => {
  const places = [place('a', 3), place('b', 1)];
  for (const kind of ['RING_HASH', 'MAGLEV'] as const) {
    const tableSize = kind === 'MAGLEV' ? 65_537 : 4096;
    const counts = count(balancerOf({ kind, hash: HASH, tableSize }, places, 10), 10_000);
    assert.ok(Math.abs(counts['a']! - 7500) < 500, `${kind} ${JSON.stringify(counts)}`);
  }
});
