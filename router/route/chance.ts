/** Everything that is left to chance: weights, faults, mirrors. Imports table types. */
import type { Fault } from '../table/decision.ts';
import type { Random, RandomPurpose } from '../table/request.ts';
import type { FaultPolicy, Fraction, WeightedCluster } from '../table/route-table.ts';

/**
 * The index of the destination that the draw falls on: weights are laid end to end. A single destination takes
 * no draw.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (pickWeightedCluster).
 */
export function pickWeighted(destinations: readonly WeightedCluster[], random: Random): number {
  if (destinations.length < 2) return 0;
  let total = 0;
  for (const { weight } of destinations) total += weight;
  let left = total > 0 ? random(total, 'weight') : 0;
  for (let index = 0; index < destinations.length; index++) {
    const { weight } = destinations[index]!;
    if (left < weight) return index;
    left -= weight;
  }
  return destinations.length - 1;
}

/** True with the fraction's chance; never and always take no draw. */
export function drawFraction(
  { numerator, denominator }: Fraction,
  random: Random,
  purpose: RandomPurpose,
): boolean {
  if (numerator <= 0) return false;
  return numerator >= denominator || random(denominator, purpose) < numerator;
}

/** The faults that befall this request; undefined for none. */
export function drawFault(policy: FaultPolicy | undefined, random: Random): Fault | undefined {
  if (!policy) return undefined;
  const { delay, abort } = policy;
  const delayed = delay && drawFraction(delay.fraction, random, 'fault-delay');
  const aborted = abort && drawFraction(abort.fraction, random, 'fault-abort');
  if (!delayed && !aborted) return undefined;
  return { ...(delayed && { delayMs: delay.delayMs }), ...(aborted && { abort: abort.status }) };
}
