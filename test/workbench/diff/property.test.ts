import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePair } from './brute-force.ts';

const PAIRS = 40;

test('diffTables() tells of every move that brute force finds, and its examples move', () => {
  let [moves, unknown, moved] = [0, 0, 0];
  for (let seed = 1; seed <= PAIRS; seed++) {
    const seen = comparePair(seed, 60);
    moves += seen.moves;
    unknown += seen.unknown;
    moved += seen.moved;
  }
  assert.ok(moves > 60 && moved > 60, 'pairs differ');
  assert.ok(unknown < moves / 50, `${unknown} of ${moves + unknown} regions are undecided`);
});
