import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceOfCounts } from '../../workbench/goodness-of-fit.ts';

test('chanceOfCounts() gives the probabilities that tables of the chi-square distribution give', () => {
  // Critical values for 0.05 and 0.01. Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4.
  const table: readonly (readonly [classes: number, statistic: number, chance: number])[] = [
    [2, 3.841, 0.05],
    [2, 6.635, 0.01],
    [3, 5.991, 0.05],
    [4, 7.815, 0.05],
    [4, 11.345, 0.01],
    [11, 18.307, 0.05],
    [31, 43.773, 0.05],
  ];
  for (const [classes, statistic, chance] of table) {
    // The first two of equal classes are off by the same, so that the statistic is 2 * off² / expected.
    const expected = 1e6;
    const off = Math.sqrt((statistic * expected) / 2);
    const counts = Array.from({ length: classes }, () => expected);
    counts[0]! += off;
    counts[1]! -= off;
    const got = chanceOfCounts(
      counts,
      counts.map(() => 1),
    );
    assert.ok(got !== undefined && Math.abs(got - chance) < chance * 0.002, `${classes} classes: ${got}`);
  }
});

test('chanceOfCounts() says nothing of too few requests or a single destination, and 0 of what has no share', () => {
  assert.equal(chanceOfCounts([9, 1], [90, 10]), undefined);
  assert.equal(chanceOfCounts([100], [1]), undefined);
  assert.equal(chanceOfCounts([100, 0], [1, 0]), undefined);
  assert.equal(chanceOfCounts([100, 1], [1, 0]), 0);
  assert.equal(chanceOfCounts([900, 100], [90, 10]), 1);
  assert.ok(chanceOfCounts([700, 300], [90, 10])! < 1e-12);
});
