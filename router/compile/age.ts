/** The order in which Istio takes resources that claim the same thing. Imports the resource type. */
import type { ResourceMetadata } from '../schema/resource.ts';

/**
 * Sorts older first; of one age by name, then by namespace. A resource without `creationTimestamp` counts as
 * older than any that has one, as Go's zero time does.
 *
 * Source: Istio `pilot/pkg/model/config.go` (configCompareByCreationTime).
 */
export function compareAge(a: ResourceMetadata, b: ResourceMetadata): number {
  // Most have none, or the one of all that were applied together.
  const age = a.creationTimestamp === b.creationTimestamp ? 0 : timeOf(a) - timeOf(b);
  return age || compareText(a.name, b.name) || compareText(a.namespace, b.namespace);
}

function timeOf({ creationTimestamp }: ResourceMetadata): number {
  const time = creationTimestamp === undefined ? Number.NaN : Date.parse(creationTimestamp);
  return Number.isNaN(time) ? 0 : time;
}

/** Byte order, which no locale changes. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
