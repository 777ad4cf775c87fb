import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { examplesOf } from '../../cli/command.ts';
import { diffCommand } from '../../cli/diff.ts';
import { explainCommand } from '../../cli/explain.ts';
import { graphCommand } from '../../cli/graph.ts';
import { simulateCommand } from '../../cli/simulate.ts';
import { testCommand } from '../../cli/test.ts';
import { run } from '../program.ts';

const root = resolve(import.meta.dirname, '../..');

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop, shop.example.com]
  http:
    - route:
        - { destination: { host: shop, subset: v1 }, weight: 90 }
        - { destination: { host: shop, subset: v2 }, weight: 10 }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop-public }
spec:
  hosts: [shop.example.com]
  gateways: [public]
  http:
    - route: [{ destination: { host: shop } }]
`;
const VALIDATOR_CASES =
  'testCases: [{ description: a, wantMatch: true, request: { authority: [shop.example.com], method: [GET], uri: [/] }, route: [{ destination: { host: shop, subset: v1 }, weight: 90 }, { destination: { host: shop, subset: v2 }, weight: 10 }] }]\n';

/** A folder that has what the examples speak of. */
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pointsman-example-'));
  mkdirSync(join(folder, 'deploy'));
  for (const place of ['deploy/istio', 'rules'])
    cpSync(join(root, 'deploy/istio'), join(folder, place), { recursive: true });
  const tests = 'virtualservice.test.yaml';
  cpSync(join(root, 'deploy/istio/test', tests), join(folder, 'rules', tests));
  for (const name of ['rules.yaml', 'virtualservice.yaml']) writeFileSync(join(folder, name), RULES);
  writeFileSync(join(folder, 'virtualservice_test.yml'), VALIDATOR_CASES);
  writeFileSync(join(folder, 'access.log'), '');
  const pilot = JSON.parse(
    readFileSync(join(root, 'test/conformance/corpus/cases/match-scheme/envoy.json'), 'utf8'),
  );
  for (const name of ['routes.json', 'routes-before.json', 'routes-after.json'])
    writeFileSync(join(folder, name), JSON.stringify(Object.values(pilot.routes)));
  cpSync(join(root, 'test/fixture/proxy/sidecar.json'), join(folder, 'config-dump.json'));
  const git =
    'git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm one && echo >> rules.yaml && git -c user.name=a -c user.email=a@b commit -qam two';
  const { code, output } = await run('sh', ['-c', git], { cwd: folder });
  assert.equal(code, 0, output);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Those that do not end, need a gateway, a cluster, or another program. */
const ELSEWHERE = [/--watch/, /http:\/\/localhost:9901/, /k8s:/, /xds:/, /\| dot /];

for (const declare of [explainCommand, testCommand, diffCommand, graphCommand, simulateCommand]) {
  const command = declare();
  const examples = examplesOf(command).filter(
    (example) => !ELSEWHERE.some((pattern) => pattern.test(example)),
  );
  // One runtime will do: the commands have their own tests on all.
  const skip = process.versions['bun'] === undefined && 'Bun runs the examples';
  test(`the examples of ${command.name()} --help work as printed`, { skip }, async () => {
    assert.ok(examples.length > 1);
    for (const example of examples) {
      const line = example.replace(/^pointsman /, `"${process.execPath}" "${join(root, 'cli/main.ts')}" `);
      const { code, output } = await run('sh', ['-c', line], { cwd: folder });
      // 1 is what diff has found.
      assert.ok(code === 0 || (code === 1 && command.name() === 'diff'), `${example}\n${output}`);
      assert.doesNotMatch(output, /^error: /m);
    }
  });
}
