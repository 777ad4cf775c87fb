import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { runtime } from '../program.ts';
import { runSuite } from './suite.ts';

/**
 * Engines and handlers are the same everywhere and answer the whole suite on Bun; the others show their sockets and
 * their TLS with some of it. `npm run test:long` has the whole of it on each.
 */
const SAMPLE = [
  '**/HTTPVersion:2/Protocol:PROTOCOL_GRPC/Codec:CODEC_PROTO/Compression:COMPRESSION_GZIP/TLS:true/**',
  '**/HTTPVersion:1/Protocol:PROTOCOL_CONNECT/Codec:CODEC_JSON/Compression:COMPRESSION_IDENTITY/TLS:false/**',
];

test('listen() passes the Connect conformance suite with the service in process', {
  skip: skipWithout('connectconformance'),
}, async () => {
  const isWhole = runtime === 'bun';
  const { passed, output } = await runSuite('server', ['in-process'], isWhole ? [] : SAMPLE);
  assert.ok(passed >= (isWhole ? 3800 : 80), output.slice(-20_000));
});
