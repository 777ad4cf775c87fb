/**
 * What comparisons of mirrors have found: how many, of what kind, and the latest differences to look at. Bounded in all
 * of it. Imports traffic's types.
 */
import type { ComparePolicy } from '../router/table/decision.ts';
import {
  type Compared,
  type ComparedAnswers,
  Comparison,
  type ComparisonSink,
} from '../traffic/compare/comparison.ts';
import type { Difference } from '../traffic/compare/difference.ts';

/** Comparisons of one cluster with one mirror. */
export interface MirrorCount {
  readonly cluster: string;
  readonly mirror: string;
  same: number;
  different: number;
  /** One answer could not be compared: the client got none of an endpoint, or a body was too large. */
  unknown: number;
  /** Differences by kind. */
  readonly kinds: Record<Difference['kind'], number>;
}

/** One comparison that found differences. */
export interface MirrorSample {
  /** ISO time. */
  readonly time: string;
  readonly cluster: string;
  readonly mirror: string;
  readonly method: string;
  /** Without its query, which may hold what is nobody's business. */
  readonly path: string;
  readonly differences: readonly Difference[];
}

/** What the admin port shows. */
export interface MirrorState {
  readonly counts: readonly MirrorCount[];
  /** Comparisons that were not made, as enough were under way. */
  readonly skipped: number;
  /** The latest first. */
  readonly samples: readonly MirrorSample[];
}

/** At a time: each may hold two bodies. */
const MAX_ACTIVE = 200;
const MAX_SAMPLES = 50;
/** Pairs of clusters that are told apart; rules come and go. */
const MAX_PAIRS = 1000;

/** See the module. */
export class MirrorLog implements ComparisonSink {
  readonly #counts = new Map<string, MirrorCount>();
  readonly #samples: MirrorSample[] = [];
  #active = 0;
  #skipped = 0;

  begin(of: Compared, policy: ComparePolicy): Comparison | undefined {
    if (this.#active >= MAX_ACTIVE) {
      this.#skipped++;
      return undefined;
    }
    this.#active++;
    return new Comparison(of, policy, (result) => {
      this.#active--;
      this.#count(result);
    });
  }

  #count({ cluster, mirror, method, path, outcome, differences }: ComparedAnswers): void {
    const count = this.#countOf(cluster, mirror);
    count[outcome]++;
    for (const { kind } of differences) count.kinds[kind]++;
    if (differences.length === 0) return;
    const time = new Date().toISOString();
    this.#samples.unshift({ time, cluster, mirror, method, path: path.split('?', 1)[0]!, differences });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.pop();
  }

  /** What is known now. */
  state(): MirrorState {
    return { counts: [...this.#counts.values()], skipped: this.#skipped, samples: [...this.#samples] };
  }

  #countOf(cluster: string, mirror: string): MirrorCount {
    const pair = `${cluster}\n${mirror}`;
    const known = this.#counts.get(pair);
    if (known) return known;
    if (this.#counts.size >= MAX_PAIRS) this.#counts.clear();
    const count: MirrorCount = {
      cluster,
      mirror,
      same: 0,
      different: 0,
      unknown: 0,
      kinds: { status: 0, header: 0, trailer: 0, body: 0 },
    };
    this.#counts.set(pair, count);
    return count;
  }
}
