/** Slow start: how much of its weight a new endpoint has. Imports the table's types. */
import type { Warmup } from '../table/cluster.ts';

/**
 * The share of its weight, in (0, 1], of an endpoint that joined so long ago.
 *
 * Source: Envoy `source/common/upstream/load_balancer_impl.cc` (EdfLoadBalancerBase::applySlowStartFactor).
 */
export function warmupShare({ durationMs, minimumPercent, aggression }: Warmup, ageMs: number): number {
  if (ageMs >= durationMs) return 1;
  const time = Math.max(1, ageMs) / durationMs;
  const grown = aggression > 0 && aggression !== 1 ? time ** (1 / aggression) : time;
  return Math.max(grown, minimumPercent / 100);
}
