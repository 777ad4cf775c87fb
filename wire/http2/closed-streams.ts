/** The last streams that are over, and how they ended: what may still come for them differs (RFC 9113, 5.1). */

/** So many are remembered. */
const REMEMBERED = 256;

/** A ring of stream ids. */
export class ClosedStreams {
  readonly #ids = new Int32Array(REMEMBERED);
  readonly #resets = new Uint8Array(REMEMBERED);
  #next = 0;

  /** `wasReset`: we reset it, so the peer may not have known yet. */
  add(id: number, wasReset: boolean): void {
    this.#ids[this.#next] = id;
    this.#resets[this.#next] = wasReset ? 1 : 0;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  /** True when the last thing known of the stream is that we reset it. */
  wasReset(id: number): boolean {
    return this.#resets[this.#ids.lastIndexOf(id)] === 1;
  }
}
