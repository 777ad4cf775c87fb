import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Issue } from '../../router/index.ts';
import { pointsman } from './program.ts';

const GOOD = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: good
spec:
  hosts: [good]
  http:
    - route:
        - destination:
            host: good
`;

/** A rule named `bad` with other lines for `http`. */
function bad(http: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: bad
spec:
  hosts: [bad]
  http:
${http}`;
}

const ROUTE = `    - route:
        - destination:
            host: bad
`;

/** Ten entries, each ten times the one before: 10^10 values. */
const ALIAS_BOMB = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]
${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`).join('\n')}
`;

interface Case {
  readonly name: string;
  readonly text: string | Uint8Array;
  /** 1-based place of the first error; absent: where in the text it is noticed does not matter. */
  readonly line?: number;
  readonly column?: number;
  readonly code?: Issue['code'];
}

// Lines and columns were counted by hand in the texts above and below.
const CASES: readonly Case[] = [
  { name: 'text that is not YAML', text: 'spec: [1, 2\nkind: }\n', line: 2, code: 'yaml-syntax' },
  { name: 'a list where a resource should be', text: '- a\n- b\n', line: 1, code: 'not-a-resource' },
  {
    name: 'a kind that Istio does not have',
    text: GOOD.replace('VirtualService', 'VirtualServise').replace('name: good', 'name: bad'),
    line: 2,
    column: 7,
    code: 'unknown-kind',
  },
  {
    name: 'an unknown field',
    text: bad(ROUTE.replace('- route:', '- rout:')),
    line: 8,
    column: 7,
    code: 'unknown-field',
  },
  {
    name: 'a value of the wrong type',
    text: bad(`${ROUTE}      timeout: [5]\n`),
    line: 11,
    code: 'wrong-type',
  },
  { name: 'two resources of one name', text: GOOD, line: 4, column: 9, code: 'duplicate-resource' },
  { name: 'an alias bomb', text: ALIAS_BOMB, code: 'excessive-aliases' },
  {
    name: 'nesting a hundred deep',
    text: `a: ${'['.repeat(100)}${']'.repeat(100)}\n`,
    line: 1,
    code: 'too-deep',
  },
  { name: 'nesting a hundred thousand deep', text: `a: ${'['.repeat(100_000)}\n`, line: 1, code: 'too-deep' },
  { name: 'a file of 10 MB', text: `# ${'x'.repeat(10_000_000)}\n`, code: 'file-too-large' },
  {
    name: 'text that is not UTF-8',
    text: new Uint8Array([...new TextEncoder().encode('kind: '), 0xff, 0xfe, 0x0a]),
    line: 1,
    column: 7,
    code: 'not-utf8',
  },
  {
    name: 'a regex that is not RE2',
    text: bad(`    - match:\n        - uri:\n            regex: "(?!x)y"\n      ${ROUTE.slice(6)}`),
    line: 10,
    code: 'regex',
  },
  {
    name: 'a resource that is a prototype key',
    text: '__proto__:\n  kind: VirtualService\n',
    line: 1,
    code: 'not-a-resource',
  },
  { name: 'a NUL character', text: bad(ROUTE.replace('bad', 'b\0d')), line: 10, code: 'yaml-syntax' },
  {
    name: 'a key twice',
    text: bad(`${ROUTE}  hosts: [again]\n`),
    line: 11,
    column: 3,
    code: 'duplicate-key',
  },
  { name: 'tabs for spaces', text: bad('\t- route: []\n'), line: 8, code: 'yaml-syntax' },
];

async function inFolder(
  files: Record<string, string | Uint8Array>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-check-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const { name, text, line, column, code } of CASES) {
  test(`check tells the place of ${name}, exits 1, and takes the other resources`, async () => {
    await inFolder({ 'a-good.yaml': GOOD, 'bad.yaml': text }, async (folder) => {
      const { code: exit, stdout, stderr } = await pointsman(['check', '--json', '.'], { cwd: folder });
      assert.equal(exit, 1, stderr);
      const report: { resources: number; errors: number; issues: Issue[] } = JSON.parse(stdout);
      assert.equal(report.resources, 1, 'the good resource is counted');
      const [issue] = report.issues.filter(({ severity }) => severity === 'error');
      assert.ok(issue);
      assert.equal(issue.file, 'bad.yaml');
      if (line !== undefined) {
        assert.equal(issue.line, line);
        assert.ok(issue.column !== undefined && issue.column > 0);
      }
      if (column !== undefined) assert.equal(issue.column, column);
      if (code !== undefined) assert.equal(issue.code, code);
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
    });
  });
}

test('check prints each issue with its line and a caret, and a count at the end', async () => {
  await inFolder({ 'bad.yaml': bad(ROUTE.replace('- route:', '- rout:')) }, async (folder) => {
    const { code, stdout, stderr } = await pointsman(['check', 'bad.yaml'], { cwd: folder });
    assert.equal(code, 1);
    assert.match(stdout, /^bad\.yaml:8:7 unknown-field: /);
    const lines = stdout.split('\n');
    const at = lines.findIndex((text) => text.includes('- rout:'));
    assert.ok(at > 0, stdout);
    assert.equal(lines[at + 1]?.indexOf('^'), lines[at]?.indexOf('rout:'));
    assert.match(stderr, /1 error/);
  });
});

test('check reads standard input, headers named __proto__ and constructor included, and exits 0 when all is fine', async () => {
  const headers = '{ __proto__: { exact: a }, constructor: { prefix: b } }';
  const text = GOOD.replace('- route:', `- match: [{ headers: ${headers} }]\n      route:`);
  const { code, stdout, stderr } = await pointsman(['check', '--json', '-'], { stdin: text });
  assert.equal(code, 0, stdout + stderr);
  assert.equal(JSON.parse(stdout).resources, 1);
});

test('check takes a kubectl list with status and managedFields', async () => {
  const item = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'good', namespace: 'shop', uid: 'a', managedFields: [{ manager: 'kubectl' }] },
    spec: { hosts: ['good'], http: [{ route: [{ destination: { host: 'good' } }] }] },
    status: {},
  };
  const list = { apiVersion: 'v1', kind: 'List', items: [item, { ...item, metadata: { name: 'second' } }] };
  const { code, stdout } = await pointsman(['check', '--json', '-'], { stdin: JSON.stringify(list) });
  assert.deepEqual({ code, resources: JSON.parse(stdout).resources }, { code: 0, resources: 2 });
});

test('check finds nothing wrong with the rules that are shipped', async () => {
  for (const path of [
    'deploy/istio',
    'deploy/istio/scenarios/all-v1.yaml',
    'deploy/istio/scenarios/user-admin.yaml',
    'deploy/istio/scenarios/canary-90-10.yaml',
  ]) {
    const { code, stdout } = await pointsman(['check', '--json', path]);
    assert.equal(code, 0, stdout);
    assert.equal(JSON.parse(stdout).errors, 0, stdout);
  }
});

test('check exits 2 for a path that is not there, and for wrong use', async () => {
  for (const args of [
    ['check', 'no/such/file.yaml'],
    ['check'],
    ['check', '--no-such-option', '.'],
    ['nothing'],
  ]) {
    const { code, stdout, stderr } = await pointsman(args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^error: /);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('every command has --help with examples and exits 0', async () => {
  for (const command of ['dev', 'serve', 'apply', 'delete', 'get', 'check', 'explain']) {
    const { code, stdout } = await pointsman([command, '--help']);
    assert.equal(code, 0, command);
    assert.match(stdout, /\nExamples:\n {2}\S/, command);
  }
  assert.match((await pointsman(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});
