/** Rates and percentiles of the last seconds, made of counts that only grow. Pure: time is an argument. */
import type { Counts } from '../traffic.ts';

/** What happened within a time. */
export interface Rate {
  readonly perSecond: number;
  /** Part of the requests that failed, 0 to 1; 0 without any. */
  readonly errorShare: number;
  /** Durations in milliseconds; undefined without a request. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
}

/** The counts of one thing at some times. */
export class Window {
  readonly #lengthMs: number;
  #samples: { readonly atMs: number; readonly counts: Counts }[] = [];

  /** Keeps what is younger than `lengthMs`, and one sample more. */
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Takes the counts at a time. Counts that have become smaller begin anew. */
  add(atMs: number, counts: Counts): void {
    const last = this.#samples.at(-1);
    if (last && last.counts.count > counts.count) this.#samples = [];
    this.#samples.push({ atMs, counts });
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - this.#lengthMs) this.#samples.shift();
  }

  /** Between the first and the last sample. */
  rate(boundsMs: readonly number[]): Rate {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || first === last) return { perSecond: 0, errorShare: 0 };
    return rateBetween(first, last, boundsMs);
  }
}

/** A {@link Window} for each of several things. */
export class WindowSet {
  readonly #lengthMs: number;
  #windows = new Map<string, Window>();
  /** When rates were asked for within the length, and once before. */
  #rounds: number[] = [];

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /**
   * The rates of the things whose counts are these, in their order. What is not among them is forgotten; what was not
   * among those of the times before had nothing to count by then.
   */
  rates(
    atMs: number,
    all: readonly { readonly key: string; readonly counts: Counts }[],
    boundsMs: readonly number[],
  ): Rate[] {
    const before = this.#windows;
    const [firstMs] = this.#rounds;
    this.#windows = new Map();
    this.#rounds.push(atMs);
    while (this.#rounds.length > 2 && this.#rounds[1]! <= atMs - this.#lengthMs) this.#rounds.shift();
    return all.map(({ key, counts }) => {
      let window = before.get(key);
      if (!window) {
        window = new Window(this.#lengthMs);
        if (firstMs !== undefined) window.add(firstMs, { count: 0, errors: 0, buckets: [] });
      }
      this.#windows.set(key, window);
      window.add(atMs, counts);
      return window.rate(boundsMs);
    });
  }
}

function rateBetween(
  from: { readonly atMs: number; readonly counts: Counts },
  to: { readonly atMs: number; readonly counts: Counts },
  boundsMs: readonly number[],
): Rate {
  const count = to.counts.count - from.counts.count;
  const seconds = (to.atMs - from.atMs) / 1000;
  if (count === 0 || seconds <= 0) return { perSecond: 0, errorShare: 0 };
  const buckets = to.counts.buckets.map((value, index) => value - (from.counts.buckets[index] ?? 0));
  return {
    perSecond: count / seconds,
    errorShare: (to.counts.errors - from.counts.errors) / count,
    p50: quantile(buckets, boundsMs, 0.5),
    p95: quantile(buckets, boundsMs, 0.95),
    p99: quantile(buckets, boundsMs, 0.99),
  };
}

/** Within its bucket a value is taken to lie evenly, as Prometheus' `histogram_quantile` does. */
export function quantile(buckets: readonly number[], boundsMs: readonly number[], share: number): number {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  const rank = share * total;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    const upper = boundsMs[index];
    if (upper === undefined) break;
    if (count > 0 && below + count >= rank) {
      const lower = boundsMs[index - 1] ?? 0;
      return lower + (upper - lower) * ((rank - below) / count);
    }
    below += count;
  }
  return boundsMs.at(-1) ?? 0;
}

/** The sum of some counts. */
export function sumOf(all: readonly Counts[]): Counts {
  const buckets: number[] = [];
  let count = 0;
  let errors = 0;
  for (const each of all) {
    count += each.count;
    errors += each.errors;
    for (const [index, value] of each.buckets.entries()) buckets[index] = (buckets[index] ?? 0) + value;
  }
  return { count, errors, buckets };
}
