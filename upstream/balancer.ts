/** How one of several endpoints is picked. Chance is an argument. Imports the table's types. */
import type { LoadBalancer } from '../router/table/cluster.ts';

/** What a balancer looks at. */
export interface Candidate {
  readonly weight: number;
  /** Exchanges under way. */
  readonly active: number;
}

/** Picks from the candidates it was made for; undefined when there is none. */
export type Balancer<T extends Candidate> = () => T | undefined;

/**
 * A balancer of the given kind. Those not carried out yet (consistent hashing, the original destination) take
 * turns instead. `chance` returns a number in [0, 1).
 *
 * Source: Envoy `docs/root/intro/arch_overview/upstream/load_balancing/load_balancers.rst`.
 */
export function createBalancer<T extends Candidate>(
  kind: LoadBalancer['kind'],
  candidates: readonly T[],
  chance: () => number,
): Balancer<T> {
  if (candidates.length <= 1) return () => candidates[0];
  const isWeighted = candidates.some(({ weight }) => weight !== candidates[0]!.weight);
  switch (kind) {
    case 'RANDOM':
      return weightedRandom(candidates, chance);
    case 'LEAST_REQUEST':
      return isWeighted
        ? smoothRoundRobin(candidates, ({ weight, active }) => weight / (active + 1), chance)
        : lesserOfTwo(candidates, chance);
    default:
      return smoothRoundRobin(candidates, ({ weight }) => weight, chance);
  }
}

function weightedRandom<T extends Candidate>(candidates: readonly T[], chance: () => number): Balancer<T> {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = chance() * total;
    for (const each of candidates) {
      left -= each.weight;
      if (left < 0) return each;
    }
    return candidates.at(-1);
  };
}

/** The one with fewer exchanges of two drawn at random, as Envoy does for equal weights. */
function lesserOfTwo<T extends Candidate>(candidates: readonly T[], chance: () => number): Balancer<T> {
  const draw = (): T => candidates[Math.floor(chance() * candidates.length)]!;
  return () => {
    const first = draw();
    const second = draw();
    return second.active < first.active ? second : first;
  };
}

/** Takes turns, spread evenly by weight, beginning anywhere so that many gateways do not march in step. */
function smoothRoundRobin<T extends Candidate>(
  candidates: readonly T[],
  weightOf: (candidate: T) => number,
  chance: () => number,
): Balancer<T> {
  const credit = candidates.map((each) => chance() * weightOf(each));
  return () => {
    let total = 0;
    let best = 0;
    for (const [index, each] of candidates.entries()) {
      const weight = weightOf(each);
      total += weight;
      credit[index]! += weight;
      if (credit[index]! > credit[best]!) best = index;
    }
    credit[best]! -= total;
    return candidates[best];
  };
}
