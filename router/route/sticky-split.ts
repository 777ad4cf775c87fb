/**
 * A split that a key of the request decides in place of chance, so that a user stays with a version. Each destination
 * draws a number for the key by a hash, which its weight makes larger, and the largest wins (weighted rendezvous
 * hashing). So of two destinations users move only from the one whose weight falls against the other's, and a new
 * version that grows against all others loses nobody. Imports table types.
 */
import { cookieOf } from '../table/cookie.ts';
import type { HeaderList } from '../table/request.ts';
import type { SplitKey, StickySplit, WeightedCluster } from '../table/route-table.ts';
import { firstHeader } from './header.ts';

/** The key of a request; undefined where it has none, and chance decides. */
export function splitKeyOf({ kind, name }: SplitKey, headers: HeaderList): string | undefined {
  return (kind === 'header' ? firstHeader(headers, name) : cookieOf(headers, name)) || undefined;
}

/** The index of the destination that a key falls on. */
export function pickSticky(
  destinations: readonly Pick<WeightedCluster, 'weight'>[],
  { seeds }: Pick<StickySplit, 'seeds'>,
  key: string,
): number {
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < destinations.length; index++) {
    const { weight } = destinations[index]!;
    // A number in (0, 1), to the power of one over the weight; its logarithm keeps small ones apart.
    const score = Math.log((hash32(key, seeds[index]!) + 0.5) / 2 ** 32) / weight;
    if (score <= bestScore) continue;
    best = index;
    bestScore = score;
  }
  return best;
}

/**
 * What tells destinations apart, whatever their order and weights: their clusters' names, and among those of one
 * cluster their places.
 */
export function seedsOf(destinations: readonly Pick<WeightedCluster, 'cluster'>[]): number[] {
  const seen = new Map<string, number>();
  return destinations.map(({ cluster }) => {
    const before = seen.get(cluster) ?? 0;
    seen.set(cluster, before + 1);
    return hash32(`${before} ${cluster}`, FNV_OFFSET);
  });
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a, whose bits MurmurHash3's last step mixes. 32 bits, the same on every runtime. */
function hash32(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
