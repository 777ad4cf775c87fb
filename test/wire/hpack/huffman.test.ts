import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodedRoom,
  decodeHuffman,
  huffmanBytes,
  readHuffman,
  writeHuffman,
} from '../../../wire/hpack/huffman.ts';
import { createDraws } from '../../router/route/generate.ts';
import { hex, toHex } from './block.ts';

/** Source: RFC 7541, C.4 and C.6. */
const EXAMPLES: readonly (readonly [text: string, coded: string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  ['307', '640eff'],
  ['gzip', '9bd9ab'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
  ['', ''],
];

function coded(text: string): Uint8Array {
  const bytes = new Uint8Array(huffmanBytes(text));
  assert.equal(writeHuffman(bytes, text, 0), bytes.length);
  return bytes;
}

test('writeHuffman() and readHuffman() agree with the examples of RFC 7541', () => {
  for (const [text, want] of EXAMPLES) {
    assert.equal(toHex(coded(text)), want);
    assert.equal(readHuffman(hex(want), 0, want.length / 2), text);
  }
});

test('readHuffman() reads back each pair of bytes that writeHuffman() writes', () => {
  for (let first = 0; first < 256; first++) {
    let text = '';
    for (let second = 0; second < 256; second++) text += String.fromCharCode(first, second);
    const bytes = coded(text);
    assert.equal(readHuffman(bytes, 0, bytes.length), text);
    const one = coded(String.fromCharCode(first));
    assert.equal(readHuffman(one, 0, one.length), String.fromCharCode(first));
  }
});

test('readHuffman() reads back texts of all lengths up to 40 and beyond its buffer, at any offset', () => {
  const draws = createDraws(7541);
  for (const length of [...Array.from({ length: 40 }, (_, length) => length), 4096, 5000, 70_000]) {
    for (let round = 0; round < 20; round++) {
      // Half of them of what headers are made of, half of any byte.
      const bound = round % 2 === 0 ? 128 : 256;
      const text = Array.from({ length }, () => String.fromCharCode(draws.below(bound))).join('');
      const offset = draws.below(9);
      const bytes = new Uint8Array(offset + huffmanBytes(text) + 9).fill(draws.below(256));
      const end = writeHuffman(bytes, text, offset);
      assert.equal(readHuffman(bytes, offset, end), text);
    }
  }
});

const REFUSED: readonly (readonly [why: string, coded: string])[] = [
  ['eight bits of padding', 'ff'],
  ['eight bits of padding behind a symbol of eight', 'f8 ff'],
  ['three bits of padding and eight more', '07 ff'],
  ['padding with a 0 in its last bit', 'f1e3c2e5f23a6ba0ab90f4fe'],
  ['padding with a 0 in its first bit', '18'],
  ['padding of zeros', '00'],
  ['the end of string', 'ff ff ff ff'],
  ['the end of string between symbols', '1f ff ff ff fe 3f'],
  ['a long code that is cut off', 'ff fe'],
];

test('readHuffman() refuses the end of string and padding that is too long or not all 1', () => {
  for (const [why, bytes] of REFUSED) {
    const block = hex(bytes);
    assert.equal(readHuffman(block, 0, block.length), undefined, why);
  }
});

test('readHuffman() takes padding of up to seven 1s', () => {
  // '0' is 00000; 'X' is 11111100 and needs none.
  assert.equal(readHuffman(hex('07'), 0, 1), '0');
  assert.equal(readHuffman(hex('fc'), 0, 1), 'X');
  // ':' is 1011100, and one 1 the least padding there is.
  assert.equal(readHuffman(hex('b9'), 0, 1), ':');
  assert.equal(readHuffman(hex('fc 07'), 0, 2), 'X0');
});

test('decodeHuffman() writes no more than decodedRoom() bytes, whatever it is given', () => {
  const draws = createDraws(1);
  for (let round = 0; round < 20_000; round++) {
    const length = draws.below(24);
    const bytes = Uint8Array.from({ length }, () => (draws.oneIn(4) ? 0xff : draws.below(256)));
    const into = new Uint8Array(decodedRoom(length) + 8).fill(0xee);
    const count = decodeHuffman(bytes, 0, length, into);
    assert.ok(into.subarray(decodedRoom(length)).every((byte) => byte === 0xee));
    if (count < 0) continue;
    const text = Array.from(into.subarray(0, count), (byte) => String.fromCharCode(byte)).join('');
    assert.equal(toHex(coded(text)), toHex(bytes), 'what is taken is the one code of its text');
  }
});
