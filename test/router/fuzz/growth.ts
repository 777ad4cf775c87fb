/**
 * Work that grows faster than its input. Time is compared with time on the same machine, and only a growth far from
 * linear counts.
 */
import assert from 'node:assert/strict';
import { collectGarbage } from './memory.ts';

/** One shape of input. */
export interface Family {
  readonly name: string;
  /** Makes an input of about so many bytes; what is returned does the work and may be called again. */
  make(size: number): () => unknown;
}

/** Of the smaller input to the larger. */
const FACTOR = 8;
/** Allowed growth of time: linear is 8, quadratic is 64. */
const ALLOWED = 40;
/** What takes less is measured too badly to be judged, and does no harm. */
const HARMLESS_MS = 150;

/** Throws where the work for `size` bytes is to that for an eighth of them as squares are, in each of `attempts`. */
export function growsLinearly({ name, make }: Family, size: number, attempts = 8): void {
  const large = make(size);
  const small = make(size / FACTOR);
  let largeMs = Number.POSITIVE_INFINITY;
  let smallMs = Number.POSITIVE_INFINITY;
  // Others use the machine, too: only the fastest run of many counts.
  for (let runs = 0; runs < attempts; runs++) {
    // What earlier inputs left behind is not this one's to clear away.
    if (runs > 0) collectGarbage?.();
    largeMs = Math.min(largeMs, time(large));
    if (largeMs < HARMLESS_MS) return;
    for (let times = 0; times < 3; times++) smallMs = Math.min(smallMs, time(small));
    if (largeMs < smallMs * ALLOWED) return;
  }
  const told = `${smallMs.toFixed(1)} ms for ${size / FACTOR} bytes, ${largeMs.toFixed(1)} ms for ${size}`;
  assert.fail(`The work for ${name} grows faster than its size: ${told}`);
}

/** Milliseconds of processor time, which others on the machine do not add to as they do to those of a clock. */
function time(action: () => unknown): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
