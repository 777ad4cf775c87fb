import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pointsman } from './program.ts';

const RULES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
spec:
  hosts: [shop]
  http:
    - match: [{uri: {prefix: /a}}]
      route: [{destination: {host: shop}}]
    - match: [{uri: {exact: /a/b}}]
      route: [{destination: {host: shop}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: Big
spec:
  hosts: [big]
  http:
    - rout: []
`;

interface SarifResult {
  readonly ruleId: string;
  readonly level: string;
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly region: { readonly startLine: number; readonly startColumn: number };
      };
      readonly logicalLocations?: readonly [{ readonly fullyQualifiedName: string }];
    },
  ];
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-sarif-'));
  try {
    writeFileSync(join(folder, 'my rules.yaml'), RULES);
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('check --sarif prints a log as SARIF 2.1.0 demands it, with a place and a rule for each result', async () => {
  await inFolder(async (folder) => {
    const { code, stdout } = await pointsman(['check', '--sarif', 'my rules.yaml'], { cwd: folder });
    assert.equal(code, 1);
    const log = JSON.parse(stdout);
    // Sections of the standard: 3.13 log, 3.14 run, 3.19 toolComponent, 3.49 rule, 3.27 result, 3.30 region.
    assert.equal(log.version, '2.1.0');
    assert.equal(log.runs.length, 1);
    const [run] = log.runs;
    assert.equal(run.columnKind, 'utf16CodeUnits');
    assert.equal(run.tool.driver.name, 'pointsman');
    const { rules } = run.tool.driver;
    assert.equal(new Set(rules.map(({ id }: { id: string }) => id)).size, rules.length, 'ids are unique');
    for (const rule of rules) {
      assert.ok(rule.shortDescription.text.length > 0);
      assert.ok(rule.help.text.includes(`docs/lint.md#${rule.id} `));
      assert.equal(rule.helpUri, undefined, 'the docs have no public address');
    }
    for (const result of run.results) {
      assert.equal(rules[result.ruleIndex].id, result.ruleId);
      assert.ok(['error', 'warning'].includes(result.level));
      const { artifactLocation, region } = result.locations[0].physicalLocation;
      assert.equal(artifactLocation.uri, 'my%20rules.yaml');
      assert.ok(region.startLine >= 1 && region.startColumn >= 1);
      assert.equal(region.snippet.text, RULES.split('\n')[region.startLine - 1]);
    }
    // Counted by hand in the text above.
    const found = run.results.map(({ ruleId, level, locations }: SarifResult) => {
      const [{ physicalLocation, logicalLocations }] = locations;
      const { startLine, startColumn } = physicalLocation.region;
      return [ruleId, level, startLine, startColumn, logicalLocations?.[0].fullyQualifiedName];
    });
    assert.deepEqual(found, [
      ['rule-never-taken', 'warning', 10, 7, 'VirtualService/default/shop'],
      ['cluster-refuses', 'error', 16, 9, undefined],
      ['unknown-field', 'error', 20, 7, 'VirtualService/default/Big'],
    ]);
    const [lost] = run.results;
    assert.match(lost.message.text, /For example: curl http:\/\/shop\.default\.svc\.cluster\.local\/a\/b$/);
  });
});

test('check --sarif and --json have text beyond ASCII as it is written, and columns in UTF-16 units', async () => {
  const match = "{headers: {x-name: {exact: 'Zoë 😀'}}}";
  const spec = `{hosts: [shop], http: [{match: [${match}], route: [{destination: {host: shop}}]}, {name: '😀', match: [${match}], route: [{destination: {host: shop}}]}]}`;
  const stdin = `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\nspec: ${spec}\n`;
  const [sarif, json] = await Promise.all(
    ['--sarif', '--json'].map(async (format) => {
      return JSON.parse((await pointsman(['check', format, '-'], { stdin })).stdout);
    }),
  );
  const example = "curl -H 'x-name: Zoë 😀' http://shop.default.svc.cluster.local/";
  const [issue] = json.issues;
  assert.deepEqual([issue.code, issue.example], ['rule-never-taken', example]);
  const [result] = sarif.runs[0].results;
  assert.ok(result.message.text.endsWith(`For example: ${example}`), result.message.text);
  const { snippet, startColumn } = result.locations[0].physicalLocation.region;
  assert.equal(snippet.text, `spec: ${spec}`);
  assert.equal(issue.column, startColumn);
  assert.ok(
    snippet.text.slice(startColumn - 1).startsWith("{name: '😀'"),
    'String.slice counts UTF-16 units',
  );
});

test('check --json tells of each document what Istio and an API server say, and of each issue who says it', async () => {
  await inFolder(async (folder) => {
    const { code, stdout } = await pointsman(['check', '--json', '.'], { cwd: folder });
    assert.equal(code, 1);
    const { documents, issues, resources, errors, warnings } = JSON.parse(stdout);
    assert.deepEqual({ resources, errors, warnings }, { resources: 1, errors: 2, warnings: 1 });
    assert.deepEqual(documents, [
      {
        file: 'my rules.yaml',
        line: 1,
        kind: 'VirtualService',
        name: 'shop',
        istio: { valid: true, errors: 0, warnings: 0 },
        cluster: { valid: true, errors: 0 },
      },
      {
        file: 'my rules.yaml',
        line: 13,
        kind: 'VirtualService',
        name: 'Big',
        istio: { valid: false, stage: 'parse', errors: 1, warnings: 0 },
        cluster: { valid: false, errors: 2 },
      },
    ]);
    const by = issues.map((issue: { code: string; by: string[] }) => [issue.code, issue.by]);
    assert.deepEqual(by, [
      ['rule-never-taken', ['lint']],
      ['cluster-refuses', ['cluster']],
      ['unknown-field', ['istio', 'cluster', 'pointsman']],
    ]);
  });
});

test('check says once what Istio and lint both find, with the proof of lint', async () => {
  const text = RULES.slice(0, RULES.indexOf('---')).replace('{exact: /a/b}', '{prefix: /a}');
  const { stdout } = await pointsman(['check', '--json', '-'], { stdin: text });
  const { issues, documents } = JSON.parse(stdout);
  const found = issues.map(({ code, line, by }: { code: string; line: number; by: string[] }) => [
    code,
    line,
    by,
  ]);
  // Istio names the rule and its only match, and so does the gateway, which has Istio's rules.
  assert.deepEqual(found, [['rule-never-taken', 10, ['istio', 'pointsman', 'lint']]]);
  assert.equal(documents[0].istio.warnings, 2);
});

test('check exits 0 on warnings, and 1 with --strict', async () => {
  const text = RULES.slice(0, RULES.indexOf('---'));
  assert.equal((await pointsman(['check', '-'], { stdin: text })).code, 0);
  const strict = await pointsman(['check', '--strict', '-'], { stdin: text });
  assert.equal(strict.code, 1);
  assert.match(strict.stdout, /^-:10:7 rule-never-taken \(warning\): /);
});

test('check says in text which documents are refused, and by whom', async () => {
  const { stdout } = await pointsman(['check', '-'], {
    stdin: RULES.replace('rout: []', 'route: [{destination: {host: big}}]'),
  });
  assert.match(stdout, /^-:13 VirtualService 'Big': Istio takes it, an API server refuses it$/m);
  assert.doesNotMatch(stdout, /'shop': Istio/);
});

test('check takes --json or --sarif, not both', async () => {
  const { code, stderr } = await pointsman(['check', '--json', '--sarif', '-'], { stdin: RULES });
  assert.equal(code, 2);
  assert.match(stderr, /^error: /);
});
