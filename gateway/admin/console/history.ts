/** Which versions of the configuration there were, what changed with each, and how to go back to one. Imports the store's types. */
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

interface Kept extends HistoryEntry {
  readonly snapshot: ConfigSnapshot;
}

/** Versions that can be gone back to. */
const MAX_VERSIONS = 50;

/** Follows a store from now on. */
export class History {
  readonly #kept: Kept[] = [];

  /** `now`: clock, by default the system's. */
  constructor(store: ConfigStore, now: () => Date = () => new Date()) {
    const keep = (snapshot: ConfigSnapshot): void => {
      const changes = changesBetween(this.#kept[0]?.snapshot, snapshot);
      this.#kept.unshift({ version: snapshot.version, time: now().toISOString(), changes, snapshot });
      if (this.#kept.length > MAX_VERSIONS) this.#kept.pop();
    };
    if (store.current().version > 0) keep(store.current());
    store.subscribe(keep);
  }

  /** The latest first. */
  entries(): readonly HistoryEntry[] {
    return this.#kept.map(({ version, time, changes }) => ({ version, time, changes }));
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

function changesBetween(before: ConfigSnapshot | undefined, after: ConfigSnapshot): HistoryChange[] {
  if (!before) return [];
  const [then, now] = [byKey(before), byKey(after)];
  const entry = (key: string, change: HistoryChange['change'], place: string | undefined): HistoryChange => ({
    key,
    change,
    ...(place !== undefined && { source: place }),
  });
  return [
    ...[...now].flatMap(([key, resource]) => {
      const old = then.get(key);
      return old === resource ? [] : [entry(key, old ? 'changed' : 'added', sourceOf(after, key))];
    }),
    ...[...then.keys()]
      .filter((key) => !now.has(key))
      .map((key) => entry(key, 'removed', sourceOf(before, key))),
  ];
}

function byKey({ resources }: ConfigSnapshot): ReadonlyMap<string, ValidResource> {
  return new Map(resources.map((resource) => [resourceKey(resource), resource]));
}

function appliedKeys({ states }: ConfigSnapshot): ReadonlySet<string> {
  return new Set(states.filter(({ source }) => source === APPLIED).map(({ key }) => key));
}

function sourceOf({ states }: ConfigSnapshot, key: string): string | undefined {
  const own = states.filter(
    (each) => each.key === key && each.state !== 'hidden' && each.state !== 'refused',
  );
  return own.at(-1)?.source;
}
