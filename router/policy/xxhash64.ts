/**
 * xxHash64, the hash by which Envoy's consistent balancers place endpoints and requests. In numbers of 32 bits, as
 * BigInt would take a hundred times as long. Imports nothing.
 *
 * Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md (XXH64 algorithm description).
 */

/** 64 bits in two halves, each a whole number in [0, 2^32). */
export class Hash64 {
  high = 0;
  low = 0;
}

const P1_HIGH = 0x9e3779b1;
const P1_LOW = 0x85ebca87;
const P2_HIGH = 0xc2b2ae3d;
const P2_LOW = 0x27d4eb4f;
const P3_HIGH = 0x165667b1;
const P3_LOW = 0x9e3779f9;
const P4_HIGH = 0x85ebca77;
const P4_LOW = 0xc2b2ae63;
const P5_HIGH = 0x27d4eb2f;
const P5_LOW = 0x165667c5;

// The number at work: a call's result, kept out of objects.
let high = 0;
let low = 0;

/** Multiplies the number at work by another, 64 bits kept. */
function multiply(byHigh: number, byLow: number): void {
  const a0 = low & 0xffff;
  const a1 = low >>> 16;
  const b0 = byLow & 0xffff;
  const b1 = byLow >>> 16;
  const bottom = a0 * b0;
  const middle = a1 * b0 + (bottom >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  const carried = a1 * b1 + (middle >>> 16) + (other >>> 16);
  high = (carried + Math.imul(low, byHigh) + Math.imul(high, byLow)) >>> 0;
  low = Math.imul(low, byLow) >>> 0;
}

function add(byHigh: number, byLow: number): void {
  const sum = low + byLow;
  high = (high + byHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  low = sum >>> 0;
}

/** Rotates to the left by fewer than 32 bits. */
function rotate(bits: number): void {
  const turned = (high << bits) | (low >>> (32 - bits));
  low = ((low << bits) | (high >>> (32 - bits))) >>> 0;
  high = turned >>> 0;
}

/** Mixes eight bytes into a lane. */
function round(laneHigh: number, laneLow: number, inputHigh: number, inputLow: number): void {
  high = inputHigh;
  low = inputLow;
  multiply(P2_HIGH, P2_LOW);
  add(laneHigh, laneLow);
  rotate(31);
  multiply(P1_HIGH, P1_LOW);
}

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

const lanes = new Uint32Array(8);

/** Takes blocks of 32 bytes into four lanes, and joins those. Returns where the rest begins. */
function hashBlocks(bytes: Uint8Array, length: number, seedHigh: number, seedLow: number): number {
  const start = (lane: number, byHigh: number, byLow: number): void => {
    high = seedHigh;
    low = seedLow;
    add(byHigh, byLow);
    lanes[lane * 2] = high;
    lanes[lane * 2 + 1] = low;
  };
  high = P1_HIGH;
  low = P1_LOW;
  add(P2_HIGH, P2_LOW);
  start(0, high, low);
  start(1, P2_HIGH, P2_LOW);
  start(2, 0, 0);
  // Less the first prime: plus its two's complement.
  start(3, ~P1_HIGH >>> 0, (~P1_LOW + 1) >>> 0);
  let at = 0;
  for (; at + 32 <= length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const from = at + lane * 8;
      round(lanes[lane * 2]!, lanes[lane * 2 + 1]!, read32(bytes, from + 4), read32(bytes, from));
      lanes[lane * 2] = high;
      lanes[lane * 2 + 1] = low;
    }
  }
  let sumHigh = 0;
  let sumLow = 0;
  for (let lane = 0; lane < 4; lane++) {
    high = lanes[lane * 2]!;
    low = lanes[lane * 2 + 1]!;
    rotate([1, 7, 12, 18][lane]!);
    add(sumHigh, sumLow);
    sumHigh = high;
    sumLow = low;
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, lanes[lane * 2]!, lanes[lane * 2 + 1]!);
    high = (high ^ sumHigh) >>> 0;
    low = (low ^ sumLow) >>> 0;
    multiply(P1_HIGH, P1_LOW);
    add(P4_HIGH, P4_LOW);
    sumHigh = high;
    sumLow = low;
  }
  return at;
}

/** Writes the hash of the first `length` bytes to `into`. The seed has two halves as a hash has; default 0. */
export function xxHash64(bytes: Uint8Array, length: number, into: Hash64, seedHigh = 0, seedLow = 0): void {
  let at = 0;
  if (length >= 32) at = hashBlocks(bytes, length, seedHigh, seedLow);
  else {
    high = seedHigh;
    low = seedLow;
    add(P5_HIGH, P5_LOW);
  }
  add(0, length);
  for (; at + 8 <= length; at += 8) {
    const beforeHigh = high;
    const beforeLow = low;
    round(0, 0, read32(bytes, at + 4), read32(bytes, at));
    high = (high ^ beforeHigh) >>> 0;
    low = (low ^ beforeLow) >>> 0;
    rotate(27);
    multiply(P1_HIGH, P1_LOW);
    add(P4_HIGH, P4_LOW);
  }
  if (at + 4 <= length) {
    const beforeHigh = high;
    const beforeLow = low;
    high = 0;
    low = read32(bytes, at);
    multiply(P1_HIGH, P1_LOW);
    high = (high ^ beforeHigh) >>> 0;
    low = (low ^ beforeLow) >>> 0;
    rotate(23);
    multiply(P2_HIGH, P2_LOW);
    add(P3_HIGH, P3_LOW);
    at += 4;
  }
  for (; at < length; at++) {
    const beforeHigh = high;
    const beforeLow = low;
    high = 0;
    low = bytes[at]!;
    multiply(P5_HIGH, P5_LOW);
    high = (high ^ beforeHigh) >>> 0;
    low = (low ^ beforeLow) >>> 0;
    rotate(11);
    multiply(P1_HIGH, P1_LOW);
  }
  low = (low ^ (high >>> 1)) >>> 0;
  multiply(P2_HIGH, P2_LOW);
  const shifted = ((low >>> 29) | (high << 3)) >>> 0;
  high = (high ^ (high >>> 29)) >>> 0;
  low = (low ^ shifted) >>> 0;
  multiply(P3_HIGH, P3_LOW);
  into.high = high;
  into.low = (low ^ high) >>> 0;
}

let scratch = new Uint8Array(256);

/** The same of a text: each character is one byte (ISO 8859-1), or UTF-8 where that is too little. */
export function xxHash64Text(text: string, into: Hash64, seedHigh = 0, seedLow = 0): void {
  const { length } = text;
  if (length > scratch.length) scratch = new Uint8Array(length * 2);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) {
      const bytes = new TextEncoder().encode(text);
      xxHash64(bytes, bytes.length, into, seedHigh, seedLow);
      return;
    }
    scratch[at] = code;
  }
  xxHash64(scratch, length, into, seedHigh, seedLow);
}

const bits = new Uint32Array(2);
const whole = new BigUint64Array(bits.buffer);
const [lowAt, highAt] = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** Both halves as one number. */
export function toBigInt(hash: Hash64): bigint {
  bits[lowAt] = hash.low;
  bits[highAt] = hash.high;
  return whole[0]!;
}

/** The two halves of a number. */
export function fromBigInt(value: bigint, into: Hash64): void {
  whole[0] = value;
  into.low = bits[lowAt]!;
  into.high = bits[highAt]!;
}
