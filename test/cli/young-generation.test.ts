import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const SKIP = 'Bun' in globalThis || 'Deno' in globalThis ? 'only Node is held' : false;
const MODULE = JSON.stringify(join(import.meta.dirname, '../../cli/young-generation.ts'));

/** Prints the largest size that the young generation had, in MiB: held, and after that released. */
const PROGRAM = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { holdYoungGeneration } from ${MODULE};
  const kept = new Array(200_000);
  const most = () => {
    let bytes = 0;
    for (let index = 0; index < 2_000_000; index++) {
      kept[index % kept.length] = { index };
      if (index % 10_000 === 0)
        bytes = Math.max(bytes, getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size);
    }
    return bytes / 2 ** 20;
  };
  const release = holdYoungGeneration();
  const held = most();
  release();
  console.log(JSON.stringify([held, most()]));
`;

test('holdYoungGeneration() keeps V8 from growing it until it is released', { skip: SKIP }, () => {
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { encoding: 'utf8' });
  const [held, released] = JSON.parse(text) as [number, number];
  assert.ok(held * 4 <= released, `${held} MiB held, ${released} released`);
});
