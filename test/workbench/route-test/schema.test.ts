import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { routeTestJsonSchema } from '../../../workbench/route-test/schema.ts';

const FILE = resolve(import.meta.dirname, '../../../schema/route-test.json');

test('routeTestJsonSchema() is what schema/route-test.json publishes', () => {
  assert.deepEqual(
    JSON.parse(readFileSync(FILE, 'utf8')),
    JSON.parse(JSON.stringify(routeTestJsonSchema())),
    'run: npm run -s generate:schema',
  );
});
