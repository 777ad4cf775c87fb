import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pickSticky, seedsOf, splitKeyOf } from '../../../router/route/sticky-split.ts';
import { get, routerOf } from '../rules.ts';

const USERS = 100_000;
const keys = Array.from({ length: USERS }, (_, user) => `user-${user}@example.com`);

/** Where each user goes, as an index in the weights. */
function assign(clusters: readonly string[], weights: readonly number[]): Uint8Array<ArrayBuffer> {
  const seeds = seedsOf(clusters.map((cluster) => ({ cluster })));
  const destinations = weights.map((weight) => ({ weight }));
  return Uint8Array.from(keys, (key) => pickSticky(destinations, { seeds }, key));
}

const count = (assigned: Uint8Array, index: number): number =>
  assigned.reduce((sum, each) => sum + (each === index ? 1 : 0), 0);

test('pickSticky() never takes the new version away from one of 100,000 users while its weight grows', () => {
  let before = new Uint8Array(USERS);
  // With 0 and 100 % one destination is left, and there is nothing to pick.
  for (const percent of [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99]) {
    const now = assign(['v1', 'v2'], [100 - percent, percent]);
    assert.ok(
      before.every((had, user) => had === 0 || now[user] === 1),
      `somebody fell back at ${percent} %`,
    );
    const share = (100 * count(now, 1)) / USERS;
    // Five standard deviations.
    const slack = 500 * Math.sqrt(((percent / 100) * (1 - percent / 100)) / USERS);
    assert.ok(Math.abs(share - percent) < slack, `${share} % of the users, not ${percent} %`);
    before = now;
  }
});

test('pickSticky() gives nobody to the destination that shrinks, and takes nobody from the one that grows', () => {
  const clusters = ['v1', 'v2', 'v3'];
  const before = assign(clusters, [70, 20, 10]);
  const after = assign(clusters, [60, 20, 20]);
  assert.ok(
    before.every((was, user) => (was !== 2 || after[user] === 2) && (after[user] !== 0 || was === 0)),
  );
  // Weights are shares, whatever their sum.
  assert.deepEqual(assign(clusters, [140, 40, 20]), before);
});

test('pickSticky() tells destinations apart by name, not by place', () => {
  const turned = assign(['v2', 'v1'], [20, 80]);
  assert.ok(assign(['v1', 'v2'], [80, 20]).every((index, user) => index === 1 - turned[user]!));
  // Twice the same cluster, with other headers, is two destinations.
  const twice = assign(['v1', 'v1'], [50, 50]);
  assert.ok(Math.abs(count(twice, 0) - USERS / 2) < 1000);
});

const keyCases: readonly {
  readonly name: string;
  readonly kind: 'header' | 'cookie';
  readonly headers: readonly (readonly [string, string])[];
  readonly want: string | undefined;
}[] = [
  { name: 'a header', kind: 'header', headers: [['user', 'a b']], want: 'a b' },
  {
    name: 'the first of several headers',
    kind: 'header',
    headers: [
      ['user', '1'],
      ['user', '2'],
    ],
    want: '1',
  },
  { name: 'no header', kind: 'header', headers: [['users', 'a']], want: undefined },
  { name: 'an empty header', kind: 'header', headers: [['user', '']], want: undefined },
  { name: 'a cookie', kind: 'cookie', headers: [['cookie', 'x=1; user=abc; y=2']], want: 'abc' },
  { name: 'a cookie in quotes', kind: 'cookie', headers: [['cookie', 'user="abc"']], want: 'abc' },
  {
    name: 'a cookie of several headers',
    kind: 'cookie',
    headers: [
      ['cookie', 'x=1'],
      ['cookie', 'user=a=b'],
    ],
    want: 'a=b',
  },
  { name: 'no cookie', kind: 'cookie', headers: [['cookie', 'auser=1; user2=2; user']], want: undefined },
];
for (const { name, kind, headers, want } of keyCases)
  test(`splitKeyOf() reads ${name}`, () => {
    assert.equal(splitKeyOf({ kind, name: 'user' }, headers), want);
  });

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter, annotations: { pointsman.dev/sticky-split: 'header:X-User' } }
spec:
  hosts: [greeter]
  http:
    - route:
        - { destination: { host: greeter, subset: v1 }, weight: 50 }
        - { destination: { host: greeter, subset: v2 }, weight: 50 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

test('route() follows a sticky split for requests with the key, and chance for others', () => {
  const router = routerOf(RULES);
  const subset = (headers: readonly [string, string][], draw: number) => {
    const decision = router.route(get('/', { headers }), () => draw);
    return [decision.destination?.subset, decision.kind === 'forward' ? decision.chosenBy : undefined];
  };
  const first = subset([['x-user', 'ann']], 0);
  assert.deepEqual(subset([['x-user', 'ann']], 99), first);
  assert.equal(first[1], 'sticky-split');
  const users = Array.from({ length: 50 }, (_, user) => subset([['x-user', `u${user}`]], 0)[0]);
  assert.deepEqual(new Set(users), new Set(['v1', 'v2']));
  assert.deepEqual(subset([], 0), ['v1', undefined]);
  assert.deepEqual(subset([], 99), ['v2', undefined]);
});

test('explain() says where a key leads, and what decides without one', () => {
  const router = routerOf(RULES);
  const known = router.explain(get('/', { headers: [['x-user', 'ann']] }));
  assert.equal(known.outcomes.length, 1);
  assert.deepEqual(known.extensions, [
    'the header x-user, where there is one, decides the split: the same goes the same way',
  ]);
  assert.equal(router.explain(get('/')).outcomes.length, 2);
});
