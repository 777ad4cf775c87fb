/** Chance that can be had again: the same seed gives the same draws on every runtime. Imports nothing. */

/** Draws from one stream. */
export interface Chance {
  /** A number in `[0, 1)`. */
  next(): number;
  /** A whole number in `[0, bound)`. */
  below(bound: number): number;
}

/** The stream of a seed: sfc32 by Chris Doty-Humphrey, 128 bits of state, from PractRand. */
export function createChance(seed: number): Chance {
  let [a, b, c, counter] = [seed >>> 0, Math.trunc(seed / 2 ** 32) >>> 0, 0x9e3779b9, 1];
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // The first draws still look like the seed.
  for (let round = 0; round < 16; round++) next32();
  return {
    next: () => next32() / 2 ** 32,
    below: (bound) => Math.floor((next32() / 2 ** 32) * bound),
  };
}
