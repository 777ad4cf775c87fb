import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { runSuite } from './suite.ts';

test('listen() passes the Connect conformance suite with the service in process', {
  skip: skipWithout('connectconformance'),
}, async () => {
  const { passed, output } = await runSuite('server', 'in-process');
  assert.ok(passed, output.slice(-20_000));
});
