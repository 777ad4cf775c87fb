/** Time as the policies see it, so that a test can move it. Imports nothing. */

/** A timer that was set. */
export type Timer = unknown;

/** Time and timers. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls `fire` with the subject once, after so many milliseconds. */
  set<T>(delayMs: number, fire: (subject: T) => void, subject: T): Timer;
  /** A timer that is not to fire any more. */
  clear(timer: Timer): void;
}

/** Timers beyond fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The runtime's own. */
export const systemClock: Clock = {
  now: () => performance.now(),
  set: (delayMs, fire, subject) => setTimeout(fire, Math.min(delayMs, MAX_TIMER_MS), subject),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
