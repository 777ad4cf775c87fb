/** Draws from a seed: the same seed, the same choices. Imports nothing. */

/** A source of choices. */
export interface Draw {
  /** True in so many of one cases. */
  chance(probability: number): boolean;
  /** A whole number below `count`. */
  below(count: number): number;
  pick<T>(from: readonly T[]): T;
  /** Up to `most` different ones. */
  some<T>(from: readonly T[], most: number): T[];
  /** A field with a value, or nothing to spread. */
  maybe<T>(probability: number, name: string, value: () => T): Record<string, T>;
}

/** Mulberry32. */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  return {
    below,
    pick,
    chance: (probability) => next() < probability,
    some: (from, most) => [...new Set(Array.from({ length: below(most + 1) }, () => pick(from)))],
    maybe: (probability, name, value) => (next() < probability ? { [name]: value() } : {}),
  };
}
