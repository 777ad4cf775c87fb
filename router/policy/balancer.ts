/**
 * How one of several endpoints is picked: Envoy's balancers, each a class with the endpoints that it chooses from.
 * Chance and time are arguments. Imports the table's types and the tables of consistent hashing.
 */
import type { LoadBalancer, Warmup } from '../table/cluster.ts';
import { buildMaglev } from './maglev.ts';
import { buildRing, type HashTable } from './ring.ts';
import { Schedule } from './schedule.ts';
import { warmupShare } from './warmup.ts';
import { fromBigInt, Hash64 } from './xxhash64.ts';

/** What a balancer looks at. */
export interface Candidate {
  /** Above 0. */
  readonly weight: number;
  /** Exchanges under way. */
  readonly active: number;
  /** By what consistent hashing places it: the address, or a stable name. */
  readonly hashKey: string;
  /** When it joined, on the clock that the balancer is given. */
  readonly sinceMs: number;
}

/** Picks among the candidates it was given last. */
export interface Balancer<T extends Candidate> {
  /**
   * Undefined when there is no candidate. `hash` is the request's, for consistent hashing; without one any will do.
   * `attempt` counts from 0 the picks for one try: a hash leads elsewhere with each.
   */
  pick(hash: bigint | undefined, attempt: number): T | undefined;
  /** Chooses among others from now on. Where a table has to be built, that is the time it takes. */
  update(candidates: readonly T[]): void;
}

/** What a balancer needs from outside. */
export interface BalancerOptions {
  /** Returns a number in [0, 1). */
  readonly chance: () => number;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
}

/** A balancer without candidates. */
export function createBalancer<T extends Candidate>(
  policy: LoadBalancer,
  { chance, nowMs }: BalancerOptions,
): Balancer<T> {
  switch (policy.kind) {
    case 'ROUND_ROBIN':
    case 'LEAST_REQUEST':
      return new TurnBalancer(policy.kind === 'LEAST_REQUEST', policy.warmup, chance, nowMs);
    case 'RING_HASH':
    case 'MAGLEV':
      return new HashBalancer(policy.kind, policy.tableSize, chance);
    default:
      return new RandomBalancer(chance);
  }
}

/**
 * RANDOM, and PASSTHROUGH where the original destination is an address that stands for all endpoints. Weights do
 * not count.
 *
 * Source: Envoy `source/common/upstream/load_balancer_impl.cc` (RandomLoadBalancer).
 */
class RandomBalancer<T extends Candidate> implements Balancer<T> {
  readonly #chance: () => number;
  #candidates: readonly T[] = [];

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  pick(): T | undefined {
    const { length } = this.#candidates;
    return length <= 1 ? this.#candidates[0] : this.#candidates[Math.floor(this.#chance() * length)];
  }

  update(candidates: readonly T[]): void {
    this.#candidates = candidates;
  }
}

/**
 * ROUND_ROBIN and LEAST_REQUEST. With equal weights, and nobody warming up: one after the other, or the less busy
 * of two drawn by chance. Otherwise a schedule by weight, of which LEAST_REQUEST divides by the requests under way.
 *
 * Source: Envoy `source/common/upstream/load_balancer_impl.cc` (EdfLoadBalancerBase, RoundRobinLoadBalancer,
 * LeastRequestLoadBalancer::hostWeight).
 */
class TurnBalancer<T extends Candidate> implements Balancer<T> {
  readonly #byLoad: boolean;
  readonly #warmup: Warmup | undefined;
  readonly #chance: () => number;
  readonly #nowMs: () => number;
  /** Where turns begin, so that many gateways do not march in step. */
  readonly #seed: number;
  #candidates: readonly T[] = [];
  #turn: number;
  #schedule: Schedule | undefined;
  /** Until when a candidate warms up. */
  #warmUntilMs = Number.NEGATIVE_INFINITY;

