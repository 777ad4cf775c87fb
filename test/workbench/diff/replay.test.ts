import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from '../../../router/index.ts';
import { createReplay, replayText, tablesOfRules } from '../../../workbench/diff/replay.ts';

function rules(http: string) {
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, spec: {hosts: [shop], http: [${http}]}}`;
  return validate(parse(text).resources).resources;
}

const TO_V1 = '{ route: [{ destination: { host: shop, subset: v1 } }] }';
const SPLIT =
  '{ match: [{ uri: { prefix: /cart } }], route: [{ destination: { host: shop, subset: v2 } }] }, { route: [{ destination: { host: shop, subset: v1 }, weight: 90 }, { destination: { host: shop, subset: v2 }, weight: 10 }] }';

test('createReplay() counts logged requests that move, a share of a split as that much, and lines that are none', () => {
  const replay = createReplay(tablesOfRules(rules(TO_V1), rules(SPLIT), {}));
  const line = (path: string) => `{"method":"GET","path":"${path}","authority":"shop","protocol":"HTTP/1.1"}`;
  for (const each of [
    'started',
    ...Array.from({ length: 10 }, () => line('/')),
    line('/cart'),
    '',
    '{"a":',
    line('/cart/1'),
  ])
    replay.add(each);
  const report = replay.report();
  assert.deepEqual(report, {
    requests: 12,
    moved: report.moved,
    moves: [{ what: 'shop v1 → shop v2', requests: report.moves[0]!.requests }],
    broken: 2,
    brokenLines: [1, 14],
    formats: { json: 12 },
  });
  assert.equal(report.moved.toFixed(6), '3.000000');
  assert.equal(
    replayText(report),
    `of 12 logged requests 3 move (25 %)
  3  shop v1 → shop v2
  2 lines are no access log and were left out (line 1, 14)`,
  );
});
