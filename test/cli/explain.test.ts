import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

test('explain follows a request through a gateway, whose Gateway it assumes where there is none, or names the ports that there are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-gateway-'));
  try {
    const onPort =
      '{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, spec: {hosts: [shop.example], gateways: [public], http: [{match: [{port: 8080}], route: [{destination: {host: shop}}]}]}}';
    const server = '{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}';
    const gateway = `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: public}, spec: {servers: [${server}]}}`;
    writeFileSync(join(folder, 'alone.yaml'), onPort);
    writeFileSync(join(folder, 'both.yaml'), `${onPort}\n---\n${gateway}`);
    const at = (file: string, name: string, ...rest: string[]) =>
      pointsman(['explain', file, '--gateway', name, ...rest], { cwd: folder });
    const assumed = await at('alone.yaml', 'public', '--', 'http://shop.example:8080/');
    assert.match(assumed.stdout, /✓ VirtualService default\/shop http\[0\]/);
    assert.match(assumed.stderr, /assumed .*gateway default\/public on port 8080/);
    const there = await at('both.yaml', 'default/public', '--port', '8080', '--', 'http://shop.example/');
    assert.match(there.stdout, /✓ VirtualService default\/shop http\[0\]/);
    assert.doesNotMatch(there.stderr, /gateway/);
    const elsewhere = await at('both.yaml', 'public', '--', 'http://shop.example/');
    assert.equal(elsewhere.code, 2);
    assert.match(
      elsewhere.stderr,
      /at port 80 of gateway default\/public: it serves 8080, so write --port 8080/,
    );
    const unknown = await at('both.yaml', 'pubic', '--', 'http://shop.example/');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /gateway default\/pubic: there is no such Gateway.* only default\/public/);
  } finally {
    rmSync(folder, { recursive: true });
  }
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

test('explain exits 2 without rules, without a URL, and for a method or a header that is none, whose value it keeps to itself', async () => {
  for (const args of [
    ['deploy/istio'],
    ['deploy/istio', '--', 'http://'],
    ['--', URL],
    ['deploy/istio', '--', '-H', 'hunter2', URL],
    ['deploy/istio', '--', '-X', 'GE T', URL],
    ['deploy/istio', '--', '-X', '', URL],
  ]) {
    const { code, stderr } = await pointsman(['explain', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /^error: /);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});
