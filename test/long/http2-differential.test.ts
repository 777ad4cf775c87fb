/**
 * Many more connections to the engines and to nghttp2 than `test/wire/http2/differential.test.ts` and `nghttpd.test.ts` compare;
 * `FUZZ_SEED` says from which on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { compareServers } from '../wire/http2/differential.ts';
import { compareWithNghttpd } from '../wire/http2/nghttpd.ts';

const SKIP = 'Bun' in globalThis || 'Deno' in globalThis ? 'only Node has nghttp2' : false;
const RUNS = 1500;
const SEED = Number(process.env['FUZZ_SEED'] ?? 1000);

for (const isBroken of [false, true]) {
  const what = isBroken ? 'connections with a fault' : 'valid connections';
  test(`Http2ServerConnection has of ${RUNS} ${what} what nghttp2 has`, { skip: SKIP }, async () => {
    assert.ok((await compareServers(SEED, RUNS, isBroken)) >= RUNS / 2);
  });
}

test(`Http2ClientConnection has on ${RUNS} connections what nghttpd sent`, {
  skip: skipWithout('nghttpd'),
}, async () => {
  assert.ok((await compareWithNghttpd(SEED, RUNS)) >= RUNS);
});
