import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, parseDuration } from '../../../router/schema/duration.ts';

// From the tests of Go's time.ParseDuration and its documentation.
const nanoseconds: readonly (readonly [text: string, value: bigint | undefined])[] = [
  ['0', 0n],
  ['+0', 0n],
  ['5s', 5_000_000_000n],
  ['-5s', -5_000_000_000n],
  ['1478s', 1_478_000_000_000n],
  ['5.6s', 5_600_000_000n],
  ['5.s', 5_000_000_000n],
  ['.5s', 500_000_000n],
  ['100.00100s', 100_001_000_000n],
  ['11us', 11_000n],
  ['12µs', 12_000n],
  ['12μs', 12_000n],
  ['10.5s4m', 250_500_000_000n],
  ['1h15m30.918273645s', 4_530_918_273_645n],
  ['9223372036854775807ns', 9_223_372_036_854_775_807n],
  ['-9223372036854775808ns', -9_223_372_036_854_775_808n],
  ['0.3333333333333333333h', 1_200_000_000_000n],
  ['', undefined],
  ['3', undefined],
  ['-', undefined],
  ['s', undefined],
  ['.', undefined],
  ['.s', undefined],
  ['1e3s', undefined],
  ['1 s', undefined],
  ['1S', undefined],
  ['3000000h', undefined],
  ['9223372036854775808ns', undefined],
];

test('parseDuration() reads what Go reads', () => {
  for (const [text, value] of nanoseconds) {
    if (text === '0.3333333333333333333h')
      assert.ok(Math.abs(Number(parseDuration(text)) - Number(value)) < 10, text);
    else assert.equal(parseDuration(text), value, text);
  }
});

test('durationMs() gives milliseconds with a fraction', () => {
  assert.equal(durationMs('1.5s'), 1500);
  assert.equal(durationMs('250us'), 0.25);
  assert.equal(durationMs('soon'), undefined);
  assert.equal(durationMs(undefined), undefined);
});
