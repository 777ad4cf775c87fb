import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryLimit } from '../../../router/policy/retry-limit.ts';

test('RetryLimit has no bound by default, as Istio', () => {
  const limit = new RetryLimit({ active: () => 0 });
  for (let count = 0; count < 10_000; count++) assert.equal(limit.begin(), true);
});

test('RetryLimit refuses beyond maxRetries until one has ended', () => {
  const limit = new RetryLimit({ maxRetries: 2, active: () => 100 });
  assert.deepEqual([limit.begin(), limit.begin(), limit.begin()], [true, true, false]);
  limit.end();
  assert.deepEqual([limit.begin(), limit.begin()], [true, false]);
});

test('RetryLimit with a budget allows a share of what is under way, and always a few', () => {
  let active = 0;
  const limit = new RetryLimit({
    maxRetries: 1,
    budget: { percent: 20, minRetryConcurrency: 3 },
    active: () => active,
  });
  const most = (): number => {
    while (limit.begin());
    return limit.underWay;
  };
  assert.equal(most(), 3);
  active = 24;
  assert.equal(most(), 4);
  active = 100;
  assert.equal(most(), 20);
});
