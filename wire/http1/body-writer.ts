/**
 * Writes a body in its framing: as long as was said, in chunks, or until the connection ends. What would not fit the
 * framing never leaves: a body of another length than was said would be taken for the next message.
 */
import type { ByteWriter } from '../byte-writer.ts';
import type { FieldList } from '../stream.ts';
import { LINE, writeTrailers } from './head-writer.ts';
import { CR, LF } from './octet.ts';

const HEX_DIGITS = new TextEncoder().encode('0123456789abcdef');

/** How a body ends. */
export const BODY = {
  /** Nothing is written: the message has no body. */
  NONE: 0,
  LENGTH: 1,
  CHUNKED: 2,
  /** With the connection; bytes as they are, as in a tunnel. */
  RAW: 3,
} as const;

/** Writes one body after the other. */
export class BodyWriter {
  /** Bytes given to {@link write} that have not left. */
  unsent = 0;
  readonly #out: ByteWriter;
  #kind: number = BODY.NONE;
  #remaining = 0;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** A body begins; `length` is that of {@link BODY}.LENGTH. */
  start(kind: number, length: number): void {
    this.#kind = kind;
    this.#remaining = length;
  }

  /** The body ends with the connection. */
  get endsWithConnection(): boolean {
    return this.#kind === BODY.RAW;
  }

  /** Writes a piece. False: it is more than was said, and none of it was written. */
  write(chunk: Uint8Array): boolean {
    const { length } = chunk;
    if (length === 0) return true;
    const out = this.#out;
    switch (this.#kind) {
      case BODY.LENGTH:
        if (length > this.#remaining) return false;
        this.#remaining -= length;
        break;
      case BODY.CHUNKED:
        out.reserve(length + 18);
        writeSize(out, length);
        break;
      default:
    }
    this.unsent += length;
    if (this.#kind === BODY.NONE) return true;
    out.append(chunk);
    if (this.#kind === BODY.CHUNKED) out.append(LINE.END);
    return true;
  }

  /** Ends the body. False: less was written than was said, or a trailer cannot be sent; it has no end then. */
  end(trailers: FieldList): boolean {
    if (this.#kind === BODY.LENGTH) return this.#remaining === 0;
    if (this.#kind !== BODY.CHUNKED) return true;
    const before = this.#out.length;
    this.#out.append(LINE.LAST_CHUNK);
    if (writeTrailers(this.#out, trailers)) return true;
    this.#out.end = this.#out.start + before;
    return false;
  }

  /** How many of the bytes written have left since this was asked last. */
  takeSent(): number {
    const waiting = this.#out.length;
    if (this.unsent <= waiting) return 0;
    const sent = this.unsent - waiting;
    this.unsent = waiting;
    return sent;
  }
}

/** Writes a chunk's size and its line end; there is room. */
function writeSize(out: ByteWriter, size: number): void {
  const { bytes } = out;
  let digits = 1;
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 16)) digits++;
  let at = out.end + digits;
  out.end = at + 2;
  bytes[at] = CR;
  bytes[at + 1] = LF;
  let rest = size;
  for (let index = 0; index < digits; index++) {
    bytes[--at] = HEX_DIGITS[rest & 15]!;
    rest = rest >>> 4;
  }
}
