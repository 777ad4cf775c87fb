import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SimulationReport } from '../../workbench/simulate/simulate.ts';
import { pointsman } from './program.ts';

const CANARY = 'deploy/istio/scenarios/canary-90-10.yaml';
const URL = 'http://dubbo-go-server/';
const FULL_URL = 'http://dubbo-go-server.default.svc.cluster.local/';

test('simulate counts where requests of a canary go, and draws a rollout', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-simulate-'));
  try {
    const svg = join(folder, 'rollout.svg');
    const html = join(folder, 'rollout.html');
    const args = [
      'simulate',
      CANARY,
      '-n',
      '20000',
      '--rollout',
      'v2=5,50',
      '--every',
      '90s',
      '--svg',
      svg,
      '--html',
      html,
    ];
    const { code, stdout, stderr } = await pointsman([...args, '--', URL]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^20,000 requests, seed 1\n {2}dubbo-go-server v1 {2}█+/);
    assert.match(stdout, /\n {5}0s {2}█+░+ .*\n {2}1m30s {2}█+░+ /);
    assert.match(await readFile(svg, 'utf8'), /^<svg /);
    assert.match(await readFile(html, 'utf8'), /^<!doctype html>/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('simulate --json tells machines the same', async () => {
  const { code, stdout } = await pointsman(['simulate', CANARY, '-n', '50_000', '--json', '--', URL]);
  assert.equal(code, 0);
  const report = JSON.parse(stdout) as SimulationReport;
  assert.equal(report.requests, 50_000);
  assert.ok(Math.abs(report.targets[1]!.percent - 10) < 1);
});

test('simulate --gateway assumes a Gateway that the rules come without', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-simulate-'));
  try {
    const file = join(folder, 'rules.yaml');
    const canary = await readFile(CANARY, 'utf8');
    await writeFile(file, canary.replace(/^ {2}hosts:/m, '  gateways: [public]\n  hosts:'));
    const run = (gateway: string) =>
      pointsman(['simulate', file, '--gateway', gateway, '-n', '100', '--', FULL_URL]);
    const { code, stdout } = await run('public');
    assert.equal(code, 0);
    assert.match(stdout, /dubbo-go-server v1 [^\n]*90 % intended/);
    const unknown = await run('pubic');
    assert.equal(unknown.code, 2);
    assert.match(
      unknown.stderr,
      /Cannot simulate a request through gateway default\/pubic: .* only default\/public/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('simulate exits 2 for what it cannot do', async () => {
  for (const [args, reason] of [
    [[CANARY, '--target', 'v2:fial=5%', '--', URL], /Cannot read --target "v2:fial=5%"/],
    [
      [CANARY, '--target', 'nosuch:fail=100%', '--', URL],
      /Cannot find the destination of --target "nosuch": .* dubbo-go-server v1, dubbo-go-server v2;/,
    ],
    [[CANARY, '--rollout', 'v9=5,10', '--', URL], /Cannot roll out "v9": no rule splits/],
  ] as const) {
    const { code, stderr } = await pointsman(['simulate', ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});
