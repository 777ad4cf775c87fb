/** Maglev's table as Envoy builds it: every endpoint takes places in turn, in an order of its own. Imports xxHash64. */
import type { HashTable } from './ring.ts';
import { Hash64, xxHash64Text } from './xxhash64.ts';

const TWO_TO_32 = 2 ** 32;

/** The remainder of 64 bits; `by` is below 2^26. */
function remainder({ high, low }: { readonly high: number; readonly low: number }, by: number): number {
  return ((high % by) * (TWO_TO_32 % by) + low) % by;
}

/**
 * Builds the table of exactly `size` places, which is prime, of endpoints with these keys (`10.0.0.1:8080`) and
 * weights; there has to be at least one. Throws a RangeError for a size that is not prime: it could not be filled.
 *
 * Source: Envoy `source/extensions/load_balancing_policies/maglev/maglev_lb.cc` (MaglevTable).
 */
export function buildMaglev(keys: readonly string[], weights: readonly number[], size: number): HashTable {
  if (!isPrime(size))
    throw new RangeError(`Cannot build a Maglev table of ${size} places: not a prime number`);
  const count = keys.length;
  const order = keys.map((_, index) => index).sort((a, b) => compare(keys[a]!, keys[b]!));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = Float64Array.from(order, (owner) => weights[owner]! / sum);
  const greatest = shares.reduce((high, share) => Math.max(high, share), 0);
  const targets = new Float64Array(count);
  /** Where each endpoint looks next, and how far it steps. */
  const next = new Uint32Array(count);
  const steps = new Uint32Array(count);
  const hash = new Hash64();
  for (const [index, owner] of order.entries()) {
    xxHash64Text(keys[owner]!, hash);
    next[index] = remainder(hash, size);
    xxHash64Text(keys[owner]!, hash, 0, 1);
    steps[index] = remainder(hash, size - 1) + 1;
  }
  // 0 is a free place.
  const places = count < 0xffff ? new Uint16Array(size) : new Uint32Array(size);
  let filled = 0;
  for (let iteration = 1; filled < size; iteration++) {
    for (let index = 0; index < count && filled < size; index++) {
      if (iteration * shares[index]! < targets[index]!) continue;
      targets[index] = targets[index]! + greatest;
      const step = steps[index]!;
      let place = next[index]!;
      while (places[place] !== 0) {
        place += step;
        if (place >= size) place -= size;
      }
      places[place] = order[index]! + 1;
      place += step;
      next[index] = place >= size ? place - size : place;
      filled++;
    }
  }
  return {
    find(high, low, attempt) {
      let mixedHigh = high;
      let mixedLow = low;
      if (attempt > 0) {
        mixedHigh = ~high >>> 0;
        mixedLow = (low ^ -attempt) >>> 0;
      }
      return places[((mixedHigh % size) * (TWO_TO_32 % size) + mixedLow) % size]! - 1;
    },
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
