/**
 * What is watched live: requests and their durations by destination and by rule, in plain numbers that only grow, so
 * that any number of viewers can make rates of them. Imports the table's types.
 */
import type { RuleOrigin } from '../../router/table/decision.ts';
import { Histogram } from './histogram.ts';
import type { MetricSink, RequestOutcome } from './metric.ts';

/** Upper bounds of durations in milliseconds, about 1.6 apart. */
export const TRAFFIC_BOUNDS_MS: readonly number[] = [
  0.1, 0.16, 0.25, 0.4, 0.63, 1, 1.6, 2.5, 4, 6.3, 10, 16, 25, 40, 63, 100, 160, 250, 400, 630, 1000, 1600,
  2500, 4000, 6300, 10_000, 16_000, 25_000, 40_000, 63_000,
];

/** Requests that have something in common. */
export class Tally {
  count = 0;
  /** Those without an answer, with a 5xx, or of gRPC with a status that is not 0. */
  errors = 0;
  readonly durationsMs: Histogram = new Histogram(TRAFFIC_BOUNDS_MS);

  /** Counts one. */
  add({ status, grpcStatus, durationMs }: RequestOutcome): void {
    this.count++;
    if (status === 0 || status >= 500 || (grpcStatus !== undefined && grpcStatus !== 0)) this.errors++;
    this.durationsMs.observe(durationMs);
  }

  /** Adds what another one has counted. */
  addAll(other: Tally): void {
    this.count += other.count;
    this.errors += other.errors;
    this.durationsMs.sum += other.durationsMs.sum;
    for (const [bucket, count] of other.durationsMs.counts.entries())
      this.durationsMs.counts[bucket]! += count;
  }
}

/** The requests of one rule. */
export class RuleTally extends Tally {
  /** By cluster, those whose destination was a matter of chance. */
  readonly drawn: Map<string, number> = new Map();

  override add(outcome: RequestOutcome): void {
    super.add(outcome);
    const { cluster, isChosen } = outcome;
    if (cluster !== undefined && !isChosen) this.drawn.set(cluster, (this.drawn.get(cluster) ?? 0) + 1);
  }

  override addAll(other: RuleTally): void {
    super.addAll(other);
    for (const [cluster, count] of other.drawn)
      this.drawn.set(cluster, (this.drawn.get(cluster) ?? 0) + count);
  }
}

/** The requests for one destination. Without a host: those that were routed nowhere. */
export interface DestinationTally {
  readonly host: string;
  readonly subset: string;
  readonly tally: Tally;
}

/** Destinations that are told apart; further ones are counted as host `other`. Rules come and go. */
const MAX_DESTINATIONS = 1000;

/** See the module. What is counted of a rule ends with the rule, unless {@link TrafficCount.keep} says otherwise. */
export class TrafficCount implements MetricSink {
  readonly #rules = new WeakMap<RuleOrigin, RuleTally>();
  readonly #destinations = new Map<string, Map<string, DestinationTally>>();
  #size = 0;

  requestEnded(outcome: RequestOutcome): void {
    this.#destinationOf(outcome.host ?? '', outcome.subset ?? '').tally.add(outcome);
    const { rule } = outcome;
    if (rule === undefined) return;
    let tally = this.#rules.get(rule);
    if (!tally) {
      tally = new RuleTally();
      this.#rules.set(rule, tally);
    }
    tally.add(outcome);
  }

  /** All destinations so far. */
  destinations(): DestinationTally[] {
    return [...this.#destinations.values()].flatMap((subsets) => [...subsets.values()]);
  }

  /** What is counted of a rule; undefined before its first request. */
  ofRule(rule: RuleOrigin): RuleTally | undefined {
    return this.#rules.get(rule);
  }

  /** Counts the requests of a rule into `tally` from now on, and adds those counted so far. */
  keep(rule: RuleOrigin, tally: RuleTally): void {
    const known = this.#rules.get(rule);
    if (known === tally) return;
    if (known) tally.addAll(known);
    this.#rules.set(rule, tally);
  }

  #destinationOf(host: string, subset: string): DestinationTally {
    const known = this.#destinations.get(host)?.get(subset);
    if (known) return known;
    if (this.#size >= MAX_DESTINATIONS && host !== 'other') return this.#destinationOf('other', '');
    let subsets = this.#destinations.get(host);
    if (!subsets) {
      subsets = new Map();
      this.#destinations.set(host, subsets);
    }
    const made = { host, subset, tally: new Tally() };
    subsets.set(subset, made);
    this.#size++;
    return made;
  }
}
