import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { routeTestJsonSchema } from '../../workbench/route-test/schema.ts';
import { ruleJsonSchema } from '../../workbench/rule-schema.ts';

const folder = resolve(import.meta.dirname, '../../schema');

for (const [name, make] of [
  ['route-test.json', routeTestJsonSchema],
  ['istio-rules.json', ruleJsonSchema],
] as const) {
  test(`${make.name}() is what schema/${name} publishes`, () => {
    assert.deepEqual(
      JSON.parse(readFileSync(resolve(folder, name), 'utf8')),
      JSON.parse(JSON.stringify(make())),
      'run: npm run -s generate:schema',
    );
  });
}

test('ruleJsonSchema() refers to nothing that it does not have', () => {
  const text = JSON.stringify(ruleJsonSchema());
  const { definitions } = JSON.parse(text) as { definitions: Record<string, unknown> };
  const named = [...text.matchAll(/"\$ref":"#\/definitions\/(\w+)"/g)].map(([, name = '']) => name);
  assert.ok(named.length > 100);
  assert.deepEqual(
    named.filter((name) => !(name in definitions)),
    [],
  );
});
