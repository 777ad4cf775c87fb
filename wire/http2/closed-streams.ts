/** The last streams that are over, and how they ended: what may still come for them differs (RFC 9113, 5.1). */

/** At least so many are remembered. */
const REMEMBERED = 256;

/** A ring of stream ids. */
export class ClosedStreams {
  readonly #ids: Int32Array;
  readonly #resets: Uint8Array;
  #next = 0;

  /** Of a connection with so many streams at a time, all those that can be over within a round trip. */
  constructor(maxConcurrentStreams: number) {
    const count = Math.min(Math.max(REMEMBERED, 2 * maxConcurrentStreams), 65_536);
    this.#ids = new Int32Array(count);
    this.#resets = new Uint8Array(count);
  }

  /** `wasReset`: we reset it, so the peer may not have known yet. */
  add(id: number, wasReset: boolean): void {
    this.#ids[this.#next] = id;
    this.#resets[this.#next] = wasReset ? 1 : 0;
    this.#next = (this.#next + 1) % this.#ids.length;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  /** True when the last thing known of the stream is that we reset it. */
  wasReset(id: number): boolean {
    // What was added last counts: before `next`, else at the far end.
    const before = this.#next === 0 ? -1 : this.#ids.lastIndexOf(id, this.#next - 1);
    return this.#resets[before === -1 ? this.#ids.lastIndexOf(id) : before] === 1;
  }
}
