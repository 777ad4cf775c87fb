/** A rule's timeout. Imports nothing. */

/** A timer that runs once it is started. */
export interface Deadline {
  /** Aborts when the time is up. */
  readonly signal: AbortSignal;
  /** Without effect when it is running or has been stopped. */
  start(): void;
  stop(): void;
}

/**
 * A deadline so many milliseconds after its start; 0 is none. Envoy starts it when it has the whole request, so
 * a slow upload or a long stream of requests is not cut short by it.
 *
 * Source: Envoy `source/common/router/router.cc` (Filter::onRequestComplete).
 */
export function createDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = timeoutMs <= 0;
  return {
    signal: controller.signal,
    start() {
      if (over || timer !== undefined) return;
      timer = setTimeout(
        () => controller.abort(new DeadlineError(timeoutMs)),
        Math.min(timeoutMs, MAX_TIMER_MS),
      );
    },
    stop() {
      over = true;
      clearTimeout(timer);
    },
  };
}

/** Timers beyond fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The time was up. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`No whole answer within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}
