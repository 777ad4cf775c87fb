/** How long to wait before the next try. Chance is an argument. Imports nothing. */

/** The longest interval is so many times the base. */
const MAX_FACTOR = 10;

/**
 * Milliseconds to wait before a retry, drawn from an interval that doubles each time: `retry` counts from 0. `draw`
 * returns a whole number in `[0, bound)`. With a base of 25 the waits are below 25, 50, 100, 200, 250, 250, …
 *
 * Source: Envoy `source/common/common/backoff_strategy.cc` (JitteredExponentialBackOffStrategy),
 * `source/common/router/retry_state_impl.cc`.
 */
export function backoffMs(retry: number, baseMs: number, draw: (bound: number) => number): number {
  const base = Math.max(1, baseMs);
  const interval = Math.min(base * 2 ** retry, base * MAX_FACTOR);
  return draw(Math.trunc(interval));
}
