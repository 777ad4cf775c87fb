import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trailerParse } from '@connectrpc/connect/protocol-grpc-web';
import { EnvelopeParser } from '../../../wire/grpc/envelope.ts';
import { encodeWebTrailers, TRAILER_FLAG } from '../../../wire/grpc/web-trailer.ts';

const trailers = [
  ['grpc-message', 'not%20found: a'],
  ['grpc-status', '5'],
] as const;

test('encodeWebTrailers() writes what Connect reads', () => {
  const found: [number, Uint8Array][] = [];
  new EnvelopeParser({ envelope: (flags, message) => found.push([flags, message]) }).push(
    encodeWebTrailers(trailers),
  );
  assert.equal(found.length, 1);
  assert.equal(found[0]![0], TRAILER_FLAG);
  assert.deepEqual([...trailerParse(found[0]![1])], trailers);
  assert.deepEqual(encodeWebTrailers([]), new Uint8Array([TRAILER_FLAG, 0, 0, 0, 0]));
});

test('encodeWebTrailers() refuses a value that would begin a line of its own', () => {
  for (const field of [
    ['a', 'b\r\ngrpc-status: 0'],
    ['a\n', 'b'],
    ['a', '\0'],
  ] as const)
    assert.throws(() => encodeWebTrailers([field]), TypeError);
});
