import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  collectLines,
  parseCount,
  parseDurationMs,
  parseHeaders,
  parsePort,
} from '../../../services/greeter/command-line.ts';

test("parseDurationMs() reads Go's durations", () => {
  const cases = { '1s': 1000, '500ms': 500, '1m30s': 90_000, '1.5s': 1500, '2h': 7_200_000, '0': 0, '0s': 0 };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDurationMs(text), ms, text);
});

test('parseDurationMs() refuses what is not one, or longer than a timer takes', () => {
  for (const text of ['', '1', '-1s', '1 s', 's', '1d', '1s2', 'NaNs', '1e3ms', '600h']) {
    assert.throws(() => parseDurationMs(text), /Want a duration/, text);
  }
});

test('parsePort() takes 0 to 65535', () => {
  assert.equal(parsePort('0'), 0);
  assert.equal(parsePort('65535'), 65535);
  for (const text of ['', '65536', '-1', '80.0', '0x50', 'tcp://10.0.0.1:20000']) {
    assert.throws(() => parsePort(text), /Want a port number/, text);
  }
});

test('parseCount() takes whole numbers from 1', () => {
  assert.equal(parseCount('1'), 1);
  for (const text of ['', '0', '-1', '1.5', '1e3', '99999999999999999999']) {
    assert.throws(() => parseCount(text), /Want a whole number/, text);
  }
});

test('collectLines() adds to what was given, one value a line', () => {
  assert.deepEqual(collectLines('x-a: 1\n\r\nx-b: 2\r\n', ['user: admin']), [
    'user: admin',
    'x-a: 1',
    'x-b: 2',
  ]);
});

test('parseHeaders() splits at the first colon', () => {
  assert.deepEqual(parseHeaders(['x-a:1', 'x-b: a: b ', 'x-c:']), [
    ['x-a', '1'],
    ['x-b', 'a: b'],
    ['x-c', ''],
  ]);
});

test('parseHeaders() refuses a bad header without repeating its value', () => {
  for (const text of ['authorization secret', ': secret', 'a b: secret', 'authorization: sec\0ret']) {
    assert.throws(
      () => parseHeaders([text]),
      (error: Error) => /want 'NAME: VALUE'/.test(error.message) && !/sec/.test(error.message),
      text,
    );
  }
});
