/** A part of bytes without a copy. Imports nothing. */

/**
 * What `bytes.subarray(start, end)` is, as a plain Uint8Array. On Node a subarray costs four times as much, of a Buffer
 * as of a Uint8Array: it asks for the species of what it is called on.
 */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (end - start < 256) {
    const copy = new Uint8Array(end - start);
    for (let at = start; at < end; at++) copy[at - start] = bytes[at]!;
    return copy;
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}
