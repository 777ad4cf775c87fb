import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trailerParse, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { EnvelopeParser } from '../../../wire/grpc/envelope.ts';
import { encodeWebText, WebTextDecoder, WebTextError } from '../../../wire/grpc/web-text.ts';
import { encodeWebTrailers, parseWebTrailers, TRAILER_FLAG } from '../../../wire/grpc/web-trailer.ts';

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
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

test('parseWebTrailers() reads what Connect writes, and lines as others write them', () => {
  assert.deepEqual(
    parseWebTrailers(trailerSerialize(new Headers(trailers.map(([...field]) => field)))),
    trailers,
  );
  assert.deepEqual(parseWebTrailers(latin1('Grpc-Status:0\nx: a:b\r\n\r\n: none\r\nnone\r\nx:\xe9')), [
    ['grpc-status', '0'],
    ['x', 'a:b'],
    ['x', '\xe9'],
  ]);
});

test('encodeWebText() writes what the platform reads', () => {
  for (let length = 0; length < 20; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length * 31) & 255);
    const text = String.fromCharCode(...encodeWebText(bytes));
    assert.deepEqual(latin1(atob(text)), bytes);
  }
});

test('WebTextDecoder reads padded pieces one after the other, wherever the body is cut', () => {
  const pieces = ['a', 'bc', 'def', '', 'ghij', 'klmno'].map(latin1);
  const text = pieces.flatMap((piece) => [...encodeWebText(piece)]);
  for (let cut = 1; cut <= text.length; cut++) {
    const decoder = new WebTextDecoder();
    const read: number[] = [];
    for (let at = 0; at < text.length; at += cut)
      read.push(...decoder.push(new Uint8Array(text.slice(at, at + cut))));
    decoder.end();
    assert.equal(String.fromCharCode(...read), 'abcdefghijklmno', `in pieces of ${cut}`);
  }
});

test('WebTextDecoder refuses what is not base64', () => {
  for (const text of ['=AAA', 'A=AA', 'AA=A', 'AA-A', 'AA A', 'AAA\n', '===='])
    assert.throws(() => new WebTextDecoder().push(latin1(text)), WebTextError, text);
  for (const text of ['A', 'AA', 'AA=', 'AAAAA']) {
    const decoder = new WebTextDecoder();
    decoder.push(latin1(text));
    assert.throws(() => decoder.end(), WebTextError, text);
  }
});
