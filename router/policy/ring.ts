/** Ring hash as Envoy builds it: many places for each endpoint, a request goes to the next one. Imports xxHash64. */
import { Hash64, xxHash64Text } from './xxhash64.ts';

/** Envoy's `maximum_ring_size`. */
const MAX_SIZE = 8 * 1024 * 1024;

/** A table of endpoints, known by their index, that a hash is looked up in. */
export interface HashTable {
  /**
   * Index of the endpoint for a hash. Further attempts lead elsewhere, though not always to another endpoint.
   * Takes the halves of the hash.
   */
  find(high: number, low: number, attempt: number): number;
}

/**
 * Builds the ring of at least `minimumSize` places of endpoints with these keys (`10.0.0.1:8080`) and weights, in
 * this order; there has to be at least one. An endpoint's places are the hashes of `KEY_0`, `KEY_1`, …
 *
 * Source: Envoy `source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc` (Ring).
 */
export function buildRing(
  keys: readonly string[],
  weights: readonly number[],
  minimumSize: number,
): HashTable {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = weights.map((weight) => weight / sum);
  const least = shares.reduce((low, share) => Math.min(low, share), 1);
  const scale = Math.min(Math.ceil(least * minimumSize) / least, MAX_SIZE);
  const room = Math.ceil(scale) + 1;
  let highs = new Uint32Array(room);
  let lows = new Uint32Array(room);
  let owners = new Uint32Array(room);
  const hash = new Hash64();
  let size = 0;
  let target = 0;
  for (const [owner, key] of keys.entries()) {
    target += scale * shares[owner]!;
    for (let place = 0; size < target; place++, size++) {
      xxHash64Text(`${key}_${place}`, hash);
      highs[size] = hash.high;
      lows[size] = hash.low;
      owners[size] = owner;
    }
  }
  const order = new Uint32Array(size).map((_, index) => index);
  const [unsortedHighs, unsortedLows, unsortedOwners] = [highs, lows, owners];
  order.sort((a, b) => unsortedHighs[a]! - unsortedHighs[b]! || unsortedLows[a]! - unsortedLows[b]!);
  highs = order.map((index) => unsortedHighs[index]!);
  lows = order.map((index) => unsortedLows[index]!);
  owners = order.map((index) => unsortedOwners[index]!);
  return {
    find(high, low, attempt) {
      // The first place that is not before the hash, or the first of all.
      let from = 0;
      let to = size;
      while (from < to) {
        const middle = (from + to) >>> 1;
        const at = highs[middle]!;
        if (at < high || (at === high && lows[middle]! < low)) from = middle + 1;
        else to = middle;
      }
      const place = from === size ? 0 : from;
      return owners[attempt === 0 ? place : (place + attempt) % size]!;
    },
  };
}
