/**
 * Messages of gRPC, gRPC-Web and Connect's streams as they lie in a body: a byte of flags, four of length, the
 * message. Imports nothing.
 *
 * Source: gRPC over HTTP/2 (Length-Prefixed-Message), Connect protocol (Enveloped-Message).
 */

/** Bytes before each message. */
export const ENVELOPE_HEAD_BYTES = 5;
/** The flag of a message that is compressed as the encoding header says. */
export const COMPRESSED_FLAG = 0x01;

/** What is wrong with a body. */
export type EnvelopeErrorKind =
  /** A message says that it is longer than the limit. */
  | 'too-large'
  /** A message is compressed, and no header said how. */
  | 'compressed-without-encoding'
  /** The body ended within a message. */
  | 'incomplete';

/** A body that is no row of envelopes, or has one that is not allowed. */
export class EnvelopeError extends Error {
  readonly kind: EnvelopeErrorKind;

  constructor(kind: EnvelopeErrorKind, message: string) {
    super(message);
    this.name = 'EnvelopeError';
    this.kind = kind;
  }
}

/** Told of each message. */
export interface EnvelopeSink {
  /** A whole message. It may be a part of the chunk that it came in, or the chunk itself. */
  envelope(flags: number, message: Uint8Array): void;
}

/** What a parser lets pass. */
export interface EnvelopeOptions {
  /** Longest message in bytes, as it is in the body. Default: what four bytes of length can say. */
  readonly maxMessageBytes?: number;
  /** True: a header named an encoding, so that messages may be compressed. Default false. */
  readonly hasEncoding?: boolean;
}

/**
 * Finds the messages in a body that comes in pieces. A message within one piece is handed on without a copy; of one
 * in several no more is held than has come, whatever length it claims.
 */
export class EnvelopeParser {
  readonly #sink: EnvelopeSink;
  readonly #maxMessageBytes: number;
  readonly #hasEncoding: boolean;
  /** Bytes of the head that have come; 5 within a message. */
  #headBytes = 0;
  #flags = 0;
  #length = 0;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(
    sink: EnvelopeSink,
    { maxMessageBytes = 0xffffffff, hasEncoding = false }: EnvelopeOptions = {},
  ) {
    this.#sink = sink;
    this.#maxMessageBytes = maxMessageBytes;
    this.#hasEncoding = hasEncoding;
  }

  /** Takes the next piece, which must not be changed afterwards. Throws EnvelopeError, after which nothing may follow. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (true) {
      while (this.#headBytes < ENVELOPE_HEAD_BYTES) {
        if (at === chunk.length) return;
        this.#head(chunk[at++]!);
      }
      const missing = this.#length - this.#heldBytes;
      const end = at + missing;
      if (end > chunk.length) {
        if (at < chunk.length) {
          this.#pieces.push(at === 0 ? chunk : chunk.subarray(at));
          this.#heldBytes += chunk.length - at;
        }
        return;
      }
      const piece = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end);
      at = end;
      const message = this.#heldBytes === 0 ? piece : this.#join(piece);
      this.#headBytes = 0;
      this.#sink.envelope(this.#flags, message);
    }
  }

  /** The body has ended. Throws EnvelopeError when a message is not whole. */
  end(): void {
    if (this.#headBytes === 0) return;
    const missing =
      this.#headBytes < ENVELOPE_HEAD_BYTES
        ? `${this.#headBytes} of ${ENVELOPE_HEAD_BYTES} bytes of an envelope's head`
        : `${this.#heldBytes} of ${this.#length} bytes of a message`;
    throw new EnvelopeError('incomplete', `The body ended after ${missing}`);
  }

  #head(byte: number): void {
    if (this.#headBytes++ === 0) {
      this.#flags = byte;
      this.#length = 0;
      return;
    }
    this.#length = this.#length * 256 + byte;
    if (this.#headBytes < ENVELOPE_HEAD_BYTES) return;
    if (this.#length > this.#maxMessageBytes)
      throw new EnvelopeError(
        'too-large',
        `A message of ${this.#length} bytes is larger than the limit of ${this.#maxMessageBytes}`,
      );
    if ((this.#flags & COMPRESSED_FLAG) !== 0 && !this.#hasEncoding)
      throw new EnvelopeError(
        'compressed-without-encoding',
        'A message is compressed, and no header says how',
      );
  }

  #join(last: Uint8Array): Uint8Array {
    const message = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    message.set(last, at);
    this.#pieces = [];
    this.#heldBytes = 0;
    return message;
  }
}

/** A message in its envelope. */
export function encodeEnvelope(flags: number, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ENVELOPE_HEAD_BYTES + message.length);
  writeEnvelopeHead(bytes, 0, flags, message.length);
  bytes.set(message, ENVELOPE_HEAD_BYTES);
  return bytes;
}

/** Writes flags and length at `offset`, where five bytes must be free. */
export function writeEnvelopeHead(bytes: Uint8Array, offset: number, flags: number, length: number): void {
  bytes[offset] = flags;
  bytes[offset + 1] = length >>> 24;
  bytes[offset + 2] = length >>> 16;
  bytes[offset + 3] = length >>> 8;
  bytes[offset + 4] = length;
}

/** The length in the envelope's head at `offset`, all five bytes of which must be there. */
export function readEnvelopeLength(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 1]! << 24) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 8) |
      bytes[offset + 4]!) >>>
    0
  );
}
