import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError } from '../../../wire/hpack/decoder.ts';
import { HpackBombError } from '../../../wire/hpack/error.ts';
import { FieldCache } from '../../../wire/hpack/field-cache.ts';
import { decode, hex, tableOf, toHex } from './block.ts';

/** A literal with incremental indexing of a new name, both strings as they are. */
function literal(name: string, value: string, first = 0x40): string {
  const text = (part: string) => {
    const bytes = Array.from(part, (character) => character.charCodeAt(0));
    assert.ok(bytes.length < 127);
    return toHex(Uint8Array.of(bytes.length, ...bytes));
  };
  return toHex(Uint8Array.of(first)) + text(name) + text(value);
}

const REFUSED: readonly (readonly [why: string, block: string, message: RegExp])[] = [
  ['index 0', '80', /no field of index 0/],
  ['an index behind the static table, with nothing in the other', 'be', /no field of index 62/],
  ['an index behind both tables', `${literal('a', 'b')}bf`, /no field of index 63/],
  ["a name's index behind both tables", '7f00 0161', /no field of index 63/],
  ["a name's index behind both tables, without indexing", '0f30 0161', /no field of index 63/],
  ['an index of 28 bits', 'ffffffff7f', /no field of index 268435582/],
  ['an integer of five bytes', 'ffffffffff01', /an integer takes more than 4 bytes/],
  ['an integer that is filled up with zeros', 'ff8080808000', /an integer takes more than 4 bytes/],
  ['an integer that never ends', `ff${'80'.repeat(1000)}`, /an integer takes more than 4 bytes/],
  ['an integer that is cut off', 'ff80', /ends within an integer/],
  ['an index that is cut off', 'ff', /ends within an integer/],
  ['a literal without a name', '40', /ends within a field/],
  ['a literal without a value', '400161', /ends within a field/],
  ['a literal of a known name without a value', '44', /ends within a field/],
  ['a name that is cut off', '400361', /ends within a string/],
  ['a value that is cut off', '4001610362', /ends within a string/],
  ['a string far longer than the block', '4001617fffffff7f62', /ends within a string/],
  ['a name that is not Huffman code', '4081ff0161', /not Huffman code/],
  ['a value with the end of string', '40016184ffffffff', /not Huffman code/],
  ['a value whose padding is 0', '40016181 00', /not Huffman code/],
  ['a never indexed value whose padding is 0', '10016181 00', /not Huffman code/],
  ['a table size above the announced', '3fe21f', /table size 4097 is above the 4096/],
  ['a table size behind a field', '8220', /table size stands behind a field/],
  ['a table size behind a field and before another', `${literal('a', 'b')}3fe10f82`, /behind a field/],
];

for (const [why, block, message] of REFUSED) {
  test(`HpackDecoder refuses ${why}`, () => {
    assert.throws(
      () => decode(new HpackDecoder(), block),
      (error) => error instanceof HpackError && message.test(error.message),
    );
  });
}

test('HpackDecoder reads integers whose rest takes one to four bytes', () => {
  // 1337 is the example of RFC 7541, C.1.2.
  const sizes: readonly (readonly [update: string, bytes: number])[] = [
    ['3e', 30],
    ['3f 00', 31],
    ['3f 80 00', 31],
    ['3f 80 80 80 00', 31],
    ['3f 9a 0a', 1337],
    ['3f e1 ff 3f', 1_048_576],
    ['3f ff ff ff 7f', 31 + 2 ** 28 - 1],
  ];
  for (const [update, bytes] of sizes) {
    decode(new HpackDecoder({ maxTableBytes: Math.max(bytes, 4096) }), update);
    if (bytes <= 4096) continue;
    // One byte less than it takes: the message says what was read.
    const message = new RegExp(`table size ${bytes} is above the ${bytes - 1} `);
    assert.throws(() => decode(new HpackDecoder({ maxTableBytes: bytes - 1 }), update), message);
  }
  const decoder = new HpackDecoder({ maxTableBytes: 31 });
  decoder.settingsAcknowledged();
  for (const update of ['3f 80 00', '3f 00', '3f 80 80 80 00']) decode(decoder, update);
  assert.throws(() => decode(decoder, '3f 9a 0a'), /table size 1337 /);
});

