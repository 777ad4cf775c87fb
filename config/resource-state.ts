/**
 * What has become of each resource of one source over its snapshots: in effect, kept at its last good version,
 * or refused from the start. Pure; the store joins several sources and the overlay on top.
 */
import type { Issue } from '../router/issue.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import { type Steps, TURNS } from '../router/steps.ts';
import type { SourceSnapshot } from './source.ts';

/**
 * - `active`: in effect as written.
 * - `last-good`: the text there now is refused or cannot be read; an earlier version is in effect.
 * - `hidden`: not in effect, as `apply` laid another version over it or `delete` took it away.
 * - `refused`: never was valid; nothing is in effect.
 */
export type Standing = 'active' | 'last-good' | 'hidden' | 'refused';

/** One resource of one source, and how it stands. A key can occur twice: as applied, and hidden beneath. */
export interface ResourceState {
  /** `KIND/NAMESPACE/NAME`. */
  readonly key: string;
  /** Name of the source as the user wrote it, or `apply`. */
  readonly source: string;
  /** Of the version in effect; of a refused one, where the first issue points. */
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  readonly state: Standing;
  /** ISO time since when the resource stands so with this content. */
  readonly since: string;
  /** What was found in the text there now. */
  readonly issues: readonly Issue[];
}

/** A resource that a source has, or had and keeps. */
export interface Held {
  readonly resource: ValidResource;
  readonly state: 'active' | 'last-good';
  readonly since: string;
}

/** What one source contributes: resources by key, in order, and those that never were valid. */
export interface Holding {
  readonly held: ReadonlyMap<string, Held>;
  /** Key to ISO time. */
  readonly refused: ReadonlyMap<string, string>;
  /** Resources whose key another one before them in the same source has. */
  readonly duplicates: readonly Duplicate[];
}

/** A resource that is not taken, as its key is. */
export interface Duplicate {
  readonly resource: ValidResource;
  readonly since: string;
}

/** Holding of a source that has reported nothing. */
export const EMPTY_HOLDING: Holding = { held: new Map(), refused: new Map(), duplicates: [] };

/** The holding after a snapshot: new versions taken, refused ones kept at their last good, absent ones gone. */
export function* holdNext(previous: Holding, snapshot: SourceSnapshot, now: string): Steps<Holding> {
  const taken = new Map<string, Held>();
  const duplicates: Duplicate[] = [];
  const duplicatesBefore = new Map(previous.duplicates.map((each) => [placeKey(each.resource), each]));
  let known = 0;
  let turn = 0;
  // Most often all but one are where they were, and their keys need not be made again.
  const inOrder = previous.held.entries();
  for (const resource of snapshot.resources) {
    if (++turn % TURNS === 0) yield;
    const same = inOrder.next().value;
    const key = same?.[1].resource === resource ? same[0] : resourceKey(resource);
    if (taken.has(key)) {
      const before = duplicatesBefore.get(placeKey(resource));
      duplicates.push({ resource, since: before?.since ?? now });
      continue;
    }
    const before = previous.held.get(key);
    if (before) known++;
    if (before?.state === 'active' && before.resource === resource) {
      taken.set(key, before);
      continue;
    }
    const unchanged = before?.state === 'active' && sameContent(before.resource, resource);
    taken.set(key, { resource, state: 'active', since: unchanged ? before.since : now });
  }

  const refusedKeys = new Set(snapshot.refused);
  // Most often none is gone, and ten thousand are not looked at again to find that.
  const held = known === previous.held.size ? taken : withKept(taken, previous, snapshot, now);
  const refused = new Map<string, string>();
  for (const key of refusedKeys) {
    if (!held.has(key)) refused.set(key, previous.refused.get(key) ?? now);
  }
  return { held, refused, duplicates };
}

/** What is taken, and of what is not there any more the last good versions that are to be kept, each in its place. */
function withKept(
  taken: ReadonlyMap<string, Held>,
  previous: Holding,
  snapshot: SourceSnapshot,
  now: string,
): ReadonlyMap<string, Held> {
  const refused = new Set(snapshot.refused);
  const unreadable = new Set(snapshot.unreadable);
  const kept = new Map<string | undefined, [key: string, held: Held][]>(); // by the taken key they came after
  let after: string | undefined;
  for (const [key, held] of previous.held) {
    if (taken.has(key)) {
      after = key;
      continue;
    }
    const file = held.resource.source?.file;
    if (!refused.has(key) && !(file !== undefined && unreadable.has(file))) continue;
    const since = held.state === 'last-good' ? held.since : now;
    const group = kept.get(after);
    const entry: [string, Held] = [key, { ...held, state: 'last-good', since }];
    if (group === undefined) kept.set(after, [entry]);
    else group.push(entry);
  }
  const held = new Map(kept.get(undefined) ?? []);
  for (const [key, entry] of taken) {
    held.set(key, entry);
    for (const [keptKey, keptEntry] of kept.get(key) ?? []) held.set(keptKey, keptEntry);
  }
  return held;
}

/** True when two versions of a resource say the same, wherever they stand and in whatever order their keys are. */
export function sameContent(a: ValidResource, b: ValidResource): boolean {
  return a === b || (a.apiVersion === b.apiVersion && equal(a.metadata, b.metadata) && equal(a.spec, b.spec));
}

/** The same for resources of one key in one file. */
function placeKey(resource: ValidResource): string {
  return `${resource.source?.file ?? ''}\n${resourceKey(resource)}`;
}

function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a).filter(([, value]) => value !== undefined);
  const right = new Map(Object.entries(b).filter(([, value]) => value !== undefined));
  return (
    left.length === right.size &&
    left.every(([name, value]) => right.has(name) && equal(value, right.get(name)))
  );
}
