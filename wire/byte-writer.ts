/** Bytes on their way out: one growing buffer that engines write to and sockets empty. Imports how text is written. */
import { writeLatin1 } from './text.ts';
import { viewOf } from './view.ts';

/** Written at the end, taken from the start. */
export class ByteWriter {
  /** The buffer; bytes from {@link start} to {@link end} are waiting. Replaced as it grows: read it anew after `reserve`. */
  bytes: Uint8Array;
  start = 0;
  end = 0;
  readonly #initialBytes: number;

  constructor(initialBytes = 1024) {
    this.#initialBytes = initialBytes;
    this.bytes = new Uint8Array(initialBytes);
  }

  /** How many bytes wait. */
  get length(): number {
    return this.end - this.start;
  }

  /** Makes room for so many more bytes at {@link end}. Who writes there moves `end` itself. */
  reserve(count: number): void {
    const needed = this.end + count;
    if (needed <= this.bytes.length) return;
    const waiting = this.end - this.start;
    if (this.start >= waiting && waiting + count <= this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, waiting + count));
      grown.set(this.start === 0 && this.end === this.bytes.length ? this.bytes : this.view(), 0);
      this.bytes = grown;
    }
    this.start = 0;
    this.end = waiting;
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.end++] = value;
  }

  /** Appends bytes. */
  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Appends text, a byte for each character. */
  latin1(text: string): void {
    this.reserve(text.length);
    this.end += writeLatin1(this.bytes, text, this.end);
  }

  /** What waits, without a copy; good until the next write. */
  view(): Uint8Array {
    return viewOf(this.bytes, this.start, this.end);
  }

  /** So many bytes from the start have been sent. */
  shift(count: number): void {
    this.start += count;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
  }

  /** Gives the room back that an idle connection need not hold. */
  rest(): void {
    if (this.end === 0 && this.bytes.length > this.#initialBytes)
      this.bytes = new Uint8Array(this.#initialBytes);
  }

  /** Everything that waits, as a buffer that belongs to the caller. */
  take(): Uint8Array {
    const taken = this.view();
    this.bytes = new Uint8Array(this.#initialBytes);
    this.start = 0;
    this.end = 0;
    return taken;
  }
}