test('HpackDecoder decodes an empty block, and empty names and values', () => {
  const decoder = new HpackDecoder();
  assert.deepEqual(decode(decoder, ''), []);
  assert.deepEqual(decode(decoder, '40 00 00'), [['', '']]);
  assert.deepEqual(decode(decoder, '40 80 80'), [['', '']]);
});

test('HpackDecoder gives bytes above 127 as characters of the same number', () => {
  const want = [['x', '\u0080ÿ']];
  assert.deepEqual(decode(new HpackDecoder(), '00 01 78 02 80 ff'), want);
  assert.deepEqual(decode(new HpackDecoder(), literal('x', '\u0080ÿ')), want);
});

test('HpackDecoder takes several table sizes at a start, the last of which counts', () => {
  const decoder = new HpackDecoder();
  decode(decoder, literal('a', 'b') + literal('c', 'd'));
  // 0 empties the table; 68 has room for two entries of 34.
  decode(decoder, `203f25${literal('e', 'f')}${literal('g', 'h')}${literal('i', 'j')}`);
  assert.deepEqual(tableOf(decoder), [
    ['i', 'j'],
    ['g', 'h'],
  ]);
});

test('HpackDecoder evicts the oldest entries when the table shrinks', () => {
  const decoder = new HpackDecoder();
  decode(decoder, literal('a', '1') + literal('b', '2') + literal('c', '3'));
  decode(decoder, '3f 25');
  assert.deepEqual(tableOf(decoder), [
    ['c', '3'],
    ['b', '2'],
  ]);
});

test('HpackDecoder empties the table for an entry that is larger than it, and hands that on', () => {
  const decoder = new HpackDecoder();
  decode(decoder, `3f25${literal('a', '1')}`);
  const large = ['name', 'x'.repeat(40)] as const;
  assert.deepEqual(decode(decoder, literal(...large)), [large]);
  assert.deepEqual(tableOf(decoder), []);
});

test("HpackDecoder takes a new entry's name from one that the entry evicts", () => {
  const decoder = new HpackDecoder();
  decode(decoder, `3f03${literal('a', '1')}`);
  assert.deepEqual(decode(decoder, '7e 01 32'), [['a', '2']]);
  assert.deepEqual(tableOf(decoder), [['a', '2']]);
});

test('HpackDecoder keeps a table of 128 entries in order over many rounds', () => {
  const decoder = new HpackDecoder();
  for (let number = 0; number < 1000; number++) decode(decoder, '40 00 00');
  assert.equal(tableOf(decoder).length, 128);
  for (let number = 0; number < 300; number++) decode(decoder, literal(`${number % 10}`, ''));
  const table = tableOf(decoder);
  assert.equal(table.length, Math.floor(4096 / 33));
  assert.deepEqual(
    table.map(([name]) => name),
    table.map((_, age) => `${(299 - age) % 10}`),
  );
});

test('HpackDecoder lets a peer use the table it has by default until it has read that it is smaller', () => {
  const decoder = new HpackDecoder({ maxTableBytes: 64 });
  decode(decoder, literal('a', '1') + literal('b', '2'));
  assert.equal(tableOf(decoder).length, 2);
  decoder.settingsAcknowledged();
  assert.throws(() => decode(decoder, '82'), /does not begin with the table size that was acknowledged/);
});

test('HpackDecoder holds a peer to the announced size that it has acknowledged', () => {
  const decoder = new HpackDecoder({ maxTableBytes: 64 });
  decode(decoder, literal('a', '1') + literal('b', '2'));
  decoder.settingsAcknowledged();
  assert.deepEqual(decode(decoder, '3f 21 be'), [['b', '2']]);
  assert.throws(() => decode(decoder, '3f 22'), /table size 65 is above the 64/);
});

test('HpackDecoder needs no table size of a peer whose acknowledged size is no smaller', () => {
  for (const maxTableBytes of [4096, 65_536]) {
    const decoder = new HpackDecoder({ maxTableBytes });
    decoder.settingsAcknowledged();
    assert.deepEqual(decode(decoder, '82'), [[':method', 'GET']]);
  }
  const decoder = new HpackDecoder({ maxTableBytes: 65_536 });
  decode(decoder, '3f e1 ff 03');
  assert.throws(() => decode(decoder, '3f e2 ff 03'), /table size 65537 is above the 65536/);
});

