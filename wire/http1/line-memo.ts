/**
 * The lines of the last head by their place in it: peers that keep a connection send most lines of a head as they
 * sent them before. One comparison then does in the place of reading. Imports the wire's types.
 */
import type { Field } from '../stream.ts';
import type { FieldName } from './field-cache.ts';

const MAX_LINES = 32;
const MAX_LINE_BYTES = 256;

/** A place whose line was another so many times in a row is given up: it has an id or a time. */
const MAX_MISSES = 4;

/** A line that was read. */
export interface KnownLine {
  /** With its line end. */
  readonly bytes: Uint8Array;
  readonly name: FieldName;
  readonly field: Field;
}

/** Keeps the lines of one peer. */
export class LineMemo {
  readonly #lines: (KnownLine | undefined)[] = [];
  readonly #misses: number[] = [];

  /** The line kept for this place, if the bytes from `at` are it. */
  find(place: number, bytes: Uint8Array, at: number, end: number): KnownLine | undefined {
    if (place >= this.#lines.length) return undefined;
    const line = this.#lines[place];
    if (line === undefined) return undefined;
    const known = line.bytes;
    const { length } = known;
    if (at + length > end) return undefined;
    for (let index = 0; index < length; index++) if (known[index] !== bytes[at + index]) return undefined;
    this.#misses[place] = 0;
    return line;
  }

  /** Keeps the line of these bytes, which {@link find} did not find. */
  keep(place: number, bytes: Uint8Array, start: number, end: number, name: FieldName, field: Field): void {
    if (place > this.#lines.length || place >= MAX_LINES || end - start > MAX_LINE_BYTES) return;
    const misses = (this.#misses[place] ?? 0) + 1;
    if (misses > MAX_MISSES + 1) return;
    this.#misses[place] = misses;
    this.#lines[place] = misses > MAX_MISSES ? undefined : { bytes: bytes.slice(start, end), name, field };
  }
}
