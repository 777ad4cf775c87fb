import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComparePolicy } from '../../../router/table/decision.ts';
import { KeptAnswer, MAX_COMPARED_BYTES } from '../../../traffic/compare/answer.ts';
import { compareAnswers } from '../../../traffic/compare/compare.ts';
import type { Difference } from '../../../traffic/compare/difference.ts';
import type { FieldList } from '../../../wire/stream.ts';

const ALL: ComparePolicy = { status: true, headers: true, body: true, ignoredHeaders: [], ignoredFields: [] };

interface Answer {
  readonly status?: number;
  readonly headers?: FieldList;
  readonly trailers?: FieldList;
  readonly body?: string | Uint8Array;
}

function kept({ status = 200, headers = [], trailers = [], body = '' }: Answer): KeptAnswer {
  const answer = new KeptAnswer();
  answer.head(status, headers);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  // In pieces, as bodies come.
  answer.data(bytes.subarray(0, 3));
  answer.data(bytes.subarray(3));
  answer.end(trailers);
  return answer;
}

const JSON_TYPE: FieldList = [['content-type', 'application/json; charset=utf-8']];
const GRPC_TYPE: FieldList = [['content-type', 'application/grpc+proto']];

/** A protobuf field of bytes. */
const field = (number: number, value: string | Uint8Array): Uint8Array => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.of((number << 3) | 2, bytes.length, ...bytes);
};
const varint = (number: number, value: number): Uint8Array => Uint8Array.of(number << 3, value);
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const envelope = (message: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, 0, message.length, ...message);

