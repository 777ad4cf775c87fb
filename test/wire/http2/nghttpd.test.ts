import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../../peer/find.ts';
import { compareWithNghttpd } from './nghttpd.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test('Http2ClientConnection sends and has what nghttpd had and sent', {
  skip: skipWithout('nghttpd'),
}, async () => {
  const whole = await compareWithNghttpd(SEED, RUNS);
  assert.ok(whole >= RUNS, `${whole} exchanges`);
});
