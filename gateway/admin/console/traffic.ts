/**
 * Counts of the live traffic beside the rules that caused it, as the page reads them twice a second. A rule keeps its
 * counts over a reload that leaves it as it is; where it reads otherwise, they begin anew, as the old ones prove nothing.
 */
import type { RouteTable } from '../../../router/index.ts';
import { chanceOfCounts } from '../../../workbench/goodness-of-fit.ts';
import {
  RuleTally,
  type Tally,
  TRAFFIC_BOUNDS_MS,
  type TrafficCount,
} from '../../telemetry/traffic-count.ts';
import { type HostNode, placeOf, type RuleNode, type RuleTree, ruleTreeOf } from './rule-tree.ts';

/** See the fields. Counts only grow, and are those since the gateway or the rule began. */
export interface TrafficReport {
  /** Of the rules that the ids are of. */
  readonly revision: number;
  /** Upper bounds of {@link Counts.buckets} in milliseconds. */
  readonly boundsMs: readonly number[];
  readonly destinations: readonly ({ readonly host: string; readonly subset: string } & Counts)[];
  /** Those that have had a request. */
  readonly rules: readonly RuleCounts[];
}

/** What was counted of something. */
export interface Counts {
  readonly count: number;
  readonly errors: number;
  /** One more than there are bounds. */
  readonly buckets: readonly number[];
}

/** What was counted of one rule. */
export interface RuleCounts extends Counts {
  readonly id: string;
  /** How often each destination was drawn, in the rule's order. */
  readonly drawn: readonly number[];
  /** Probability of counts as uneven as these; absent where nothing can be said. */
  readonly chance?: number;
}

/** See the module; the rules are those of `table` at each call. */
export class TrafficView {
  readonly #counts: TrafficCount;
  readonly #table: () => RouteTable | undefined;
  #shown: RouteTable | undefined;
  #tree: RuleTree = { hosts: [], origins: new Map() };
  #tallies = new Map<string, RuleTally>();
  #revision = 0;

  constructor(counts: TrafficCount, table: () => RouteTable | undefined) {
    this.#counts = counts;
    this.#table = table;
  }

  /** The rules in effect, and the number by which {@link report} speaks of them. */
  rules(): { readonly revision: number; readonly hosts: readonly HostNode[] } {
    this.#follow();
    return { revision: this.#revision, hosts: this.#tree.hosts };
  }

  /** The counts now. */
  report(): TrafficReport {
    this.#follow();
    const rules = this.#tree.hosts
      .flatMap((host) => host.rules)
      .flatMap((node) => {
        const tally = this.#tallies.get(identityOf(node));
        return tally === undefined || tally.count === 0 ? [] : [ruleCounts(node, tally)];
      });
    const destinations = this.#counts
      .destinations()
      .map(({ host, subset, tally }) => ({ host, subset, ...countsOf(tally) }));
    return { revision: this.#revision, boundsMs: TRAFFIC_BOUNDS_MS, destinations, rules };
  }

  #follow(): void {
    const table = this.#table();
    if (table === this.#shown) return;
    this.#shown = table;
    this.#revision++;
    this.#tree = table ? ruleTreeOf(table) : { hosts: [], origins: new Map() };
    const before = this.#tallies;
    this.#tallies = new Map();
    for (const [node, origins] of this.#tree.origins) {
      const identity = identityOf(node);
      const tally = this.#tallies.get(identity) ?? before.get(identity) ?? new RuleTally();
      this.#tallies.set(identity, tally);
      for (const origin of origins) this.#counts.keep(origin, tally);
    }
  }
}

const identities = new WeakMap<RuleNode, string>();

/** The same for a rule that stands where it stood and says what it said. */
function identityOf(node: RuleNode): string {
  let identity = identities.get(node);
  if (identity === undefined) {
    const { name, conditions, what, aspects, destinations, origin } = node;
    identity = JSON.stringify([placeOf(origin), name, conditions, what, aspects, destinations]);
    identities.set(node, identity);
  }
  return identity;
}

function ruleCounts(node: RuleNode, tally: RuleTally): RuleCounts {
  const { id, destinations, isDrawn } = node;
  const drawn = destinations.map(({ cluster }) => tally.drawn.get(cluster) ?? 0);
  const weights = destinations.map(({ weight }) => weight);
  const chance = isDrawn ? chanceOfCounts(drawn, weights) : undefined;
  return { id, ...countsOf(tally), drawn, ...(chance !== undefined && { chance }) };
}

function countsOf({ count, errors, durationsMs }: Tally): Counts {
  return { count, errors, buckets: durationsMs.counts };
}
