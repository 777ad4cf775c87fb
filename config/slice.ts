/** Long work cut into slices, between which everything else that waits has its turn. */
import type { Steps } from '../router/steps.ts';

/**
 * The longest that a slice takes, in milliseconds: what a request waits for it, beside the step that goes over it. It may
 * wait for several: as it comes, and as its endpoint answers.
 */
const SLICE_MS = 0.25;
/** Others who take longer than this for their turn have something to do. */
const BUSY_MS = 0.2;
/** What they are given beyond it. */
const PAUSE_MS = 1;

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

/** What was to be done when {@link SlicedJobs.end} was called rejects with this. */
export class JobsEnded extends Error {
  constructor() {
    super('Cannot go on: what the work was for has been stopped');
  }
}

interface Job {
  readonly begin: () => Steps<unknown>;
  steps: Steps<unknown> | undefined;
  resolve(result: unknown): void;
  reject(reason: unknown): void;
}

/** Jobs that are done in slices, one after the other. */
export class SlicedJobs {
  readonly #jobs: Job[] = [];
  #isRunning = false;

  /**
   * Does the job once those before it are done; the first slice of it at once where there are none. Resolves with its
   * result, rejects with what it throws.
   */
  run<Result>(begin: () => Steps<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ begin, steps: undefined, resolve: resolve as Job['resolve'], reject });
      if (!this.#isRunning) this.#slice();
    });
  }

  /** Leaves what is not done. Jobs that come later are done. */
  end(): void {
    for (const { reject } of this.#jobs.splice(0)) reject(new JobsEnded());
  }

  #slice(): void {
    this.#isRunning = true;
    const end = performance.now() + SLICE_MS;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      if (this.#isDone(job)) {
        if (this.#jobs[0] === job) this.#jobs.shift();
      } else if (performance.now() >= end) {
        afterOthers(() => this.#slice());
        return;
      }
    }
    this.#isRunning = false;
  }

  /** One step. */
  #isDone(job: Job): boolean {
    try {
      job.steps ??= job.begin();
      const { done = false, value } = job.steps.next();
      if (done) job.resolve(value);
      return done;
    } catch (error) {
      job.reject(error);
      return true;
    }
  }
}

/** Runs it after all that is ready; where that is some work, a moment later, so that half of the time is left to others. */
function afterOthers(run: () => void): void {
  const begin = performance.now();
  immediately(() => {
    if (performance.now() - begin < BUSY_MS) run();
    else setTimeout(run, PAUSE_MS);
  });
}

/** A timer, where that is all there is, waits a millisecond or more, too. */
const immediately: (run: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (run) => void setTimeout(run, 0);
