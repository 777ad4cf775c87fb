import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnvelope as connectEnvelope } from '@connectrpc/connect/protocol';
import {
  COMPRESSED_FLAG,
  EnvelopeError,
  type EnvelopeErrorKind,
  type EnvelopeOptions,
  EnvelopeParser,
  encodeEnvelope,
  readEnvelopeLength,
} from '../../../wire/grpc/envelope.ts';

const bytes = (...values: number[]) => new Uint8Array(values);

/** What a body has when it comes in pieces of so many bytes. */
function parse(body: Uint8Array, pieceBytes: number, options?: EnvelopeOptions) {
  const found: [flags: number, message: number[]][] = [];
  const parser = new EnvelopeParser(
    { envelope: (flags, message) => found.push([flags, [...message]]) },
    options,
  );
  for (let at = 0; at < body.length; at += pieceBytes) parser.push(body.slice(at, at + pieceBytes));
  parser.end();
  return found;
}

function errorOf(run: () => unknown): EnvelopeErrorKind {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof EnvelopeError);
    return error.kind;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('encodeEnvelope() writes what Connect writes', () => {
  for (const length of [0, 1, 255, 256, 70_000]) {
    const message = new Uint8Array(length).fill(7);
    assert.deepEqual(encodeEnvelope(2, message), connectEnvelope(2, message));
  }
});

test('readEnvelopeLength() reads four bytes without a sign', () => {
  assert.equal(readEnvelopeLength(bytes(9, 0, 0xff, 0xff, 0xff, 0xff), 1), 0xffffffff);
});

test('EnvelopeParser finds the same messages wherever a body is cut', () => {
  const messages = [[], [1], [2, 3, 4, 5, 6, 7], []];
  const body = bytes(
    ...messages.flatMap((message, index) => [...encodeEnvelope(index * 2, bytes(...message))]),
  );
  const want = messages.map((message, index) => [index * 2, message]);
  for (let pieceBytes = 1; pieceBytes <= body.length; pieceBytes++)
    assert.deepEqual(parse(body, pieceBytes), want, `in pieces of ${pieceBytes}`);
  assert.deepEqual(parse(bytes(), 1), []);
});

test('EnvelopeParser refuses a message beyond the limit as soon as its length is known', () => {
  const options = { maxMessageBytes: 3 };
  assert.deepEqual(parse(encodeEnvelope(0, bytes(1, 2, 3)), 2, options), [[0, [1, 2, 3]]]);
  const parser = new EnvelopeParser({ envelope: () => assert.fail() }, options);
  parser.push(bytes(0, 0, 0, 0));
  assert.equal(
    errorOf(() => parser.push(bytes(4))),
    'too-large',
  );
  assert.equal(
    errorOf(() => parse(bytes(0, 0xff, 0xff, 0xff, 0xff), 5, options)),
    'too-large',
  );
});

test('EnvelopeParser refuses a compressed message when no header named an encoding', () => {
  const body = encodeEnvelope(COMPRESSED_FLAG | 2, bytes(1));
  assert.equal(
    errorOf(() => parse(body, 6)),
    'compressed-without-encoding',
  );
  assert.deepEqual(parse(body, 6, { hasEncoding: true }), [[3, [1]]]);
});

test('EnvelopeParser says when a body ends within a message', () => {
  const body = encodeEnvelope(0, bytes(1, 2));
  for (let length = 1; length < body.length; length++)
    assert.equal(
      errorOf(() => parse(body.slice(0, length), 1)),
      'incomplete',
      `after ${length} bytes`,
    );
});
