import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantile, sumOf, Window, WindowSet } from '../../../../gateway/admin/console/browser/rate.ts';

const BOUNDS = [1, 2, 4];

test('quantile() lies within its bucket as evenly as the values are taken to', () => {
  // As Prometheus' histogram_quantile: rank 5 of 10 is the last of the first bucket, rank 9.5 is beyond the last bound.
  assert.equal(quantile([5, 4, 0, 1], BOUNDS, 0.5), 1);
  assert.equal(quantile([5, 4, 0, 1], BOUNDS, 0.7), 1.5);
  assert.equal(quantile([5, 4, 0, 1], BOUNDS, 0.95), 4);
});

test('Window gives the rate of its last seconds, and begins anew where counts have become smaller', () => {
  const window = new Window(10_000);
  const counts = (count: number, errors = 0) => ({ count, errors, buckets: [count, 0, 0, 0] });
  assert.equal(window.rate(BOUNDS).perSecond, 0);
  for (let second = 0; second <= 30; second++) window.add(second * 1000, counts(second * 100, second * 10));
  const { perSecond, errorShare, p50 } = window.rate(BOUNDS);
  assert.deepEqual([perSecond, errorShare, p50], [100, 0.1, 0.5]);
  for (let second = 31; second <= 45; second++) window.add(second * 1000, counts(3000, 300));
  assert.equal(window.rate(BOUNDS).perSecond, 0);
  window.add(46_000, counts(5));
  window.add(47_000, counts(9));
  assert.equal(window.rate(BOUNDS).perSecond, 4);
});

test('WindowSet gives each thing its own rate, and takes what is new to begin from nothing', () => {
  const windows = new WindowSet(10_000);
  const counts = (count: number) => ({ count, errors: 0, buckets: [0, count, 0, 0] });
  const round = (atMs: number, all: Readonly<Record<string, number>>) =>
    windows.rates(
      atMs,
      Object.entries(all).map(([key, count]) => ({ key, counts: counts(count) })),
      BOUNDS,
    );
  round(0, { one: 0, other: 100 });
  const [one, other] = round(1000, { one: 10, other: 300 });
  assert.deepEqual([one?.perSecond, one?.p50, other?.perSecond], [10, 1.5, 200]);
  round(2000, { one: 20 });
  assert.deepEqual(
    round(3000, { other: 900, one: 30 }).map(({ perSecond }) => perSecond),
    [300, 10],
  );
});

test('sumOf() adds counts by bucket', () => {
  assert.deepEqual(
    sumOf([
      { count: 1, errors: 1, buckets: [1, 0] },
      { count: 2, errors: 0, buckets: [0, 2] },
    ]),
    { count: 3, errors: 1, buckets: [1, 2] },
  );
});
