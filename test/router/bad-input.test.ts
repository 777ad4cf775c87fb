import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatIssue } from '../../router/issue.ts';
import { parse } from '../../router/parse/index.ts';
import { validate } from '../../router/validate/index.ts';

const folder = new URL('../fixture/bad/', import.meta.url);

interface Expected {
  /** `CODE LINE:COLUMN` of each issue, in order. */
  readonly issues: readonly string[];
  /** Names of the resources that keep working. Default: none. */
  readonly valid?: readonly string[];
}

const table: Readonly<Record<string, Expected>> = {
  'alias-bomb.yaml': { issues: ['excessive-aliases 4:16'] },
  'alias-loop.yaml': { issues: ['excessive-aliases 7:5'] },
  'control-character.yaml': { issues: ['yaml-syntax 4:14'] },
  'deep.yaml': { issues: ['too-deep 5:71'] },
  'duplicate-key.yaml': { issues: ['duplicate-key 7:3'] },
  'kind-misspelt.yaml': { issues: ['unknown-kind 2:7'] },
  'latin1.yaml': { issues: ['not-utf8 7:8'], valid: ['fine'] },
  'list.yaml': { issues: ['unknown-kind 28:9', 'duplicate-subset 23:13'], valid: ['ratings'] },
  'no-name.yaml': { issues: ['metadata 5:10', 'metadata 3:1'] },
  'not-yaml.yaml': { issues: ['yaml-syntax 4:5'], valid: ['fine'] },
  'prototype-keys.yaml': { issues: [], valid: ['reviews'] },
  'regex.yaml': { issues: ['regex 11:16', 'regex 14:18'] },
  'same-name.yaml': { issues: ['duplicate-resource 11:9'], valid: ['reviews'] },
  'scalar.yaml': { issues: ['not-a-resource 1:1'] },
  'separator.yaml': { issues: ['yaml-syntax 7:5'], valid: ['one', 'three'] },
  'tab.yaml': { issues: ['yaml-syntax 4:1'] },
  'unknown-field.yaml': { issues: ['unknown-field 10:7', 'unknown-field 13:5'] },
  'version.yaml': { issues: ['unknown-version 1:13'] },
  'weight-sum.yaml': { issues: ['weight-sum 12:5', 'subset-name 18:17', 'bad-duration 19:14'] },
  'wrong-type.yaml': {
    issues: ['wrong-type 6:10', 'wrong-type 8:14', 'wrong-type 12:17', 'wrong-type 13:15'],
  },
};

for (const [file, expected] of Object.entries(table)) {
  test(`validate() tells what is wrong in ${file}, and where`, () => {
    const parsed = parse(readFileSync(new URL(file, folder)), { file });
    const checked = validate(parsed.resources);
    const issues = [...parsed.issues, ...checked.issues];
    assert.deepEqual(
      issues.map(({ code, line, column }) => `${code} ${line}:${column}`),
      expected.issues,
    );
    assert.deepEqual(
      checked.resources.map(({ metadata }) => metadata.name),
      expected.valid ?? [],
    );
    for (const issue of issues) {
      assert.ok(formatIssue(issue).startsWith(`${file}:${issue.line}:${issue.column} ${issue.code}`));
      assert.doesNotMatch(issue.message, /\bat .*\.ts:\d|\[object |undefined|NaN/);
    }
  });
}

test('the table of bad input has every file of its folder', () => {
  assert.deepEqual(readdirSync(folder).sort(), Object.keys(table).sort());
});

test('keys of Object.prototype stay data and pollute nothing', () => {
  const { resources } = validate(parse(readFileSync(new URL('prototype-keys.yaml', folder))).resources);
  const [resource] = resources;
  assert.ok(resource?.kind === 'VirtualService');
  const headers = resource.spec.http?.[0]?.match?.[0]?.headers ?? {};
  assert.deepEqual(Object.keys(headers), ['__proto__', 'constructor', 'hasOwnProperty']);
  assert.deepEqual(Object.entries(headers)[0]?.[1].exact, 'polluted');
  assert.deepEqual(Object.keys(resource.metadata.labels ?? {}), ['__proto__', 'constructor']);
  assert.equal(({} as { exact?: string }).exact, undefined);
});
