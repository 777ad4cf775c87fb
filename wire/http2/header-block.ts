/** A header block that comes in several frames. Bounded in frames and bytes. Source: RFC 9113, 4.3; CERT VU#421644. */
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import type { Http2Limits } from './limit.ts';

/** At most one a connection: nothing else may come in between. */
export class HeaderBlock {
  isOpen = false;
  id = 0;
  hasEnded = false;
  startedMs = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  begin(id: number, hasEnded: boolean, nowMs: number): void {
    this.isOpen = true;
    this.id = id;
    this.hasEnded = hasEnded;
    this.startedMs = nowMs;
  }

  /** Throws an {@link Http2Error} for one piece or byte too many. */
  add(bytes: Uint8Array, start: number, end: number, limits: Http2Limits): void {
    this.#bytes += end - start;
    if (this.#pieces.length > limits.maxContinuations || this.#bytes > limits.maxHeaderBlockBytes)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'A header block that is too long');
    this.#pieces.push(bytes.subarray(start, end));
  }

  /** The whole block. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.isOpen = false;
    this.#pieces = [];
    this.#bytes = 0;
    return whole;
  }
}
