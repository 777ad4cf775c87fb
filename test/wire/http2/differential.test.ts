import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareServers } from './differential.ts';

/** Bun and Deno have engines of their own under `node:http2`, and take no streams for connections. */
const SKIP = 'Bun' in globalThis || 'Deno' in globalThis ? 'only Node has nghttp2' : false;
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test('Http2ServerConnection has of every valid connection what nghttp2 has', { skip: SKIP }, async () => {
  const both = await compareServers(SEED, RUNS, false);
  assert.ok(both >= RUNS, `${both} requests`);
});

test('Http2ServerConnection has no other request than nghttp2 of a connection with a fault', {
  skip: SKIP,
}, async () => {
  const both = await compareServers(SEED, RUNS, true);
  assert.ok(both >= RUNS / 2, `${both} requests`);
});
