/** One comparison under way: hears both answers, and tells the result when neither has more to say. */
import type { ComparePolicy } from '../../router/table/decision.ts';
import { type FieldList, NO_FIELDS } from '../../wire/stream.ts';
import { KeptAnswer } from './answer.ts';
import { compareAnswers } from './compare.ts';
import type { Difference } from './difference.ts';

/** What became of a comparison. */
export interface ComparedAnswers {
  /** Of the client's answer. */
  readonly cluster: string;
  /** Of the copy's. */
  readonly mirror: string;
  readonly method: string;
  readonly path: string;
  /** `unknown`: they could not be compared, as the client got no answer of an endpoint, or a body was too large. */
  readonly outcome: 'same' | 'different' | 'unknown';
  readonly differences: readonly Difference[];
}

/** Who has answers compared; only where there is one is anything of this loaded. Must not throw. */
export interface ComparisonSink {
  /** A comparison that hears both answers. Undefined: enough are under way, and this one is not made. */
  begin(of: Compared, policy: ComparePolicy): Comparison | undefined;
}

/** What a comparison is of. */
export type Compared = Pick<ComparedAnswers, 'cluster' | 'mirror' | 'method' | 'path'>;

/** Lives from the sending of the copy to the end of both answers. */
export class Comparison {
  readonly #of: Compared;
  readonly #policy: ComparePolicy;
  readonly #told: (result: ComparedAnswers) => void;
  readonly #main = new KeptAnswer();
  readonly #copy = new KeptAnswer();
  #isMainOver = false;
  #isCopyOver = false;

  constructor(of: Compared, policy: ComparePolicy, told: (result: ComparedAnswers) => void) {
    this.#of = of;
    this.#policy = policy;
    this.#told = told;
  }

  head(side: 'main' | 'copy', status: number, headers: FieldList): void {
    this.#side(side).head(status, headers);
  }

  data(side: 'main' | 'copy', chunk: Uint8Array): void {
    if (this.#policy.body) this.#side(side).data(chunk);
  }

  end(side: 'main' | 'copy', trailers: FieldList = NO_FIELDS): void {
    this.#side(side).end(trailers);
    this.over(side);
  }

  /** No more comes of this side, be it whole or not. */
  over(side: 'main' | 'copy'): void {
    if (side === 'main' ? this.#isMainOver : this.#isCopyOver) return;
    if (side === 'main') this.#isMainOver = true;
    else this.#isCopyOver = true;
    if (!this.#isMainOver || !this.#isCopyOver) return;
    const differences = compareAnswers(this.#main, this.#copy, this.#policy);
    const outcome = differences === undefined ? 'unknown' : differences.length > 0 ? 'different' : 'same';
    this.#told({ ...this.#of, outcome, differences: differences ?? [] });
  }

  #side(side: 'main' | 'copy'): KeptAnswer {
    return side === 'main' ? this.#main : this.#copy;
  }
}
