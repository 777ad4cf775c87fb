import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import type { Field, FieldList } from '../../../wire/stream.ts';
import { decode, encode, tableOf, toHex } from './block.ts';

/** Blocks of the same fields, as hexadecimal digits. */
function blocks(encoder: HpackEncoder, fields: FieldList, count: number): string[] {
  return Array.from({ length: count }, () => toHex(encode(encoder, fields)));
}

test('HpackEncoder writes a field of the static table as its index', () => {
  const encoder = new HpackEncoder();
  const fields: FieldList = [
    [':method', 'POST'],
    [':path', '/'],
    [':scheme', 'https'],
    [':status', '404'],
    ['accept-encoding', 'gzip, deflate'],
    ['www-authenticate', ''],
  ];
  assert.deepEqual(blocks(encoder, fields, 2), ['8384878d90bd', '8384878d90bd']);
});

test('HpackEncoder writes a field as it is, then puts it into the table by Huffman, then writes its index', () => {
  const encoder = new HpackEncoder();
  assert.deepEqual(blocks(encoder, [['custom-key', 'custom-value']], 4), [
    '000a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    // Strings as in RFC 7541, C.4.3.
    '408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    'be',
    'be',
  ]);
});

test('HpackEncoder takes the name from the static table, or from the dynamic one', () => {
  const encoder = new HpackEncoder();
  assert.deepEqual(blocks(encoder, [['cache-control', 'no-cache']], 3), [
    '0f09086e6f2d6361636865',
    '5886a8eb10649cbf', // RFC 7541, C.4.2
    'be',
  ]);
  blocks(encoder, [['custom-key', 'custom-value']], 2);
  assert.deepEqual(blocks(encoder, [['custom-key', 'x']], 3), ['0f2f0178', '7e0178', 'be']);
});

test('HpackEncoder takes a string that Huffman does not shorten as it is', () => {
  const encoder = new HpackEncoder();
  const [, second] = blocks(encoder, [['server', '\\\\']], 2);
  assert.equal(second, '76025c5c');
});

const SELDOM = [
  ':path',
  'x-request-id',
  'content-length',
  'date',
  'set-cookie',
  'etag',
  'grpc-timeout',
  'traceparent',
  'age',
  'last-modified',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
];

test('HpackEncoder never puts values into the table that seldom repeat', () => {
  for (const name of SELDOM) {
    const encoder = new HpackEncoder();
    const [first, ...later] = blocks(encoder, [[name, 'value']], 4);
    assert.equal(Number.parseInt(first!.slice(0, 2), 16) & 0xf0, 0x00, name);
    assert.deepEqual(later, [first, first, first], name);
  }
});

test('HpackEncoder writes secrets as never indexed, and not by Huffman', () => {
  const encoder = new HpackEncoder();
  const fields: FieldList = [
    ['authorization', 'a'],
    ['cookie', 'b'],
    ['proxy-authorization', 'c'],
    ['authorization', ''], // in the static table, but the value is a secret even so
  ];
  const want = `${'1f08' + '0161'}${'1f11' + '0162'}${'1f22' + '0163'}${'1f08' + '00'}`;
  assert.deepEqual(blocks(encoder, fields, 3), [want, want, want]);
});

test('HpackEncoder does not fill the table with values that come once', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let call = 0; call < 500; call++) decode(decoder, encode(encoder, [['x-trace', `value-${call}`]]));
  assert.deepEqual(tableOf(decoder), []);
});

test('HpackEncoder knows a value again that comes in turn with others', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let call = 0; call < 12; call++) decode(decoder, encode(encoder, [['x-tenant', `t${call % 3}`]]));
  assert.equal(tableOf(decoder).length, 3);
  assert.equal(encode(encoder, [['x-tenant', 't1']]).length, 1);
});

test('HpackEncoder puts no more than 16 values of a name into the table', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let call = 0; call < 200; call++) {
    const fields: FieldList = [['x-duration', `${call >> 1}`]];
    assert.deepEqual(decode(decoder, encode(encoder, fields)), fields);
  }
  assert.equal(tableOf(decoder).length, 16);
});

test('HpackEncoder fills the table and then leaves it alone', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const fields = Array.from({ length: 200 }, (_, number): Field => [`name-${number}`, 'value']);
  const send = () => decode(decoder, encode(encoder, fields));
  send();
  send();
  const table = tableOf(decoder);
  const sizes = table.map(([name, value]) => name.length + value.length + 32);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes <= 4096 && bytes > 4096 - 2 * 45, `${bytes} bytes`);
  const { version } = decoder;
  for (let round = 0; round < 3; round++) assert.deepEqual(send(), fields);
  assert.equal(decoder.version, version);
  assert.deepEqual(tableOf(decoder), table);
});

test('HpackEncoder puts no value into the table that would take much of it', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const large: FieldList = [['x-large', 'v'.repeat(1025)]];
  for (let round = 0; round < 3; round++) assert.deepEqual(decode(decoder, encode(encoder, large)), large);
  assert.deepEqual(tableOf(decoder), []);
});

test('HpackEncoder announces sizes at the next start: the lowest, and the last', () => {
  const cases: readonly (readonly [sizes: readonly number[], want: string])[] = [
    [[], ''],
    [[4096], ''],
    [[65_536], ''], // more than it uses
    [[100], '3f45'],
    [[0], '20'],
    [[0, 4096], '203fe11f'],
    [[100, 50, 200], '3f133fa901'],
    [[200, 100], '3f45'],
    [[65_536, 4096], ''],
  ];
  for (const [sizes, want] of cases) {
    const encoder = new HpackEncoder();
    for (const bytes of sizes) encoder.setMaxTableBytes(bytes);
    assert.deepEqual(blocks(encoder, [], 2), [want, ''], `${sizes}`);
  }
});

test('HpackEncoder announces at its first start that it uses less than the default', () => {
  assert.deepEqual(blocks(new HpackEncoder({ maxTableBytes: 0 }), [], 2), ['20', '']);
  const encoder = new HpackEncoder({ maxTableBytes: 100 });
  assert.deepEqual(blocks(encoder, [['a', 'b']], 1), ['3f45' + '0001610162']);
});

test('HpackEncoder and HpackDecoder evict the same entries when the peer wants a smaller table', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const fields = Array.from(
    { length: 120 },
    (_, number): Field => [`name-${number % 40}`, `value-${number}`],
  );
  const send = () => decode(decoder, encode(encoder, fields));
  for (const bytes of [4096, 1000, 4096, 0, 60, 500, 4096, 47, 4096, 4096]) {
    encoder.setMaxTableBytes(bytes);
    for (let round = 0; round < 3; round++) assert.deepEqual(send(), fields);
    const size = tableOf(decoder).reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    assert.ok(size <= bytes, `${size} of ${bytes}`);
    if (bytes > 100) assert.ok(size > bytes - 50, 'it is used again once there is room');
  }
});

test('HpackEncoder remembers no more than so many names, and writes the others even so', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 1000; number++) {
      const fields: FieldList = [[`name-${number}`, 'value']];
      assert.deepEqual(decode(decoder, encode(encoder, fields)), fields);
    }
  }
});

test('HpackEncoder writes strings longer than 127 and 16,383 bytes', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder({ maxListBytes: 1 << 20 });
  for (const length of [126, 127, 128, 254, 255, 16_383, 16_510, 16_511, 70_000]) {
    const fields: FieldList = [
      ['n'.repeat(length), 'v'.repeat(length)],
      [':path', 'p'.repeat(length)],
    ];
    for (let round = 0; round < 3; round++)
      assert.deepEqual(decode(decoder, encode(encoder, fields)), fields);
  }
});
