/** How many retries a cluster may have under way, so that a storm of them does not bury what fails. Imports nothing. */

/** See the fields. */
export interface RetryLimitOptions {
  /** Retries under way. Default: Istio's, which is none. */
  readonly maxRetries?: number;
  /** In its place: `percent` of the requests under way, but always `minRetryConcurrency`. */
  readonly budget?: { readonly percent: number; readonly minRetryConcurrency: number };
  /** Requests under way in the cluster. */
  readonly active: () => number;
}

/**
 * Counts the retries of one cluster, each from the moment it is decided on to its outcome.
 *
 * Source: Envoy `source/common/upstream/resource_manager_impl.h` (RetryBudgetImpl), Istio
 * `pilot/pkg/networking/core/cluster_traffic_policy.go` (applyRetryBudget; max_retries is 2^32-1 by default).
 */
export class RetryLimit {
  readonly #options: RetryLimitOptions;
  #underWay = 0;

  constructor(options: RetryLimitOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Counts one more; false: there are too many, and it must not be made. */
  begin(): boolean {
    if (this.#underWay >= this.#most()) return false;
    this.#underWay++;
    return true;
  }

  /** One that had begun has its outcome. */
  end(): void {
    this.#underWay--;
  }

  #most(): number {
    const { maxRetries = Number.POSITIVE_INFINITY, budget, active } = this.#options;
    if (!budget) return maxRetries;
    return Math.max(Math.trunc((budget.percent / 100) * active()), budget.minRetryConcurrency);
  }
}
