/**
 * Endpoints of several priorities and localities: which of them a request is for, before one of those is picked. As Envoy
 * does: the first priority takes all for as long as enough of it is well, and with locality weights each locality takes its
 * share. Imports the table's types and the balancers.
 *
 * Source: Envoy `source/extensions/load_balancing_policies/common/load_balancer_impl.cc` (recalculatePerPriorityState,
 * recalculatePerPriorityPanic, recalculateLoadInTotalPanic, choosePriority), `source/common/upstream/upstream_impl.cc`
 * (effectiveLocalityWeight), `.../common/thread_aware_lb_impl.cc` (normalizeLocalityWeights).
 */
import type { EndpointPlace, LoadBalancer } from '../table/cluster.ts';
import { type Balancer, type BalancerOptions, type Candidate, createBalancer } from './balancer.ts';
import { Schedule } from './schedule.ts';

/** What is looked at before an endpoint is picked. */
export interface SpreadCandidate extends Candidate {
  /** It takes no requests for now. */
  readonly isEjected: boolean;
  /** Absent: of the first priority, and of no locality. */
  readonly place?: EndpointPlace | undefined;
}

/** See the fields. */
export interface SpreadOptions extends BalancerOptions {
  readonly policy: LoadBalancer;
  /** Localities take shares by their weights; else they are not told apart. */
  readonly isLocalityWeighted: boolean;
  /** With a smaller share of well endpoints all of a priority are asked, in percent. */
  readonly panicPercent: number;
}

/** A candidate with another weight. */
interface Weighted<T> extends Candidate {
  readonly candidate: T;
}

/** One priority. */
interface Level<T> {
  /** Percent of the requests. */
  load: number;
  pick(hash: bigint | undefined, attempt: number): T | undefined;
}

interface Group<T> {
  readonly priority: number;
  readonly all: readonly T[];
  readonly well: readonly T[];
  /** 0 to 100. */
  readonly health: number;
}

/** True where a balancer of its own would pick otherwise than one that is given the well endpoints alone. */
export function isSpread(
  places: readonly (EndpointPlace | undefined)[],
  isLocalityWeighted: boolean,
): boolean {
  const localities = new Set(places.map((place) => place?.locality));
  if (isLocalityWeighted && localities.size > 1) return true;
  return places.some((place) => place !== undefined && (place.priority > 0 || place.isDown === true));
}

/** Picks among the candidates that it was given last, the ejected ones included. */
export class SpreadBalancer<T extends SpreadCandidate> implements Balancer<T> {
  readonly #options: SpreadOptions;
  readonly #isHashing: boolean;
  /** Balancers go on where they were, by what they choose from. */
  readonly #inner = new Map<string, Balancer<Candidate>>();
  #levels: readonly Level<T>[] = [];

  constructor(options: SpreadOptions) {
    this.#options = options;
    this.#isHashing = options.policy.kind === 'RING_HASH' || options.policy.kind === 'MAGLEV';
  }

  pick(hash: bigint | undefined, attempt: number): T | undefined {
    const draw =
      this.#isHashing && hash !== undefined ? Number(hash % 100n) : Math.floor(this.#options.chance() * 100);
    let sum = 0;
    for (const level of this.#levels) {
      sum += level.load;
      if (draw < sum) return level.pick(hash, attempt);
    }
    return undefined;
  }

  update(candidates: readonly T[]): void {
    const byPriority = Map.groupBy(candidates, ({ place }) => place?.priority ?? 0);
    const groups = [...byPriority].sort(([a], [b]) => a - b).map(([priority, all]) => groupOf(priority, all));
    const { panicPercent } = this.#options;
    const health = Math.min(
      100,
      groups.reduce((sum, each) => sum + each.health, 0),
    );
    const inPanic = groups.map(
      ({ all, well }) => health < 100 && (100 * well.length) / all.length < panicPercent,
    );
    const loads = inPanic.every(Boolean)
      ? shares(groups.map(({ all }) => (100 * all.length) / candidates.length))
      : shares(groups.map((each) => (health === 0 ? 0 : (each.health * 100) / health)));
    this.#levels = groups.map((group, index) => this.#level(group, loads[index]!, inPanic[index]!));
  }

