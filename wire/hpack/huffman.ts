/**
 * HPACK's Huffman code. It is canonical: codes of one length follow each other in the order of their symbols, so that
 * the lengths alone say everything. Imports how text is read.
 *
 * Source: RFC 7541, 5.2 and Appendix B.
 */
import { readLatin1 } from '../text.ts';

/** Bits of each symbol's code, in base 36: 256 bytes and the end of string, which never appears in a string. */
const CODE_BITS = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('');

const END_OF_STRING = 256;
const SYMBOLS = 257;
const MAX_BITS = 30;
/** No code is shorter. */
const MIN_BITS = 5;

/** So many bits are looked up at once: two codes of the frequent ones. */
const LOOK_BITS = 12;
const LOOK_MASK = (1 << LOOK_BITS) - 1;

const codes = new Uint32Array(SYMBOLS);
const lengths = new Uint8Array(SYMBOLS);
/**
 * By the next bits: the symbols of the first one or two codes in bits 0 and 8, the bits of the first code in 16, of
 * both in 21, and how many they are in 26. 0 where the first is longer.
 */
const look = new Uint32Array(1 << LOOK_BITS);
/** By length: the first code, how many there are, and where their symbols begin in {@link symbols}. */
const firstCode = new Uint32Array(MAX_BITS + 1);
const codeCount = new Uint16Array(MAX_BITS + 1);
const firstSymbol = new Uint16Array(MAX_BITS + 1);
const symbols = new Uint16Array(SYMBOLS);

fillCodes();
fillLook();

function fillCodes(): void {
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    lengths[symbol] = Number.parseInt(CODE_BITS[symbol]!, 36);
  }
  let code = 0;
  let count = 0;
  for (let bits = MIN_BITS; bits <= MAX_BITS; bits++) {
    code *= 2;
    firstCode[bits] = code;
    firstSymbol[bits] = count;
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      if (lengths[symbol] !== bits) continue;
      codes[symbol] = code++;
      symbols[count++] = symbol;
    }
    codeCount[bits] = count - firstSymbol[bits]!;
  }
}

function fillLook(): void {
  // Codes up to the looked up length are the first in the order of symbols.
  const short = symbols.findIndex((symbol) => lengths[symbol]! > LOOK_BITS);
  for (let first = 0; first < short; first++) {
    const one = symbols[first]!;
    const bits = lengths[one]!;
    const rest = LOOK_BITS - bits;
    const start = codes[one]! << rest;
    look.fill(one | (bits << 16) | (bits << 21) | (1 << 26), start, start + (1 << rest));
    for (let second = 0; second < short; second++) {
      const two = symbols[second]!;
      const moreBits = lengths[two]!;
      if (moreBits > rest) break;
      const place = start + (codes[two]! << (rest - moreBits));
      const both = one | (two << 8) | (bits << 16) | ((bits + moreBits) << 21) | (2 << 26);
      look.fill(both, place, place + (1 << (rest - moreBits)));
    }
  }
}

/** The room that so many coded bytes need to be decoded. */
export function decodedRoom(codedBytes: number): number {
  // One more, since two symbols are always written.
  return Math.floor((codedBytes * 8) / MIN_BITS) + 1;
}

/**
 * Decodes the bytes from `start` to `end` to the beginning of `into`, which has {@link decodedRoom}; what lies behind
 * the result is undefined. Returns how many bytes came out; -1 where the code holds the end of string, or ends
 * otherwise than in fewer than eight bits that are all 1.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let at = start;
  let held = 0; // bits read and not yet used are its lowest
  let heldBits = 0;
  let length = 0;
  for (;;) {
    if (heldBits < LOOK_BITS) {
      if (at + 2 <= end) {
        held = (held << 16) | (bytes[at]! << 8) | bytes[at + 1]!;
        heldBits += 16;
        at += 2;
      } else if (at < end) {
        held = (held << 8) | bytes[at++]!;
        heldBits += 8;
        continue;
      } else return decodeRest(held, heldBits, into, length);
    }
    const found = look[(held >>> (heldBits - LOOK_BITS)) & LOOK_MASK]!;
    if (found !== 0) {
      heldBits -= (found >> 21) & 31;
      into[length] = found;
      into[length + 1] = found >> 8;
      length += found >> 26;
      continue;
    }
    const place = at * 8 - heldBits;
    const long = findLong(bytes, place, end * 8);
    if (long < 0) return -1;
    into[length++] = long;
    const next = place + lengths[long]!;
    at = (next + 7) >> 3;
    heldBits = at * 8 - next;
    held = heldBits === 0 ? 0 : bytes[at - 1]!;
  }
}

/** The last codes, in fewer bits than are looked up at once: filled up with 1, of which only padding can be made. */
function decodeRest(held: number, heldBits: number, into: Uint8Array, length: number): number {
  for (;;) {
    const missing = LOOK_BITS - heldBits;
    const found = look[((held << missing) | ((1 << missing) - 1)) & LOOK_MASK]!;
    const bits = (found >> 16) & 31;
    if (found === 0 || bits > heldBits) break;
    heldBits -= bits;
    into[length++] = found;
  }
  const padding = (1 << heldBits) - 1;
  return heldBits < 8 && (held & padding) === padding ? length : -1;
}

/** The symbol whose code begins at a bit; -1 for the end of string or where the bits run out. */
function findLong(bytes: Uint8Array, place: number, end: number): number {
  let code = 0;
  for (let bits = 1; bits <= MAX_BITS && place < end; bits++, place++) {
    code = (code << 1) | ((bytes[place >> 3]! >> (7 - (place & 7))) & 1);
    const index = code - firstCode[bits]!;
    if (bits < MIN_BITS || index >= codeCount[bits]!) continue;
    const symbol = symbols[firstSymbol[bits]! + index]!;
    return symbol === END_OF_STRING ? -1 : symbol;
  }
  return -1;
}

/** Most texts fit; a longer one gets a buffer of its own. */
const scratch = new Uint8Array(4096);

/** The text that the coded bytes from `start` to `end` stand for; undefined where {@link decodeHuffman} gives -1. */
export function readHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  const needed = decodedRoom(end - start);
  const into = needed <= scratch.length ? scratch : new Uint8Array(needed);
  const length = decodeHuffman(bytes, start, end, into);
  return length < 0 ? undefined : readLatin1(into, 0, length);
}

/** How many bytes the text takes when coded. Each character is one byte. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index++) bits += lengths[text.charCodeAt(index) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes the text's code at `offset`, where {@link huffmanBytes} must fit. Returns where it ends. */
export function writeHuffman(bytes: Uint8Array, text: string, offset: number): number {
  let at = offset;
  let held = 0;
  let heldBits = 0; // fewer than 8 between symbols
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 0xff;
    const code = codes[symbol]!;
    let bits = lengths[symbol]!;
    if (bits > 24) {
      // 7 and 30 bits are more than an integer holds: the upper ones go first.
      bits -= 16;
      held = (held << bits) | (code >>> 16);
      heldBits += bits;
      for (; heldBits >= 8; heldBits -= 8) bytes[at++] = held >>> (heldBits - 8);
      bits = 16;
      held = (held << 16) | (code & 0xffff);
    } else held = (held << bits) | code;
    heldBits += bits;
    for (; heldBits >= 8; heldBits -= 8) bytes[at++] = held >>> (heldBits - 8);
  }
  if (heldBits > 0) bytes[at++] = (held << (8 - heldBits)) | (0xff >> heldBits);
  return at;
}
