import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { holdsForTable, holdsForText } from './property.ts';

const folder = new URL('../../fixture/fuzz/', import.meta.url);

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  test(`the router answers ${file}, which a fuzzer found`, () => {
    holdsForTable(holdsForText(readFileSync(new URL(file, folder))), {});
  });
}
