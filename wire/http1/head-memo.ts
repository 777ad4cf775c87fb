/**
 * The last request of a connection by its bytes: clients that keep a connection often send the same head again,
 * which then need not be read. Imports the type of requests.
 */
import type { Request } from './request-reader.ts';

/** Longer heads are not kept. */
const MAX_BYTES = 2048;

/** After so many heads in a row that were not the one kept, nothing is kept on this connection. */
const MAX_MISSES = 8;

/** Keeps one head. */
export class HeadMemo {
  /** How many bytes the head has that {@link find} found. */
  length = 0;
  #bytes: Uint8Array | undefined = undefined;
  #request: Request | undefined = undefined;
  #lastLength = 0;
  #misses = 0;

  /** The request kept, if the bytes from `at` begin with its head. */
  find(bytes: Uint8Array, at: number): Request | undefined {
    const kept = this.#bytes;
    if (kept === undefined) return undefined;
    const { length } = this;
    if (at + length <= bytes.length) {
      let index = length - 1;
      // From the end: what differs from request to request tends to stand there.
      while (index >= 0 && kept[index] === bytes[at + index]) index--;
      if (index < 0) {
        this.#misses = 0;
        return this.#request;
      }
    }
    if (++this.#misses > MAX_MISSES) {
      this.#bytes = undefined;
      this.#request = undefined;
    }
    return undefined;
  }

  /** Keeps the request of a head when one of the same length has come before it. */
  keep(bytes: Uint8Array, start: number, end: number, request: Request): void {
    const length = end - start;
    if (this.#misses > MAX_MISSES || length > MAX_BYTES) return;
    if (length === this.#lastLength) {
      this.#bytes = bytes.slice(start, end);
      this.#request = request;
      this.length = length;
    }
    this.#lastLength = length;
  }
}
