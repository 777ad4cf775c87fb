/** Long work cut into slices, between which everything else that waits has its turn. */

/**
 * The longest that a slice takes, in milliseconds: what a request waits for it, beside the step that goes over it.
 */
const SLICE_MS = 8;

/** One piece of work that is done in slices; a new one begins with the object. */
export class Slice {
  readonly #signal: AbortSignal | undefined;
  #end = performance.now() + SLICE_MS;

  /** The work ends between two slices once the signal aborts. Default: never. */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** True when others should have their turn now. */
  isSpent(): boolean {
    return performance.now() >= this.#end;
  }

  /** Resolves when all that waited has had its turn. Rejects with the signal's reason when it has aborted. */
  async next(): Promise<void> {
    // A timer, as promises alone would let nobody else run.
    await new Promise((done) => setTimeout(done, 0));
    this.#signal?.throwIfAborted();
    this.#end = performance.now() + SLICE_MS;
  }
}
