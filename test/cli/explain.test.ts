import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation } from '../../router/index.ts';
import { pointsman } from './program.ts';

const URL = 'http://dubbo-go-server:20000/api.Greeter/SayHello';

async function explain(...args: string[]): Promise<Explanation> {
  const { code, stdout, stderr } = await pointsman(['explain', '--json', 'deploy/istio', '--', ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Percent and subset of each outcome. */
function outcomes({ outcomes }: Explanation): [number, string | undefined][] {
  return outcomes.map(({ percent, decision }) => [
    percent,
    decision.kind === 'forward' ? decision.destination?.subset : decision.flag,
  ]);
}

test('explain sends the header user: admin to v2, its name in any case, and all else to v1', async () => {
  assert.deepEqual(outcomes(await explain('-X', 'POST', '-H', 'user: admin', URL)), [[100, 'v2']]);
  assert.deepEqual(outcomes(await explain('-X', 'POST', '-H', 'USER:admin', URL)), [[100, 'v2']]);
  assert.deepEqual(outcomes(await explain('-X', 'POST', '-H', 'user: admin2', URL)), [[100, 'v1']]);
  assert.deepEqual(outcomes(await explain(URL)), [[100, 'v1']]);
});

test('explain names the rule that did not match, with file and line, and why', async () => {
  const { tried } = await explain('-H', 'user: guest', URL);
  assert.deepEqual(
    tried.map(({ matched, route }) => [route, matched]),
    [
      ['admin', false],
      ['everyone-else', true],
    ],
  );
  assert.match(tried[0]?.rule?.file ?? '', /deploy\/istio\/virtualservice\.yaml$/);
  assert.match(tried[0]?.failed?.got ?? '', /guest/);
});

test("explain takes check's examples as they are: -g, an empty header, and one that is not sent", async () => {
  const { tried } = await explain('-g', '-H', 'user;', `${URL}[0]`);
  assert.match(tried[0]?.failed?.got ?? '', /^""$/);
  assert.match((await explain('-H', 'user:', URL)).tried[0]?.failed?.got ?? '', /absent/);
});

test('explain gives the split of a canary', async () => {
  const args = [
    'explain',
    '--json',
    'deploy/istio/destinationrule.yaml',
    'deploy/istio/scenarios/canary-90-10.yaml',
    '--',
    URL,
  ];
  const { code, stdout, stderr } = await pointsman(args);
  assert.equal(code, 0, stderr);
  assert.deepEqual(outcomes(JSON.parse(stdout)), [
    [90, 'v1'],
    [10, 'v2'],
  ]);
});

test('explain prints an account in words without --json', async () => {
  const { code, stdout } = await pointsman(['explain', 'deploy/istio', '--', '-H', 'user: admin', URL]);
  assert.equal(code, 0);
  assert.match(stdout, /v2/);
  assert.match(stdout, /deploy\/istio\/virtualservice\.yaml:\d+/);
});

test('explain exits 2 without rules, without a URL, and for a header that is none, whose value it keeps to itself', async () => {
  for (const args of [
    ['deploy/istio'],
    ['deploy/istio', '--', 'http://'],
    ['--', URL],
    ['deploy/istio', '--', '-H', 'hunter2', URL],
  ]) {
    const { code, stderr } = await pointsman(['explain', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /^error: /);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});
