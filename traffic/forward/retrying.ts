/**
 * What an exchange knows of its retries: how many are left, and where it was. Made when the first one is asked for, as
 * few exchanges need any; dropped once an answer has begun. Imports router/policy.
 */
import { backoffMs } from '../../router/policy/backoff.ts';
import type { Limit } from '../../router/policy/circuit-breaker.ts';
import type { RetryPolicy } from '../../router/table/decision.ts';
import type { Random } from '../../router/table/request.ts';
import type { RunningEndpoint } from '../../upstream/cluster.ts';

/** Lives until there is an answer to pass on. */
export class Retrying {
  readonly #policy: RetryPolicy;
  /** Endpoints that were tried; undefined before the first retry, and where the policy does not ask. */
  tried: Set<RunningEndpoint> | undefined;
  readonly #limit: Limit;
  #left: number;
  #made = 0;
  #isCounted = false;

  /** `limit` counts the retries of the cluster. */
  constructor(policy: RetryPolicy, limit: Limit) {
    this.#policy = policy;
    this.#limit = limit;
    this.#left = policy.attempts;
  }

  /**
   * Takes one of the retries: `yes`; `limit`: none is left (Envoy's flag URX); `overflow`: the cluster has too many
   * under way (UO).
   *
   * Source: Envoy `source/common/router/retry_state_impl.cc` (shouldRetry).
   */
  take(from: RunningEndpoint): 'yes' | 'limit' | 'overflow' {
    this.settle();
    if (this.#left === 0) return 'limit';
    this.#left--;
    if (!this.#limit.take()) return 'overflow';
    this.#isCounted = true;
    if (this.#policy.avoidPreviousHosts) {
      this.tried ??= new Set();
      this.tried.add(from);
    }
    this.#made++;
    return 'yes';
  }

  /** How long to wait before the retry that was taken last, in milliseconds. */
  backoffMs(random: Random): number {
    return backoffMs(this.#made - 1, this.#policy.backoffMs, (bound) => random(bound, 'retry-backoff'));
  }

  /** The retry under way, if there is one, has its outcome. */
  settle(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#limit.release();
  }
}
