import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Code, type ConnectError } from '@connectrpc/connect';
import { gzip } from '../../upstream/compression.ts';

const text = (length: number) => new TextEncoder().encode('abc '.repeat(length / 4));

test('gzip writes what zlib reads and reads what zlib writes', async () => {
  const bytes = text(100_000);
  assert.deepEqual(new Uint8Array(gunzipSync(await gzip.compress(bytes))), bytes);
  assert.deepEqual(await gzip.decompress(new Uint8Array(gzipSync(bytes)), 100_000), bytes);
  // Nothing may be sent as nothing, but other peers want gzip where the flag says so.
  assert.equal((await gzip.decompress(new Uint8Array(0), 10)).byteLength, 0);
  assert.equal(gunzipSync(await gzip.compress(new Uint8Array(0))).byteLength, 0);
});

test('gzip refuses a message that inflates beyond its limit, and one that is none', async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(10_000_000)));
  await assert.rejects(
    gzip.decompress(bomb, 1000),
    (error: ConnectError) => error.code === Code.ResourceExhausted,
  );
  await assert.rejects(
    gzip.decompress(new Uint8Array([1, 2, 3]), 1000),
    (error: ConnectError) => error.code === Code.InvalidArgument,
  );
});