  constructor(byLoad: boolean, warmup: Warmup | undefined, chance: () => number, nowMs: () => number) {
    this.#byLoad = byLoad;
    this.#warmup = warmup;
    this.#chance = chance;
    this.#nowMs = nowMs;
    this.#seed = Math.floor(chance() * 0x7fffffff);
    this.#turn = this.#seed;
  }

  pick(): T | undefined {
    const candidates = this.#candidates;
    const { length } = candidates;
    if (length === 0) return undefined;
    const schedule = this.#schedule;
    if (schedule) {
      const picked = candidates[schedule.next]!;
      schedule.take(this.#weightOf(picked));
      return picked;
    }
    if (!this.#byLoad) {
      return candidates[this.#turn++ % length];
    }
    const first = candidates[Math.floor(this.#chance() * length)]!;
    const second = candidates[Math.floor(this.#chance() * length)]!;
    return second.active < first.active ? second : first;
  }

  update(candidates: readonly T[]): void {
    this.#candidates = candidates;
    this.#schedule = undefined;
    const { length } = candidates;
    if (length === 0) return;
    if (this.#warmup) {
      const { durationMs } = this.#warmup;
      this.#warmUntilMs = candidates.reduce((end, { sinceMs }) => Math.max(end, sinceMs + durationMs), 0);
    }
    const { weight } = candidates[0]!;
    const isEven = candidates.every((each) => each.weight === weight);
    if (isEven && this.#nowMs() > this.#warmUntilMs) return;
    const schedule = new Schedule(candidates.map((each) => this.#weightOf(each)));
    this.#schedule = schedule;
    for (let skipped = this.#seed % length; skipped > 0; skipped--)
      schedule.take(this.#weightOf(candidates[schedule.next]!));
  }

  #weightOf(candidate: T): number {
    const weight = this.#byLoad ? candidate.weight / (candidate.active + 1) : candidate.weight;
    if (this.#warmUntilMs === Number.NEGATIVE_INFINITY) return weight;
    const now = this.#nowMs();
    if (now <= this.#warmUntilMs) return weight * warmupShare(this.#warmup!, now - candidate.sinceMs);
    this.#warmUntilMs = Number.NEGATIVE_INFINITY;
    return weight;
  }
}

const hash64 = new Hash64();

/**
 * RING_HASH and MAGLEV.
 *
 * Source: Envoy `source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc` (chooseHost).
 */
class HashBalancer<T extends Candidate> implements Balancer<T> {
  readonly #kind: 'RING_HASH' | 'MAGLEV';
  readonly #tableSize: number;
  readonly #chance: () => number;
  #candidates: readonly T[] = [];
  #keys: readonly string[] = [];
  #weights: readonly number[] = [];
  #table: HashTable | undefined;

  constructor(kind: 'RING_HASH' | 'MAGLEV', tableSize: number, chance: () => number) {
    this.#kind = kind;
    this.#tableSize = tableSize;
    this.#chance = chance;
  }

  pick(hash: bigint | undefined, attempt: number): T | undefined {
    const table = this.#table;
    if (!table) return undefined;
    if (hash !== undefined) fromBigInt(hash, hash64);
    else {
      hash64.high = Math.floor(this.#chance() * 0x100000000);
      hash64.low = Math.floor(this.#chance() * 0x100000000);
    }
    return this.#candidates[table.find(hash64.high, hash64.low, attempt)];
  }

  update(candidates: readonly T[]): void {
    this.#candidates = candidates;
    const keys = candidates.map(({ hashKey }) => hashKey);
    const weights = candidates.map(({ weight }) => weight);
    if (this.#table && isSame(keys, this.#keys) && isSame(weights, this.#weights)) return;
    this.#keys = keys;
    this.#weights = weights;
    const build = this.#kind === 'MAGLEV' ? buildMaglev : buildRing;
    this.#table = candidates.length === 0 ? undefined : build(keys, weights, this.#tableSize);
  }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
