/** Holds compiled tables against what Istio's own compiler made of the recorded resources. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../router/index.ts';
import { formatDifference } from './compare.ts';
import type { PilotOutput } from './pilot.ts';
import { runTableCase } from './table-mode.ts';
import { caseFolders, readCase } from './world.ts';

const recorded = caseFolders(join(import.meta.dirname, 'corpus/cases')).map((folder) => {
  const { name, resources, options } = readCase(folder);
  const pilot: PilotOutput = JSON.parse(readFileSync(join(folder, 'envoy.json'), 'utf8'));
  return { name, pilot, resources, options };
});

test(`compile() makes the virtual hosts, routes and clusters that Istio makes, for ${recorded.length} configurations`, () => {
  const wrong = recorded.flatMap(({ name, pilot, resources, options }) =>
    runTableCase(compile(resources, options).table, pilot).map((each) => `${name} ${formatDifference(each)}`),
  );
  assert.deepEqual(wrong, []);
});
