/**
 * Circuit breaking: how much may be under way to a cluster at a time. What goes beyond is refused at once, so that
 * it does not pile up. Imports the table's types.
 *
 * Source: Envoy `source/common/upstream/resource_manager_impl.h` (ResourceManagerImpl).
 */
import type { ConnectionPool, RetryBudget } from '../table/cluster.ts';

/** Counts one kind of thing. */
export class Limit {
  active = 0;
  /** How often there was no room. */
  overflows = 0;
  readonly #max: number;

  /** Default: no limit. */
  constructor(max: number = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  /** How many there may be now. */
  get max(): number {
    return this.#max;
  }

  /** Counts one more in, if there is room. */
  take(): boolean {
    if (this.active < this.max) {
      this.active++;
      return true;
    }
    this.overflows++;
    return false;
  }

  /** Counts one more in, whether or not there is room. */
  force(): void {
    this.active++;
  }

  /** Counts one out. */
  release(): void {
    this.active--;
  }
}

/** Bounds retries by what else is under way. */
class BudgetLimit extends Limit {
  readonly #budget: RetryBudget;
  readonly #requests: Limit;
  readonly #pending: Limit;

  constructor(budget: RetryBudget, requests: Limit, pending: Limit) {
    super();
    this.#budget = budget;
    this.#requests = requests;
    this.#pending = pending;
  }

  override get max(): number {
    const { percent, minRetryConcurrency } = this.#budget;
    const share = (percent / 100) * (this.#requests.active + this.#pending.active);
    return Math.max(Math.floor(share), minRetryConcurrency);
  }
}

/** The limits of one cluster, over all of its endpoints. */
export class CircuitBreaker {
  /** Requests under way. */
  readonly requests: Limit;
  /** Requests that wait for a connection. */
  readonly pending: Limit;
  readonly connections: Limit;
  /** Retries under way: who retries takes one, and gives it back when the try is over. */
  readonly retries: Limit;
  /** False: nobody asks how many requests there are, so that they need not be counted. */
  readonly countsRequests: boolean;

  constructor(pool: ConnectionPool | undefined, budget: RetryBudget | undefined) {
    this.requests = new Limit(pool?.http2MaxRequests);
    this.pending = new Limit(pool?.http1MaxPendingRequests);
    this.connections = new Limit(pool?.maxConnections);
    this.retries = budget
      ? new BudgetLimit(budget, this.requests, this.pending)
      : new Limit(pool?.maxRetries);
    this.countsRequests = pool?.http2MaxRequests !== undefined || budget !== undefined;
  }
}