test('HpackDecoder hands on no more fields than the list may hold, and keeps the table right', () => {
  const decoder = new HpackDecoder({ maxListBytes: 100 });
  // 34 bytes each: two fit, the third is one too many.
  const block = `${literal('a', '1')}${literal('b', '2')}${literal('c', '3')}`;
  assert.deepEqual(decode(decoder, block), [
    ['a', '1'],
    ['b', '2'],
  ]);
  assert.equal(decoder.isTooLarge, true);
  assert.equal(decoder.isMalformed, false);
  assert.deepEqual(decode(decoder, 'be'), [['c', '3']]);
  assert.equal(decoder.isTooLarge, false);
});

test('HpackDecoder takes a list of exactly the allowed size', () => {
  const decoder = new HpackDecoder({ maxListBytes: 68 });
  assert.equal(decode(decoder, literal('a', '1') + literal('b', '2')).length, 2);
  assert.equal(decoder.isTooLarge, false);
});

test('HpackDecoder counts what an indexed field stands for: a bomb of indexes is not handed on, nor decoded to its end', () => {
  const decoder = new HpackDecoder();
  const value = 'v'.repeat(120).repeat(32);
  const large = hex(`4001617f${toHex(Uint8Array.of(0x80 | ((3840 - 127) & 0x7f), (3840 - 127) >> 7))}`);
  const most = Math.floor((4 * 60 * 1024) / (value.length + 33));
  const block = new Uint8Array(large.length + value.length + most - 1).fill(0xbe);
  block.set(large);
  block.fill(0x76, large.length, large.length + value.length);
  const fields = decode(decoder, block);
  assert.equal(decoder.isTooLarge, true);
  assert.throws(() => decode(decoder, new Uint8Array(most + 1).fill(0xbe)), HpackBombError);
  assert.equal(fields.length, Math.floor((60 * 1024) / (value.length + 33)));
  assert.ok(fields.every((field) => field === fields[0]));
});

test('HpackDecoder stops handing on at a field that is not valid, wherever that is kept', () => {
  const decoder = new HpackDecoder({ isValid: (name) => name === name.toLowerCase() });
  const malformed = literal('Bad', '1');
  for (let round = 0; round < 4; round++) {
    assert.deepEqual(decode(decoder, `82${malformed}83`), [[':method', 'GET']]);
    assert.equal(decoder.isMalformed, true);
  }
  assert.deepEqual(decode(decoder, '82be83'), [[':method', 'GET']], 'from the dynamic table');
  assert.equal(decoder.isMalformed, true);
  assert.deepEqual(decode(decoder, '82'), [[':method', 'GET']]);
  assert.equal(decoder.isMalformed, false);
});

test('HpackDecoder asks isValid about static fields too', () => {
  const decoder = new HpackDecoder({ isValid: (name) => name !== 'transfer-encoding' });
  decode(decoder, 'b9');
  assert.equal(decoder.isMalformed, true);
});

test('HpackDecoder asks isValid once about a field that is indexed', () => {
  const asked: string[] = [];
  const isValid = (name: string, value: string) => {
    asked.push(`${name}=${value}`);
    return true;
  };
  const decoder = new HpackDecoder({ isValid });
  asked.length = 0; // those of the static table
  decode(decoder, `${literal('a', 'b')}bebebe82`);
  assert.deepEqual(asked, ['a=b']);
});

test('HpackDecoder.version grows with each block that changes the table or its size', () => {
  const decoder = new HpackDecoder();
  const blocks: readonly (readonly [block: string, growth: number])[] = [
    ['82', 0],
    [literal('a', 'b'), 1],
    ['be', 0],
    [literal('a', 'b', 0x00), 0],
    [literal('a', 'b', 0x10), 0],
    [literal('c', 'd') + literal('e', 'f'), 1],
    ['3fe11f', 0], // 4096, as it was
    ['3fe10f', 1],
    ['3fe10f', 0],
    ['203fe10f', 1],
  ];
  for (const [block, growth] of blocks) {
    const before = decoder.version;
    decode(decoder, block);
    assert.equal(decoder.version - before, growth, block);
  }
});

test('HpackDecoder hands on one and the same field for one that is indexed, and for a literal seen before', () => {
  const decoder = new HpackDecoder({ cache: new FieldCache() });
  const [first] = decode(decoder, literal('a', 'b'));
  const [second] = decode(decoder, 'be');
  assert.equal(second, first);
  const again = Array.from({ length: 4 }, () => decode(decoder, literal('x', 'y', 0x00))[0]);
  assert.equal(again[3], again[2]);
  assert.deepEqual(again[3], ['x', 'y']);
});