  #level({ priority, all, well }: Group<T>, load: number, isInPanic: boolean): Level<T> {
    const { isLocalityWeighted } = this.#options;
    const candidates = isInPanic ? all : well;
    if (isLocalityWeighted && this.#isHashing) {
      const weighted = byLocalityWeight(candidates);
      const inner = this.#balancer(`${priority}`, weighted);
      return {
        load,
        pick: (hash, attempt) => (inner.pick(hash, attempt) as Weighted<T> | undefined)?.candidate,
      };
    }
    if (isLocalityWeighted && !isInPanic) {
      const pick = this.#pickByLocality(priority, all);
      if (pick) return { load, pick };
    }
    const inner = this.#balancer(`${priority}`, candidates);
    return { load, pick: (hash, attempt) => inner.pick(hash, attempt) as T | undefined };
  }

  /** Undefined where no locality has a weight, and so none is told apart. */
  #pickByLocality(priority: number, all: readonly T[]): Level<T>['pick'] | undefined {
    const localities = [...Map.groupBy(all, ({ place }) => place?.locality ?? 0)].flatMap(
      ([locality, own]) => {
        const well = own.filter(({ isEjected }) => !isEjected);
        const { localityWeight = 0, overprovisioningPercent = OVERPROVISIONING_PERCENT } =
          own[0]!.place ?? {};
        const availability = (overprovisioningPercent / 100) * (well.length / own.length);
        const weight = localityWeight * Math.min(1, availability);
        return weight > 0 ? [{ weight, inner: this.#balancer(`${priority}/${locality}`, well) }] : [];
      },
    );
    if (localities.length === 0) return undefined;
    const schedule = new Schedule(localities.map(({ weight }) => weight));
    return (hash, attempt) => {
      const { weight, inner } = localities[schedule.next]!;
      schedule.take(weight);
      return inner.pick(hash, attempt) as T | undefined;
    };
  }

  #balancer(key: string, candidates: readonly Candidate[]): Balancer<Candidate> {
    let inner = this.#inner.get(key);
    if (!inner) {
      inner = createBalancer<Candidate>(this.#options.policy, this.#options);
      this.#inner.set(key, inner);
    }
    inner.update(candidates);
    return inner;
  }
}

/** Envoy's, where a control plane does not say. */
const OVERPROVISIONING_PERCENT = 140;

function groupOf<T extends SpreadCandidate>(priority: number, all: readonly T[]): Group<T> {
  const well = all.filter(({ isEjected }) => !isEjected);
  const percent = all[0]?.place?.overprovisioningPercent ?? OVERPROVISIONING_PERCENT;
  const health = Math.min(100, Math.floor((percent * well.length) / all.length));
  return { priority, all, well, health };
}

/** Whole percents, as much as is left for each; what rounding leaves is the first one's that has some. */
function shares(wanted: readonly number[]): number[] {
  let left = 100;
  const loads = wanted.map((percent) => {
    const load = Math.min(left, Math.floor(percent));
    left -= load;
    return load;
  });
  const first = wanted.findIndex((percent) => percent > 0);
  if (first >= 0) loads[first]! += left;
  return loads;
}

/** Each locality's weight, divided among its endpoints by theirs. */
function byLocalityWeight<T extends SpreadCandidate>(candidates: readonly T[]): Weighted<T>[] {
  const sums = new Map<number | undefined, number>();
  for (const { place, weight } of candidates)
    sums.set(place?.locality, (sums.get(place?.locality) ?? 0) + weight);
  return candidates.flatMap((candidate) => {
    const { weight, active, hashKey, sinceMs, place } = candidate;
    const share = ((place?.localityWeight ?? 0) * weight) / sums.get(place?.locality)!;
    return share > 0 ? [{ candidate, weight: share, active, hashKey, sinceMs }] : [];
  });
}
