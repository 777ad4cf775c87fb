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

/** Codes of up to so many bits, all that are frequent, are found by one look into a table. */
const LOOK_BITS = 10;
const LOOK_MASK = (1 << LOOK_BITS) - 1;

const codes = new Uint32Array(SYMBOLS);
const lengths = new Uint8Array(SYMBOLS);
/** By the next bits: the code's length, shifted by 8, and its symbol; 0 where the code is longer. */
const look = new Uint16Array(1 << LOOK_BITS);
/** By length: the first code, how many there are, and where their symbols begin in {@link symbols}. */
const firstCode = new Uint32Array(MAX_BITS + 1);
const codeCount = new Uint16Array(MAX_BITS + 1);
const firstSymbol = new Uint16Array(MAX_BITS + 1);
const symbols = new Uint16Array(SYMBOLS);

let code = 0;
let count = 0;
for (let bits = MIN_BITS; bits <= MAX_BITS; bits++) {
  code *= 2;
  firstCode[bits] = code;
  firstSymbol[bits] = count;
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    if (Number.parseInt(CODE_BITS[symbol]!, 36) !== bits) continue;
    codes[symbol] = code;
    lengths[symbol] = bits;
    symbols[count++] = symbol;
    if (bits <= LOOK_BITS) {
      const rest = LOOK_BITS - bits;
      look.fill((bits << 8) | symbol, code << rest, (code + 1) << rest);
    }
    code++;
  }
  codeCount[bits] = count - firstSymbol[bits]!;
}

/** The most bytes that so many coded ones may stand for. */
export function maxDecodedBytes(codedBytes: number): number {
  return Math.floor((codedBytes * 8) / MIN_BITS);
}

/**
 * Decodes the bytes from `start` to `end` to the beginning of `into`, which has room for {@link maxDecodedBytes}.
 * Returns how many bytes came out; -1 where the code holds the end of string, or ends otherwise than in fewer than
 * eight bits that are all 1.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let at = start;
  let held = 0; // bits read and not yet used are its lowest
  let heldBits = 0;
  let length = 0;
  for (;;) {
    while (heldBits <= 24 && at < end) {
      held = (held << 8) | bytes[at++]!;
      heldBits += 8;
    }
    let found: number;
    if (heldBits >= LOOK_BITS) found = look[(held >>> (heldBits - LOOK_BITS)) & LOOK_MASK]!;
    else {
      const missing = LOOK_BITS - heldBits;
      found = look[((held << missing) | ((1 << missing) - 1)) & LOOK_MASK]!;
    }
    if (found !== 0) {
      const bits = found >> 8;
      // What was filled up with 1 and still is a code's beginning is padding or cut off: see the end.
      if (bits > heldBits) break;
      heldBits -= bits;
      into[length++] = found;
      continue;
    }
    if (heldBits < 8 && at === end) break;
    const place = at * 8 - heldBits;
    const long = findLong(bytes, place, end * 8);
    if (long < 0) return -1;
    into[length++] = long;
    const next = place + lengths[long]!;
    at = (next + 7) >> 3;
    heldBits = at * 8 - next;
    held = heldBits === 0 ? 0 : bytes[at - 1]!;
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
  const needed = maxDecodedBytes(end - start);
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
