/** Expected values are those of the reference implementation, xxHash 0.8 by way of Python's xxhash 4.1. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBigInt, Hash64, toBigInt, xxHash64, xxHash64Text } from '../../../router/policy/xxhash64.ts';

const FOX =
  'The quick brown fox jumps over the lazy dog, and then over the next one as well; it never tires.';

const VECTORS: readonly (readonly [text: string, seed: bigint, want: string])[] = [
  ['', 0n, 'ef46db3751d8e999'],
  ['', 1n, 'd5afba1336a3be4b'],
  ['a', 0n, 'd24ec4f1a98c6e5b'],
  ['a', 0x9e3779b185ebca87n, '727c10e0d238e188'],
  ['abc', 0n, '44bc2cf5ad770999'],
  ['127.0.0.1:21600_0', 0n, '415edae8efcb7722'],
  ['127.0.0.1:21600_0', 1n, '6dd0b5ecc79da15d'],
  ['Nobody inspects the spammish repetition', 0n, 'fbcea83c8a378bf1'],
  ['0123456789abcdef0123456789abcde', 0n, '1fdfc63febacfde7'],
  ['0123456789abcdef0123456789abcdef', 1n, '048b8b580878a4a4'],
  [FOX, 0n, '4a808dcede671ce4'],
  [FOX, 0x9e3779b185ebca87n, '3ea7ade25bc329be'],
];

const hash = new Hash64();
const seedOf = (seed: bigint) => {
  const halves = new Hash64();
  fromBigInt(seed, halves);
  return halves;
};

test('xxHash64Text() gives what the reference implementation does', () => {
  for (const [text, seed, want] of VECTORS) {
    const { high, low } = seedOf(seed);
    xxHash64Text(text, hash, high, low);
    assert.equal(toBigInt(hash).toString(16).padStart(16, '0'), want, `${text} ${seed}`);
  }
});

test('xxHash64() agrees with the reference implementation at every length to 256', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index * 7 + 3);
  let all = 0n;
  for (let length = 0; length <= 256; length++) {
    xxHash64(bytes, length, hash, 0, length);
    all ^= toBigInt(hash);
  }
  assert.equal(all, 0xb2d08d8718bdff11n);
});

test('xxHash64Text() takes characters as bytes, and as UTF-8 where one is no byte', () => {
  const other = new Hash64();
  xxHash64Text('caf\u00e9', hash);
  xxHash64(Uint8Array.of(0x63, 0x61, 0x66, 0xe9), 4, other);
  assert.deepEqual(hash, other);
  xxHash64Text('\u20ac', hash);
  xxHash64(Uint8Array.of(0xe2, 0x82, 0xac), 3, other);
  assert.deepEqual(hash, other);
});
