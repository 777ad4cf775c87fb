/** Whether there is more to do than may be taken on. Imports nothing. */

/** Counted by the gateway and told by its listeners. */
export class Overload {
  /** Requests under way. */
  active = 0;
  /** The process has nearly all the memory that it may have. */
  isMemoryShort = false;
  readonly #maxRequests: number;

  /** `maxRequests` may be under way at a time. */
  constructor(maxRequests: number) {
    this.#maxRequests = maxRequests;
  }

  /** True: a new request is answered 503 at once. */
  get isOver(): boolean {
    return this.isMemoryShort || this.active >= this.#maxRequests;
  }
}
