import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { isKnownRule } from '../../router/verdict/crd-rule.ts';
import { CRD_NODES } from '../../router/verdict/crd-schema.ts';
import { crdSchemaModule } from './crd-schema.ts';
import { runValidation } from './validation-mode.ts';

const corpus = fileURLToPath(new URL('corpus/validation', import.meta.url));

/** Files whose verdict differs from the recorded one, each with the reason. One that passes fails the test. */
const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {};

const results = runValidation(corpus);

test('verdicts() says of each recorded document what istioctl and the API server said', () => {
  const failed = results.filter(({ file, passed }) => !passed && !(file in KNOWN_DIFFERENCES));
  assert.deepEqual(
    failed.map(({ file, differences }) => `${file}: ${differences.join(' | ')}`),
    [],
  );
  assert.ok(results.length > 600);
});

test('the list of known differences has none that is gone', () => {
  const passed = new Set(results.filter((result) => result.passed).map(({ file }) => file));
  assert.deepEqual(
    Object.keys(KNOWN_DIFFERENCES).filter((file) => passed.has(file)),
    [],
  );
});

test('the shipped schemas are those of the resource definitions', () => {
  const definitions = readFileSync(new URL('corpus/crds.yaml', import.meta.url), 'utf8');
  const shipped = readFileSync(new URL('../../router/verdict/crd-schema.ts', import.meta.url), 'utf8');
  assert.equal(crdSchemaModule(definitions), shipped);
  assert.ok(parseAllDocuments(definitions).length >= 5);
});

test('isKnownRule() knows every CEL rule of the shipped schemas', () => {
  const rules = CRD_NODES.split('\n').flatMap((line) =>
    (
      (JSON.parse(line) as { 'x-kubernetes-validations'?: { rule: string }[] })['x-kubernetes-validations'] ??
      []
    ).map(({ rule }) => rule),
  );
  assert.equal(new Set(rules).size, 19);
  assert.deepEqual(
    rules.filter((rule) => !isKnownRule(rule)),
    [],
  );
});
