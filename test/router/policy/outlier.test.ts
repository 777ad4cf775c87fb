import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutlierDetection } from '../../../router/index.ts';
import { type HostMonitor, isInPanic, OutlierDetector } from '../../../router/policy/outlier.ts';

const DEFAULTS: OutlierDetection = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 5,
  splitLocalOrigin: false,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
};

function watch(policy: Partial<OutlierDetection>, hosts = 2) {
  const clock = { nowMs: 0, changes: 0 };
  const detector = new OutlierDetector(
    { ...DEFAULTS, ...policy },
    () => clock.nowMs,
    () => clock.changes++,
  );
  const monitors = Array.from({ length: hosts }, () => detector.watch());
  const at = (nowMs: number): boolean[] => {
    clock.nowMs = nowMs;
    detector.advance();
    return monitors.map(({ isEjected }) => isEjected);
  };
  return { clock, detector, monitors, at, first: monitors[0]! };
}

function answer(monitor: HostMonitor, ...statuses: number[]): void {
  for (const status of statuses) monitor.answered(status);
}

test('HostMonitor ejects after consecutive answers of 500 and above, which any other answer begins anew', () => {
  const { first, clock } = watch({ consecutive5xx: 3 });
  answer(first, 500, 503, 404, 500, 500);
  assert.equal(first.isEjected, false);
  answer(first, 599);
  assert.equal(first.isEjected, true);
  assert.equal(first.ejections, 1);
  assert.equal(clock.changes, 1);
});

test('HostMonitor counts 502, 503 and 504 apart where that is asked for', () => {
  const { first } = watch({ consecutiveGatewayErrors: 2, consecutive5xx: 0 });
  answer(first, 502, 500, 503, 501, 504, 200, 502);
  assert.equal(first.isEjected, false);
  answer(first, 503);
  assert.equal(first.isEjected, true);
  const { first: never } = watch({ consecutive5xx: 0 });
  answer(never, ...Array.from({ length: 50 }, () => 503));
  assert.equal(never.isEjected, false, 'neither is asked for');
});

test('HostMonitor takes a try without an answer for 503, one that took too long for 504', () => {
  const { first } = watch({ consecutive5xx: 0, consecutiveGatewayErrors: 3 });
  first.failed('connect');
  first.failed('reset');
  first.failed('timeout');
  assert.equal(first.isEjected, true);
});

test('HostMonitor counts local failures apart in split mode, and a connection that was there as a success', () => {
  const split = { splitLocalOrigin: true, consecutiveLocalOriginFailures: 2, consecutive5xx: 2 };
  const { first, monitors } = watch(split);
  first.failed('connect');
  answer(first, 500);
  first.failed('connect');
  assert.equal(first.isEjected, false, 'one of each in a row');
  first.failed('connect');
  assert.equal(first.isEjected, true);
  const second = monitors[1]!;
  for (let i = 0; i < 9; i++) second.failed('reset');
  assert.equal(second.isEjected, false, 'each reset came after a connection');
  answer(second, 500, 500);
  assert.equal(second.isEjected, true, 'answers count all the same');
});

test('OutlierDetector lets an endpoint come back at an interval, later with each ejection', () => {
  const { first, at } = watch({ consecutive5xx: 1 });
  at(1_000);
  answer(first, 500);
  assert.deepEqual(at(30_999), [true, false]);
  assert.deepEqual(at(39_999), [true, false], 'its time is over, the interval not');
  assert.deepEqual(at(40_000), [false, false]);
  answer(first, 500);
  assert.deepEqual(at(99_999), [true, false], 'twice the base');
  assert.deepEqual(at(100_000), [false, false]);
  // Two quiet intervals make the next ejection as short as the first one.
  assert.deepEqual(at(120_000), [false, false]);
  answer(first, 500);
  assert.deepEqual(at(149_999), [true, false]);
  assert.deepEqual(at(150_000), [false, false]);
});

test('OutlierDetector keeps nobody out for longer than the longest time', () => {
  const { first, at } = watch({ consecutive5xx: 1, baseEjectionTimeMs: 100_000 });
  let now = 0;
  for (const stays of [100_000, 200_000, 300_000, 300_000]) {
    answer(first, 500);
    assert.deepEqual(at(now + stays - 1), [true, false]);
    now += stays;
    assert.deepEqual(at(now), [false, false]);
  }
});

test('OutlierDetector takes out no more than the percentage, and counts what it would have', () => {
  const { monitors, detector } = watch({ consecutive5xx: 1, maxEjectionPercent: 50 }, 3);
  for (const monitor of monitors) answer(monitor, 500);
  assert.deepEqual(
    monitors.map(({ isEjected }) => isEjected),
    [true, false, false],
  );
  assert.equal(detector.overflows, 2);
  assert.equal(detector.ejected, 1);
  const ten = watch({ consecutive5xx: 1, maxEjectionPercent: 10 });
  answer(ten.first, 500);
  assert.equal(ten.first.isEjected, false, 'one of two is more than ten percent');
});

test('OutlierDetector begins to count anew when an endpoint comes back', () => {
  const { first, at } = watch({ consecutive5xx: 2 });
  answer(first, 500, 500, 500);
  assert.deepEqual(at(30_000), [false, false]);
  answer(first, 500);
  assert.equal(first.isEjected, false);
  answer(first, 500);
  assert.equal(first.isEjected, true);
});

test('OutlierDetector forgets an endpoint that is gone', () => {
  const { first, detector } = watch({ consecutive5xx: 1 });
  answer(first, 500);
  detector.unwatch(first);
  assert.equal(detector.ejected, 0);
  answer(first, 500);
  assert.equal(detector.ejected, 0);
});

test('isInPanic() holds below the percentage, and never with five in seven healthy', () => {
  assert.equal(isInPanic(10, 3, 40), true);
  assert.equal(isInPanic(10, 4, 40), false);
  assert.equal(isInPanic(10, 0, 0), false);
  assert.equal(isInPanic(10, 7, 100), true);
  assert.equal(isInPanic(10, 8, 100), false);
  assert.equal(isInPanic(0, 0, 100), false);
});
