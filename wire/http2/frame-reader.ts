/**
 * Finds frames in bytes that come in pieces of any size. A frame that is whole in its piece is handed on where it
 * stands; only one that goes on in the next piece is copied. Source: RFC 9113, 3.4 and 4.1.
 */
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import { FRAME, FRAME_BYTES, FRAME_HEADER_BYTES } from './frame.ts';

/** Room for the header of a frame whose size is not known, and for a small frame behind it. */
const FIRST_BYTES = FRAME_HEADER_BYTES + 15;

/** Who takes the frames. */
export interface FrameTaker {
  /** False: frames that have come may not be taken now, or never again. */
  readonly takesFrames: boolean;
  /** The first bytes of the peer's, where it has a preface; returns how many were taken, -1 for too few so far. */
  preface(bytes: Uint8Array): number;
  /** A whole frame, with its header at `at` and so many bytes behind that. */
  frame(bytes: Uint8Array, at: number, size: number): void;
}

/** Reads what one peer sends. */
export class FrameReader {
  readonly #taker: FrameTaker;
  #hasPreface = false;
  /** The frame, or preface, of which only a part has come. */
  #partial: Uint8Array | undefined;
  #partialBytes = 0;
  /** When it was begun. */
  #partialSinceMs = 0;

  constructor(taker: FrameTaker) {
    this.#taker = taker;
  }

  /** Reads on. Returns how many of the bytes were read: all, unless the taker takes no more. Throws {@link Http2Error}. */
  read(bytes: Uint8Array, nowMs: number): number {
    const taker = this.#taker;
    if (!this.#hasPreface) return this.#readPreface(bytes, nowMs);
    let at = this.#partial === undefined ? 0 : this.#complete(this.#partial, bytes);
    const { length } = bytes;
    while (taker.takesFrames && length - at >= FRAME_HEADER_BYTES) {
      const size = sizeOfFrame(bytes, at);
      const next = at + FRAME_HEADER_BYTES + size;
      if (next > length) break;
      taker.frame(bytes, at, size);
      at = next;
    }
    if (at === length || !taker.takesFrames) return at;
    this.#keep(bytes, at, nowMs);
    return length;
  }

  /** Whether a frame has been on its way for so long. DATA may take as long as its stream may; anything else is small, and said in one breath. */
  isLate(nowMs: number, limitMs: number): boolean {
    const partial = this.#partial;
    if (partial === undefined || nowMs - this.#partialSinceMs < limitMs) return false;
    return this.#partialBytes < FRAME_HEADER_BYTES || partial[3] !== FRAME.DATA;
  }

  #readPreface(chunk: Uint8Array, nowMs: number): number {
    const kept = this.#partial;
    let bytes = chunk;
    if (kept !== undefined) {
      bytes = new Uint8Array(this.#partialBytes + chunk.length);
      bytes.set(kept.subarray(0, this.#partialBytes));
      bytes.set(chunk, this.#partialBytes);
      this.#partial = undefined;
    }
    const taken = this.#taker.preface(bytes);
    if (taken === -1) {
      this.#partial = bytes;
      this.#partialBytes = bytes.length;
      this.#partialSinceMs = nowMs;
      return chunk.length;
    }
    this.#hasPreface = true;
    const before = bytes.length - chunk.length;
    return taken - before + this.read(bytes.subarray(taken), nowMs);
  }

  /** Keeps the start of a frame, with room for the whole of it once its size is known. */
  #keep(bytes: Uint8Array, at: number, nowMs: number): void {
    const count = bytes.length - at;
    const size = count >= 3 ? FRAME_HEADER_BYTES + sizeOfFrame(bytes, at) : FIRST_BYTES;
    const partial = new Uint8Array(Math.max(size, count));
    partial.set(at === 0 ? bytes : bytes.subarray(at));
    this.#partial = partial;
    this.#partialBytes = count;
    this.#partialSinceMs = nowMs;
  }

  /** Goes on with the frame that was begun; returns how many bytes of the chunk are its. */
  #complete(partial: Uint8Array, chunk: Uint8Array): number {
    let frame = partial;
    let count = this.#partialBytes;
    let at = 0;
    if (count < FRAME_HEADER_BYTES) {
      at = Math.min(FRAME_HEADER_BYTES - count, chunk.length);
      frame.set(chunk.subarray(0, at), count);
      count += at;
      this.#partialBytes = count;
      if (count < FRAME_HEADER_BYTES) return at;
    }
    const size = sizeOfFrame(frame, 0);
    const whole = FRAME_HEADER_BYTES + size;
    if (frame.length < whole) {
      frame = new Uint8Array(whole);
      frame.set(partial.subarray(0, count));
      this.#partial = frame;
    }
    const more = Math.min(whole - count, chunk.length - at);
    frame.set(chunk.subarray(at, at + more), count);
    this.#partialBytes = count + more;
    if (count + more === whole) {
      this.#partial = undefined;
      this.#taker.frame(frame, 0, size);
    }
    return at + more;
  }
}

/** The size of a frame's payload, by its first three bytes. */
function sizeOfFrame(bytes: Uint8Array, at: number): number {
  const size = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  if (size > FRAME_BYTES) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, `A frame of ${size} bytes`);
  return size;
}
