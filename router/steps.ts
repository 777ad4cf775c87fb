/** Long work that can be left and taken up again, so that whoever does it may give others their turn. Imports nothing. */

/** Work that stops for a moment at each `yield`, most often some microseconds after the one before. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Where one turn of a loop takes less than a microsecond or so, it stops after so many. */
export const TURNS = 32;

/** Does all of it at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
