/** Long work cut into slices, between which everything else that waits has its turn. */

/**
 * The longest that a slice takes, in milliseconds: what a request waits for it, beside the step that goes over it.
 */
const SLICE_MS = 2;

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
    // Not a promise alone, which would let nobody else run.
    await new Promise<void>((done) => afterOthers(done));
    this.#signal?.throwIfAborted();
    this.#end = performance.now() + SLICE_MS;
  }
}

/** Runs it after all that is ready. A timer, where that is all there is, waits a millisecond or more, too. */
const afterOthers: (run: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (run) => void setTimeout(run, 0);
