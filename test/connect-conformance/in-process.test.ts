import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { runtime } from '../program.ts';
import { runSuite } from './suite.ts';

/**
 * Engines and handlers are the same everywhere and answer a third of the suite on Bun; the others show their sockets and
 * their TLS with some of it. `npm run test:long` has the whole of it on each.
 */
const SAMPLE = [
  '**/HTTPVersion:2/Protocol:PROTOCOL_GRPC/Codec:CODEC_PROTO/Compression:COMPRESSION_GZIP/TLS:true/**',
  '**/HTTPVersion:1/Protocol:PROTOCOL_CONNECT/Codec:CODEC_JSON/Compression:COMPRESSION_IDENTITY/TLS:false/**',
];

/** Of codec, coding and TLS, which nothing joins: each with each protocol and HTTP version, but not all with all. */
const ALIKE = [
  '**/Codec:CODEC_PROTO/Compression:COMPRESSION_IDENTITY/**',
  '**/Codec:CODEC_JSON/Compression:COMPRESSION_GZIP/**',
  '**/Codec:CODEC_PROTO/Compression:COMPRESSION_GZIP/TLS:false/**',
  '**/Codec:CODEC_JSON/Compression:COMPRESSION_IDENTITY/TLS:true/**',
];

test('listen() passes the Connect conformance suite with the service in process', {
  skip: skipWithout('connectconformance'),
}, async () => {
  const cases = runtime === 'bun' ? { without: ALIKE } : { only: SAMPLE };
  const { passed, output } = await runSuite('server', ['in-process'], cases);
  assert.ok(passed >= (runtime === 'bun' ? 1200 : 80), output.slice(-20_000));
});
