import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRetry } from '../../../router/compile/retry.ts';
import type { HTTPRetry } from '../../../router/schema/virtual-service.ts';

test("compileRetry() gives Istio's default, and none for attempts 0", () => {
  assert.deepEqual(compileRetry(undefined, false), {
    attempts: 2,
    retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'],
    statusCodes: [],
    perTryTimeoutMs: 0,
    backoffMs: 25,
    avoidPreviousHosts: true,
  });
  assert.equal(compileRetry({ attempts: 0 } as HTTPRetry, false), undefined);
});

test('compileRetry() avoids endpoints that were tried, except where a hash picks, unless the rule says otherwise', () => {
  const avoids = (retry: Partial<HTTPRetry> | undefined, isHashed: boolean) =>
    compileRetry(retry && ({ attempts: 1, ...retry } as HTTPRetry), isHashed)?.avoidPreviousHosts;
  assert.deepEqual([avoids(undefined, false), avoids(undefined, true)], [true, false]);
  assert.equal(avoids({ retryIgnorePreviousHosts: false }, false), false);
  assert.equal(avoids({ retryIgnorePreviousHosts: true }, true), true);
});

test('compileRetry() takes the base of the back-off from the rule', () => {
  assert.equal(compileRetry({ attempts: 1, backoff: '0.2s' } as HTTPRetry, false)?.backoffMs, 200);
});
