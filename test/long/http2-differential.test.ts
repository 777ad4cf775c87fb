/** Many more connections to the engine and to nghttp2 than `test/wire/http2/differential.test.ts` compares; `FUZZ_SEED` says from which on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareServers } from '../wire/http2/differential.ts';

const SKIP = 'Bun' in globalThis || 'Deno' in globalThis ? 'only Node has nghttp2' : false;
const RUNS = 1500;
const SEED = Number(process.env['FUZZ_SEED'] ?? 1000);

for (const isBroken of [false, true]) {
  const what = isBroken ? 'connections with a fault' : 'valid connections';
  test(`Http2ServerConnection has of ${RUNS} ${what} what nghttp2 has`, { skip: SKIP }, async () => {
    assert.ok((await compareServers(SEED, RUNS, isBroken)) >= RUNS / 2);
  });
}
