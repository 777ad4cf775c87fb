/** What became of resources from one snapshot to the next. Imports the store's types. */

import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import type { ConfigSnapshot } from './store.ts';

/** One resource that is another object than before, or is new or gone: one of the two is there at least. */
export interface Difference {
  readonly key: string;
  readonly before: ValidResource | undefined;
  readonly after: ValidResource | undefined;
}

/** In the order of the later snapshot, then what is gone, in that of the earlier one. Where little has changed it costs little. */
export function differences(before: ConfigSnapshot, after: ConfigSnapshot): readonly Difference[] {
  const [was, is] = [new Set(before.resources), new Set(after.resources)];
  const old = new Map<string, ValidResource>();
  for (const resource of before.resources) if (!is.has(resource)) old.set(resourceKey(resource), resource);
  const found: Difference[] = [];
  for (const resource of after.resources) {
    if (was.has(resource)) continue;
    const key = resourceKey(resource);
    found.push({ key, before: old.get(key), after: resource });
    old.delete(key);
  }
  for (const [key, resource] of old) found.push({ key, before: resource, after: undefined });
  return found;
}