const cases: readonly {
  readonly name: string;
  readonly main: Answer;
  readonly copy: Answer;
  readonly policy?: Partial<ComparePolicy>;
  readonly want: readonly (readonly [
    kind: Difference['kind'],
    where: string,
    main?: string | undefined,
    copy?: string | undefined,
  ])[];
}[] = [
  { name: 'nothing in equal answers', main: { body: 'a' }, copy: { body: 'a' }, want: [] },
  { name: 'a status', main: {}, copy: { status: 500 }, want: [['status', '', '200', '500']] },
  {
    name: 'a gRPC status in trailers and in the head',
    main: { trailers: [['grpc-status', '0']] },
    copy: { headers: [['grpc-status', '5']] },
    want: [['status', 'grpc-status', '0', '5']],
  },
  {
    name: 'headers, whatever their order',
    main: {
      headers: [
        ['a', '1'],
        ['b', '2'],
        ['b', '3'],
        ['c', '4'],
      ],
    },
    copy: {
      headers: [
        ['b', '2'],
        ['b', '3'],
        ['a', 'x'],
        ['d', '5'],
      ],
    },
    want: [
      ['header', 'a', '1', 'x'],
      ['header', 'c', '4', undefined],
      ['header', 'd', undefined, '5'],
    ],
  },
  {
    name: 'no header that belongs to the moment, or is ignored',
    main: {
      headers: [
        ['date', '1'],
        ['x-pod', 'a'],
        ['x-request-id', '1'],
      ],
    },
    copy: {
      headers: [
        ['date', '2'],
        ['x-pod', 'b'],
      ],
    },
    policy: { ignoredHeaders: ['x-pod'] },
    want: [],
  },
  {
    name: 'a cookie without its value',
    main: { headers: [['set-cookie', 's=secret']] },
    copy: { headers: [['set-cookie', 's=other']] },
    want: [['header', 'set-cookie', '(not shown)', '(not shown)']],
  },
  { name: 'a trailer', main: { trailers: [['t', '1']] }, copy: {}, want: [['trailer', 't', '1', undefined]] },
  {
    name: 'fields of JSON, whatever their order',
    main: { headers: JSON_TYPE, body: '{"a":1,"list":[{"id":1},{"id":2}],"gone":null}' },
    copy: { headers: JSON_TYPE, body: '{"list":[{"id":1},{"id":3},4],"a":"1"}' },
    want: [
      ['body', 'a', '1', '"1"'],
      ['body', 'list.1.id', '2', '3'],
      ['body', 'list.2', undefined, '4'],
      ['body', 'gone', 'null', undefined],
    ],
  },
  {
    name: 'no field of JSON that is ignored, nor what is in it',
    main: { headers: JSON_TYPE, body: '{"at":1,"items":[{"tag":1,"x":{"y":1}}]}' },
    copy: { headers: JSON_TYPE, body: '{"at":2,"items":[{"tag":2,"x":{"y":2}}]}' },
    policy: { ignoredFields: ['at', 'items.*.tag', 'items.0.x'] },
    want: [],
  },
  {
    name: 'bytes of what says that it is JSON, and is none',
    main: { headers: JSON_TYPE, body: '{' },
    copy: { headers: JSON_TYPE, body: '{}' },
    want: [['body', '', '1 bytes', '2 bytes']],
  },
  {
    name: 'bytes of other types',
    main: { headers: [['content-type', 'text/plain']], body: 'abc' },
    copy: { headers: [['content-type', 'text/plain']], body: 'abd' },
    want: [['body', '', '3 bytes', '3 bytes']],
  },
  {
    name: 'fields of protobuf by number, also within messages',
    main: {
      headers: GRPC_TYPE,
      body: envelope(joined(field(1, 'Hello a'), varint(3, 7), field(4, joined(varint(1, 1), varint(2, 5))))),
    },
    copy: {
      headers: GRPC_TYPE,
      body: envelope(
        joined(field(1, 'Hello b'), field(4, joined(varint(1, 1), varint(2, 6))), field(9, 'new')),
      ),
    },
    want: [
      ['body', '1', '"Hello a"', '"Hello b"'],
      ['body', '3', '7', undefined],
      ['body', '4.2', '5', '6'],
      ['body', '9', undefined, '"new"'],
    ],
  },
  {
    name: 'no field of protobuf that is ignored',
    main: { headers: GRPC_TYPE, body: envelope(joined(field(1, 'a'), field(4, varint(2, 5)))) },
    copy: { headers: GRPC_TYPE, body: envelope(joined(field(1, 'b'), field(4, varint(2, 6)))) },
    policy: { ignoredFields: ['1', '4.2'] },
    want: [],
  },
  {
    name: 'lists of protobuf, and messages of a stream',
    main: {
      headers: GRPC_TYPE,
      body: joined(envelope(varint(1, 1)), envelope(joined(field(2, 'a'), field(2, 'b')))),
    },
    copy: {
      headers: GRPC_TYPE,
      body: joined(envelope(varint(1, 1)), envelope(joined(field(2, 'a'), field(2, 'c')))),
    },
    want: [['body', '#1.2.1', '"b"', '"c"']],
  },
  {
    name: 'how many messages a stream has',
    main: { headers: GRPC_TYPE, body: envelope(varint(1, 1)) },
    copy: { headers: GRPC_TYPE, body: joined(envelope(varint(1, 1)), envelope(varint(1, 1))) },
    want: [['body', '', '1 messages', '2 messages']],
  },
  {
    name: 'bytes of compressed messages',
    main: { headers: GRPC_TYPE, body: Uint8Array.of(1, 0, 0, 0, 1, 7) },
    copy: { headers: GRPC_TYPE, body: Uint8Array.of(1, 0, 0, 0, 1, 8) },
    want: [['body', '', '6 bytes', '6 bytes']],
  },
  {
    name: 'nothing that is not asked for',
    main: { headers: [['a', '1']], body: 'a' },
    copy: { status: 404, headers: [['a', '2']], body: 'b' },
    policy: { status: false, headers: false, body: false },
    want: [],
  },
];
for (const { name, main, copy, policy = {}, want } of cases)
  test(`compareAnswers() finds ${name}`, () => {
    const found = compareAnswers(kept(main), kept(copy), { ...ALL, ...policy });
    assert.deepEqual(
      found?.map((each) => [each.kind, each.where, each.main, each.copy]),
      want.map(([kind, where, one, other]) => [kind, where, one, other]),
    );
  });

test('compareAnswers() knows nothing where the client got no answer, or a body is too large', () => {
  assert.equal(compareAnswers(new KeptAnswer(), kept({}), ALL), undefined);
  const large = 'x'.repeat(MAX_COMPARED_BYTES + 1);
  assert.equal(compareAnswers(kept({ body: large }), kept({ body: 'x' }), ALL), undefined);
});

test('compareAnswers() counts a copy without an answer as different', () => {
  assert.deepEqual(compareAnswers(kept({}), new KeptAnswer(), ALL), [
    { kind: 'status', where: '', main: '200', copy: undefined },
  ]);
});

test('compareAnswers() tells a bounded number of differences, cut short', () => {
  const of = (value: string) => JSON.stringify(Array.from({ length: 100 }, () => value.repeat(200)));
  const found = compareAnswers(
    kept({ headers: JSON_TYPE, body: of('a') }),
    kept({ headers: JSON_TYPE, body: of('b') }),
    ALL,
  )!;
  assert.equal(found.length, 20);
  assert.ok(found.every(({ main, copy }) => main!.length <= 101 && copy!.length <= 101));
});
