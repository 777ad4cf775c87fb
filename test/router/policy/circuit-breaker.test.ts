import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, Limit } from '../../../router/policy/circuit-breaker.ts';

const POOL = { connectTimeoutMs: 1, idleTimeoutMs: 1 };

test('Limit takes as many as there is room for, and counts the rest', () => {
  const limit = new Limit(2);
  assert.deepEqual([limit.take(), limit.take(), limit.take()], [true, true, false]);
  limit.release();
  assert.equal(limit.take(), true);
  assert.deepEqual([limit.active, limit.overflows], [2, 1]);
});

test('CircuitBreaker has no limits but those that are written', () => {
  const breaker = new CircuitBreaker({ ...POOL, maxRetries: 1 }, undefined);
  assert.equal(breaker.retries.take(), true);
  assert.equal(breaker.retries.take(), false);
  assert.equal(breaker.requests.max, Number.POSITIVE_INFINITY);
  assert.equal(breaker.countsRequests, false);
});

test('CircuitBreaker bounds retries by a budget of what is under way, but not below the least', () => {
  const budget = { percent: 20, minRetryConcurrency: 3, budgetIntervalMs: 0 };
  const breaker = new CircuitBreaker(POOL, budget);
  assert.equal(breaker.countsRequests, true);
  assert.equal(breaker.retries.max, 3);
  for (let i = 0; i < 20; i++) breaker.requests.take();
  for (let i = 0; i < 5; i++) breaker.pending.take();
  assert.equal(breaker.retries.max, 5);
});
