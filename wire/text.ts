/**
 * Between bytes and text of one byte a character (ISO 8859-1), as HTTP's heads are. Uses the runtime's native coding
 * where it has one: `Buffer` is a global of Bun, Node and Deno. Imports nothing.
 */

interface NativeCoding {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number): number;
}

const native = (globalThis as { Buffer?: { prototype: NativeCoding } }).Buffer?.prototype;

/** Text this short is cheaper to make by hand than by a call into the runtime. */
const SHORT_CHARACTERS = 12;

/** The text of the bytes from `start` to `end`. */
export const readLatin1: (bytes: Uint8Array, start: number, end: number) => string = native
  ? (bytes, start, end) => native.latin1Slice.call(bytes, start, end)
  : readByHand;

function readByHand(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** Writes the text at `offset`, where it must fit; returns its length. Characters beyond a byte lose their high bits. */
export function writeLatin1(bytes: Uint8Array, text: string, offset: number): number {
  const { length } = text;
  if (native && length > SHORT_CHARACTERS) return native.latin1Write.call(bytes, text, offset);
  for (let index = 0; index < length; index++) bytes[offset + index] = text.charCodeAt(index);
  return length;
}
