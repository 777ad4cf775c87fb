/**
 * Finds a body in its framing: a length, chunks, or the end of the connection. Pieces are handed on where they
 * stand, without a copy; only of chunks so small that each would cost more than it holds several are made one piece.
 * Source: RFC 9112, 6 and 7.
 */
import type { FieldList } from '../stream.ts';
import { NO_FIELDS } from '../stream.ts';
import { viewOf } from '../view.ts';
import { FieldReader } from './field-reader.ts';
import type { Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';
import { CR, HEX, LF, SEMICOLON, SPACE, TAB, VALUE } from './octet.ts';

/** Where a reader stands. */
const AT = {
  /** No body, or behind it. */
  END: 0,
  /** In data of which so many bytes are known to remain. */
  LENGTH: 1,
  /** In data that goes on until the connection ends. */
  UNTIL_CLOSE: 2,
  /** Before a chunk's size, whose first digit has not come. */
  SIZE_START: 3,
  SIZE: 4,
  /** In space behind a size, where only an extension may follow. */
  SIZE_SPACE: 5,
  EXTENSION: 6,
  SIZE_LF: 7,
  DATA: 8,
  DATA_CR: 9,
  DATA_LF: 10,
  TRAILERS: 11,
} as const;

/** The largest size of a chunk has this many digits, so that it stays an exact number. */
const MAX_SIZE_DIGITS = 13;

/** Chunks below are joined with others of the same input. */
const SMALL_BYTES = 1024;
/** Pieces that are joined grow no larger. */
const JOINED_BYTES = 16 * 1024;

/** Reads bodies, one after the other. */
export class BodyReader {
  /** What {@link read} found: the next piece. Undefined: none. */
  piece: Uint8Array | undefined = undefined;
  readonly #limits: Http1Limits;
  #at: number = AT.END;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailers: FieldReader | undefined = undefined;
  /** What {@link piece} is, if it was joined, with room behind it. */
  #joined: Uint8Array | undefined = undefined;

  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  /** The body has been read to its end. */
  get isDone(): boolean {
    return this.#at === AT.END;
  }

  /** The body ends with the connection. */
  get endsWithConnection(): boolean {
    return this.#at === AT.UNTIL_CLOSE;
  }

  /** Trailers of the body that has ended. */
  get trailers(): FieldList {
    const fields = this.#trailers?.fields;
    return fields === undefined || fields.length === 0 ? NO_FIELDS : fields;
  }

  /** A body of so many bytes begins. */
  startLength(length: number): void {
    this.#at = length === 0 ? AT.END : AT.LENGTH;
    this.#remaining = length;
    this.#trailers = undefined;
  }

  /** A body in chunks begins. */
  startChunked(): void {
    this.#at = AT.SIZE_START;
    this.#extensionBytes = 0;
    this.#trailers = undefined;
  }

  /** A body begins that only the end of the connection ends. */
  startUntilClose(): void {
    this.#at = AT.UNTIL_CLOSE;
    this.#trailers = undefined;
  }

  /** Reads on to the end of the next {@link piece}, of the body or of the input, and returns where that is. Throws {@link MessageError}. */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.piece = undefined;
    this.#joined = undefined;
    let at = start;
    while (at < end) {
      switch (this.#at) {
        case AT.LENGTH:
        case AT.DATA: {
          const length = Math.min(end - at, this.#remaining);
          const isSmall = length < SMALL_BYTES && this.#at === AT.DATA;
          if (this.piece !== undefined && !(isSmall && this.piece.length + length <= JOINED_BYTES)) return at;
          const piece = at === 0 && length === bytes.length ? bytes : viewOf(bytes, at, at + length);
          if (this.piece === undefined) this.piece = piece;
          else this.#join(this.piece, piece, end - at);
          this.#remaining -= length;
          if (this.#remaining === 0) this.#at = this.#at === AT.LENGTH ? AT.END : AT.DATA_CR;
          at += length;
          if (!isSmall) return at;
          break;
        }
        case AT.UNTIL_CLOSE:
          this.piece = at === 0 && end === bytes.length ? bytes : viewOf(bytes, at, end);
          return end;
        case AT.TRAILERS: {
          if (this.piece !== undefined) return at;
          const trailers = this.#trailers!;
          at = trailers.read(bytes, at, end);
          if (trailers.isDone) {
            this.#at = AT.END;
            return at;
          }
          break;
        }
        case AT.END:
          return at;
        default:
          try {
            this.#framing(bytes[at]!);
          } catch (error) {
            // What came before is handed on, however the bytes were cut; the same is wrong the next time.
            if (this.piece !== undefined) return at;
            throw error;
          }
          at++;
      }
    }
    return at;
  }

  /** Puts what comes next behind the piece; at most so many bytes more come with this input. */
  #join(piece: Uint8Array, next: Uint8Array, most: number): void {
    let joined = this.#joined;
    if (joined === undefined) {
      joined = new Uint8Array(Math.min(JOINED_BYTES, piece.length + most));
      joined.set(piece);
      this.#joined = joined;
    }
    joined.set(next, piece.length);
    this.piece = joined.subarray(0, piece.length + next.length);
  }

  /** A byte between the data of chunks. */
  #framing(byte: number): void {
    switch (this.#at) {
      case AT.SIZE_START:
      case AT.SIZE: {
        const digit = HEX[byte]!;
        if (digit !== 255) {
          if (this.#at === AT.SIZE_START) {
            this.#at = AT.SIZE;
            this.#remaining = 0;
            this.#digits = 0;
          }
          if (++this.#digits > MAX_SIZE_DIGITS) throw new MessageError(400, 'Chunk size too large');
          this.#remaining = this.#remaining * 16 + digit;
          return;
        }
        if (this.#at === AT.SIZE_START) throw new MessageError(400, 'Chunk without a size');
        if (byte === CR) this.#at = AT.SIZE_LF;
        else if (byte === SEMICOLON) this.#at = AT.EXTENSION;
        else if (byte === SPACE || byte === TAB) this.#space();
        else throw new MessageError(400, 'Chunk size that is no hexadecimal number');
        return;
      }
      case AT.SIZE_SPACE:
        if (byte === SEMICOLON) this.#at = AT.EXTENSION;
        else if (byte === SPACE || byte === TAB) this.#space();
        else throw new MessageError(400, 'Chunk size followed by a space');
        return;
      case AT.EXTENSION:
        if (byte === CR) this.#at = AT.SIZE_LF;
        else if (VALUE[byte] === 0) throw new MessageError(400, 'Chunk extension with a control character');
        else this.#extension();
        return;
      case AT.SIZE_LF:
        if (byte !== LF) throw new MessageError(400, 'Chunk size without a line end');
        if (this.#remaining > 0) this.#at = AT.DATA;
        else {
          this.#at = AT.TRAILERS;
          this.#trailers = new FieldReader(this.#limits, false);
        }
        return;
      case AT.DATA_CR:
        if (byte !== CR) throw new MessageError(400, 'Chunk longer than its size');
        this.#at = AT.DATA_LF;
        return;
      default:
        if (byte !== LF) throw new MessageError(400, 'Chunk without a line end');
        this.#at = AT.SIZE_START;
    }
  }

  #space(): void {
    this.#at = AT.SIZE_SPACE;
    this.#extension();
  }

  #extension(): void {
    if (++this.#extensionBytes > this.#limits.maxChunkExtensionBytes) {
      throw new MessageError(400, 'Chunk extensions too long');
    }
  }
}
