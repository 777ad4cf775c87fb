/** Writes the JSON schemas that editors use, each made of the code that reads such files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routeTestJsonSchema } from '../workbench/route-test/schema.ts';
import { ruleJsonSchema } from '../workbench/rule-schema.ts';

const SCHEMAS: Readonly<Record<string, () => unknown>> = {
  'istio-rules.json': ruleJsonSchema,
  'route-test.json': routeTestJsonSchema,
};

for (const [name, make] of Object.entries(SCHEMAS))
  writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(make(), null, 2)}\n`);
