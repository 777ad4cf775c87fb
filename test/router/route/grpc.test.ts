import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTimeout } from '@connectrpc/connect/protocol-grpc';
import { formatGrpcTimeout } from '../../../router/route/grpc.ts';

test('formatGrpcTimeout() writes at most eight digits and never more time than it was given', () => {
  const cases: [timeoutMs: number, want: string][] = [
    [0, '0m'],
    [1500, '1500m'],
    [99_999_999, '99999999m'],
    [100_000_999, '100000S'],
    [99_999_999_999, '99999999S'],
    [100_000_019_000, '1666666M'],
    [5_999_999_999_999, '99999999M'],
    [6_000_000_000_000, '1666666H'],
    [Number.MAX_SAFE_INTEGER, '99999999H'],
  ];
  for (const [timeoutMs, want] of cases) {
    assert.equal(formatGrpcTimeout(timeoutMs), want);
    const read = parseTimeout(want, Number.MAX_SAFE_INTEGER).timeoutMs;
    assert.ok(read !== undefined && read <= timeoutMs, want);
  }
});
