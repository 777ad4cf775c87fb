/** What Istio takes and Envoy refuses, by recordings of both. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lint, parse, validate } from '../../../router/index.ts';
import { type RefusalCase, yamlOfRefusal } from './refusal.ts';

const cases: readonly RefusalCase[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'refusal.json'), 'utf8'),
);

test('lint() finds what Envoy refuses of that which Istio takes, and nothing that Envoy takes', () => {
  assert.ok(cases.filter(({ envoy }) => envoy !== undefined).length > 40);
  for (const each of cases) {
    const { resources, issues } = validate(parse(yamlOfRefusal(each)).resources);
    const isValid = !issues.some(({ severity }) => severity === 'error');
    assert.equal(isValid, each.istio, JSON.stringify(each));
    if (!isValid) continue;
    const found = lint(resources).filter(({ code }) => code === 'envoy-refuses' || code === 'header-format');
    assert.equal(
      found.length,
      each.envoy === undefined ? 0 : 1,
      `${JSON.stringify(each)} ${JSON.stringify(found)}`,
    );
    assert.ok(found.every(({ line }) => line !== undefined));
  }
});
