import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import { FieldCache, FieldName, hashOf } from '../../../wire/hpack/field-cache.ts';
import type { Field } from '../../../wire/stream.ts';
import { createDraws } from '../../router/route/generate.ts';
import { decode } from './block.ts';

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A literal of a new name; `first` says which. */
function literal(name: string, value: string, first: number): Uint8Array {
  const length = (text: string) =>
    text.length < 127 ? [text.length] : [127, 0x80 | ((text.length - 127) & 0x7f), (text.length - 127) >> 7];
  return Uint8Array.of(first, ...length(name), ...bytesOf(name), ...length(value), ...bytesOf(value));
}

/** The objects that come of one literal on connections that share the cache. */
function objects(cache: FieldCache, name: string, value: string, first: number): Field[] {
  return Array.from(
    { length: 4 },
    () => decode(new HpackDecoder({ cache }), literal(name, value, first))[0]!,
  );
}

const isShared = (fields: readonly Field[]) => fields[3] === fields[2];

test('FieldCache keeps a field from its second sight on, whatever connection it comes on', () => {
  const fields = objects(new FieldCache(), 'x-kept', 'value', 0x00);
  assert.notEqual(fields[1], fields[0]);
  assert.equal(fields[2], fields[1]);
  assert.equal(fields[3], fields[1]);
});

test('FieldCache keeps no secrets and nothing that was never to be indexed', () => {
  for (const name of ['authorization', 'cookie', 'proxy-authorization', 'set-cookie']) {
    for (const first of [0x00, 0x10, 0x40]) {
      assert.equal(isShared(objects(new FieldCache(), name, 'value', first)), false, `${name} ${first}`);
    }
  }
  assert.equal(isShared(objects(new FieldCache(), 'x-password', 'value', 0x10)), false);
  // Of a known name, which is a secret's too: 23 is authorization.
  const cache = new FieldCache();
  const known = Array.from(
    { length: 4 },
    () => decode(new HpackDecoder({ cache }), Uint8Array.of(0x0f, 8, 1, 0x61))[0],
  );
  assert.deepEqual(known[3], ['authorization', 'a']);
  assert.notEqual(known[3], known[2]);
});

test('FieldCache keeps values up to 256 bytes', () => {
  assert.equal(isShared(objects(new FieldCache(), 'x', 'v'.repeat(256), 0x00)), true);
  assert.equal(isShared(objects(new FieldCache(), 'x', 'v'.repeat(257), 0x00)), false);
});

test('FieldCache keeps no field with a name of more than 256 bytes, however short its value', () => {
  assert.equal(isShared(objects(new FieldCache(), 'n'.repeat(256), 'v', 0x00)), true);
  assert.equal(isShared(objects(new FieldCache(), 'n'.repeat(257), 'v', 0x00)), false);
});

test('FieldCache tells the same value of two names apart, and the same bytes with and without Huffman', () => {
  const cache = new FieldCache({ maxFields: 1 });
  for (let round = 0; round < 4; round++) {
    for (const name of ['x-a', 'x-b', 'y-a']) {
      assert.deepEqual(decode(new HpackDecoder({ cache }), literal(name, 'v', 0x00)), [[name, 'v']]);
    }
    // 0x07 is the character, and Huffman code of a zero.
    assert.deepEqual(decode(new HpackDecoder({ cache }), Uint8Array.of(0x0f, 43, 0x01, 0x07)), [
      ['user-agent', '\u0007'],
    ]);
    assert.deepEqual(decode(new HpackDecoder({ cache }), Uint8Array.of(0x0f, 43, 0x81, 0x07)), [
      ['user-agent', '0'],
    ]);
  }
});

test('FieldCache is right where strings push each other out: a place for one field', () => {
  const draws = createDraws(11);
  const cache = new FieldCache({ maxFields: 1 });
  const names = ['a', 'b', 'ab', 'ba', ''];
  const values = ['', '1', '2', '12', '21', '\u0000', '\u0000\u0000'];
  for (let round = 0; round < 5000; round++) {
    const name = draws.pick(names);
    const value = draws.pick(values);
    assert.deepEqual(decode(new HpackDecoder({ cache }), literal(name, value, 0x00)), [[name, value]]);
  }
});

test('FieldCache gives what was sent where two values have one hash', () => {
  // Eight bytes are hashed as two words: the second can undo what the first has done.
  const { hash: seed } = new FieldName('x-hash');
  const first = bytesOf('aaaacccc');
  const twin = collide(first, bytesOf('bbbb'), seed);
  assert.equal(hashOf(twin, 0, 8, seed), hashOf(first, 0, 8, seed));
  const values = [first, twin].map((bytes) => String.fromCharCode(...bytes));
  const cache = new FieldCache();
  for (let round = 0; round < 4; round++) {
    for (const value of values) {
      assert.deepEqual(decode(new HpackDecoder({ cache }), literal('x-hash', value, 0x00)), [
        ['x-hash', value],
      ]);
    }
  }
});

/** Eight bytes that begin with `start` and have the hash of `bytes`. */
function collide(bytes: Uint8Array, start: Uint8Array, seed: number): Uint8Array {
  const afterOne = (word: Uint8Array) => {
    const whole = new DataView(word.buffer, word.byteOffset).getInt32(0, true);
    const mixed = Math.imul(seed ^ 8 ^ whole, 0x01000193);
    return mixed ^ (mixed >>> 15);
  };
  const difference = afterOne(bytes) ^ afterOne(start);
  const second = bytes.slice(4);
  for (let index = 0; index < 4; index++) second[index]! ^= difference >>> (8 * index);
  return Uint8Array.of(...start, ...second);
}

test('FieldCache gives what was sent where two names have one hash', () => {
  const [first, twin] = twins();
  const cache = new FieldCache();
  for (let round = 0; round < 4; round++) {
    for (const name of [first, twin]) {
      assert.deepEqual(decode(new HpackDecoder({ cache }), literal(name, 'value', 0x00)), [[name, 'value']]);
    }
  }
});

/** Two names of one hash, which a search among some 100,000 finds. */
function twins(): [string, string] {
  const names = new Map<number, string>();
  for (let number = 0; number < 5_000_000; number++) {
    const name = `x-${number.toString(36).padStart(6, '0')}`;
    const { hash } = new FieldName(name);
    const other = names.get(hash);
    if (other !== undefined) return [other, name];
    names.set(hash, name);
  }
  throw new Error('Cannot find two names of one hash');
}

test('FieldCache is not changed by what happens to the bytes it was given', () => {
  const cache = new FieldCache();
  const fields = Array.from({ length: 4 }, () => {
    const block = literal('x-name', 'value', 0x00);
    const found: Field[] = [];
    new HpackDecoder({ cache }).decode(block, 0, block.length, { field: (field) => found.push(field) });
    block.fill(0xff);
    return found[0]!;
  });
  assert.deepEqual(fields[3], ['x-name', 'value']);
  assert.equal(isShared(fields), true);
});

test('FieldCache asks isValid once about what it keeps', () => {
  let asked = 0;
  const isValid = (name: string) => {
    if (name.startsWith('x-')) asked++;
    return true;
  };
  objects(new FieldCache({ isValid }), 'x-kept', 'value', 0x00);
  assert.equal(asked, 2);
});
