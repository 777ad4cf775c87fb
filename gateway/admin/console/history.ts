/** Which versions of the configuration there were, what changed with each, and how to go back to one. Imports the store's types. */
import { differences } from '../../../config/difference.ts';
import { APPLIED, type ConfigChange, type ConfigSnapshot, type ConfigStore } from '../../../config/store.ts';
import { resourceKey, type ValidResource } from '../../../router/index.ts';

/** One version. */
export interface HistoryEntry {
  readonly version: number;
  /** ISO time at which it came into effect. */
  readonly time: string;
  /** Against the version before; empty where only what is refused has changed, or services. */
  readonly changes: readonly HistoryChange[];
}

/** What became of one resource. */
export interface HistoryChange {
  /** `VirtualService/default/reviews`. */
  readonly key: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** The file or the word `apply`; of a removed one, where it was. Absent: not known. */
  readonly source?: string;
}

interface Kept extends Omit<HistoryEntry, 'changes'> {
  readonly snapshot: ConfigSnapshot;
  /** Found when first asked for, as a reload has no time for it. */
  changes(): readonly HistoryChange[];
}

/** Versions that can be gone back to. */
const MAX_VERSIONS = 50;

/** Follows a store from now on. */
export class History {
  readonly #kept: Kept[] = [];

  /** `now`: clock, by default the system's. */
  constructor(store: ConfigStore, now: () => Date = () => new Date()) {
    const keep = (snapshot: ConfigSnapshot): void => {
      const changes = changesFrom(this.#kept[0]?.snapshot, snapshot);
      this.#kept.unshift({ version: snapshot.version, time: now().toISOString(), changes, snapshot });
      if (this.#kept.length > MAX_VERSIONS) this.#kept.pop();
    };
    if (store.current().version > 0) keep(store.current());
    store.subscribe(keep);
  }

  /** The latest first. */
  entries(): readonly HistoryEntry[] {
    return this.#kept.map(({ version, time, changes }) => ({ version, time, changes: changes() }));
  }

  /** What leads from `current` to the resources of a version; undefined for one that is not kept. */
  wayBack(version: number, current: ConfigSnapshot): ConfigChange | undefined {
    const past = this.#kept.find((each) => each.version === version)?.snapshot;
    if (past === undefined) return undefined;
    const [then, now] = [byKey(past), byKey(current)];
    const wasApplied = appliedKeys(past);
    const isApplied = appliedKeys(current);
    const remove = [...now.keys()].filter((key) => !then.has(key));
    const lay: ValidResource[] = [];
    for (const [key, resource] of then) {
      if (now.get(key) === resource) continue;
      // What lay over a source is taken away, so that the source is followed again.
      if (isApplied.has(key) && !wasApplied.has(key)) remove.push(key);
      else lay.push(resource);
    }
    return { remove, lay };
  }
}

function changesFrom(
  before: ConfigSnapshot | undefined,
  after: ConfigSnapshot,
): () => readonly HistoryChange[] {
  let earlier = before;
  let changes: readonly HistoryChange[] = [];
  return () => {
    if (earlier) changes = changesBetween(earlier, after);
    earlier = undefined;
    return changes;
  };
}

function changesBetween(before: ConfigSnapshot, after: ConfigSnapshot): HistoryChange[] {
  const found = differences(before, after);
  if (found.length === 0) return [];
  const [then, now] = [sourcesOf(before), sourcesOf(after)];
  return found.map(({ key, before: old, after: next }) => {
    const source = (next ? now : then).get(key);
    const change = next ? (old ? 'changed' : 'added') : 'removed';
    return { key, change, ...(source !== undefined && { source }) };
  });
}

function byKey({ resources }: ConfigSnapshot): ReadonlyMap<string, ValidResource> {
  return new Map(resources.map((resource) => [resourceKey(resource), resource]));
}

function appliedKeys({ states }: ConfigSnapshot): ReadonlySet<string> {
  return new Set(states.filter(({ source }) => source === APPLIED).map(({ key }) => key));
}

/** Where what is in effect comes from, by key. */
function sourcesOf({ states }: ConfigSnapshot): ReadonlyMap<string, string> {
  return new Map(
    states
      .filter(({ state }) => state !== 'hidden' && state !== 'refused')
      .map(({ key, source }) => [key, source]),
  );
}
