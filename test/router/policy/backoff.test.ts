import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../../router/policy/backoff.ts';

test('backoffMs() draws below an interval that doubles, up to ten times the base', () => {
  const bounds: number[] = [];
  for (let retry = 0; retry < 6; retry++) {
    const waited = backoffMs(retry, 25, (bound) => {
      bounds.push(bound);
      return bound - 1;
    });
    assert.equal(waited, bounds[retry]! - 1);
  }
  assert.deepEqual(bounds, [25, 50, 100, 200, 250, 250]);
});

test('backoffMs() takes a base below a millisecond as one', () => {
  assert.equal(
    backoffMs(0, 0, (bound) => bound),
    1,
  );
});

test('backoffMs() stays finite however many retries there were', () => {
  assert.equal(
    backoffMs(5000, 25, (bound) => bound),
    250,
  );
});
