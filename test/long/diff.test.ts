import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePair } from '../workbench/diff/brute-force.ts';

const PAIRS = Number(process.env['DIFF_PAIRS'] ?? 10_000);
const FIRST_SEED = Number(process.env['DIFF_SEED'] ?? 1000);

test(`diffTables() agrees with brute force on ${PAIRS} pairs of rule sets`, () => {
  let [moves, unknown] = [0, 0];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PAIRS; seed++) {
    const seen = comparePair(seed, 200);
    moves += seen.moves;
    unknown += seen.unknown;
  }
  assert.ok(unknown < moves / 50, `${unknown} of ${moves + unknown} regions are undecided`);
});
