/**
 * The configuration in effect: joins sources in their order with what `apply` and `delete` laid over them, and
 * swaps whole snapshots, so that nobody ever sees half a change. Knows nothing of files, clusters or rules.
 */
import type { Issue } from '../router/issue.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import {
  EMPTY_HOLDING,
  type Held,
  type Holding,
  holdNext,
  type ResourceState,
  sameContent,
} from './resource-state.ts';
import type { ConfigSource, SourceSnapshot } from './source.ts';

/** All that is in effect at one moment, and what is not and why. Never changes once published. */
export interface ConfigSnapshot {
  /** 0 before the sources have reported, then one more for each change. */
  readonly version: number;
  /** What is in effect: by source, then as written, then what was applied. One per key. */
  readonly resources: readonly ValidResource[];
  /** What is wrong in the texts there now, warnings included. */
  readonly issues: readonly Issue[];
  readonly states: readonly ResourceState[];
}

/** What {@link ConfigStore.apply} did to each resource, in kubectl's words. */
export interface ApplyResult {
  readonly resources: readonly {
    readonly key: string;
    readonly outcome: 'created' | 'configured' | 'unchanged';
  }[];
}

/** What {@link ConfigStore.delete} did. */
export interface DeleteResult {
  readonly key: string;
  readonly outcome: 'deleted' | 'not-found';
  /** The source's own version that is in effect again, as what lay over it is gone: `rules.yaml:3`. */
  readonly restored?: string;
  /** The place of the version that is hidden from now on, until its file is saved. */
  readonly hidden?: string;
}

/** See each field. */
export interface ConfigStoreOptions {
  /** Clock for `since`. Default: the system's. */
  readonly now?: () => Date;
}

/** Laid over the sources in memory: another version of a resource, or its absence. */
interface Laid {
  /** Null: deleted. */
  readonly resource: ValidResource | null;
  readonly since: string;
}

interface Feed {
  readonly source: ConfigSource;
  holding: Holding;
  issues: readonly Issue[];
  reported: boolean;
}

/** Name under which {@link ResourceState.source} shows what was applied, and the file of its text. */
export const APPLIED = 'apply';

/** Holds the configuration from {@link start} to {@link stop}. */
export class ConfigStore {
  readonly #feeds: readonly Feed[];
  readonly #overlay = new Map<string, Laid>();
  readonly #listeners = new Set<(snapshot: ConfigSnapshot) => void>();
  /** Made when it is needed: an edge lets a module make a store while it loads, but nothing that aborts. */
  #stopping: AbortController | undefined;
  readonly #now: () => Date;
  #current: ConfigSnapshot = { version: 0, resources: [], issues: [], states: [] };

  constructor(sources: readonly ConfigSource[], options: ConfigStoreOptions = {}) {
    this.#feeds = sources.map((source) => ({ source, holding: EMPTY_HOLDING, issues: [], reported: false }));
    this.#now = options.now ?? (() => new Date());
  }

  /** Starts every source; resolves when each has given its first snapshot and {@link current} holds them all. */
  async start(): Promise<void> {
    this.#stopping ??= new AbortController();
    const { signal } = this.#stopping;
    await Promise.all(
      this.#feeds.map((feed) => feed.source.start((snapshot) => this.#take(feed, snapshot), signal)),
    );
    if (this.#current.version === 0) this.#publish();
  }

  /** What is in effect now. */
  current(): ConfigSnapshot {
    return this.#current;
  }

  /** Calls the listener, which must not throw, with each later snapshot. Returns the function that ends it. */
  subscribe(listener: (snapshot: ConfigSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Lays valid resources over the sources, all in one snapshot, until {@link delete}, a restart, or a later save
   * of a file that holds the same resource. One that is in effect with the same content already is left alone.
   */
  async apply(resources: readonly ValidResource[]): Promise<ApplyResult> {
    await this.#refresh();
    const results = resources.map((resource) => {
      const key = resourceKey(resource);
      const before = this.#inEffect(key);
      if (before !== undefined && sameContent(before, resource))
        return { key, outcome: 'unchanged' as const };
      this.#overlay.set(key, { resource, since: this.#now().toISOString() });
      return { key, outcome: before === undefined ? ('created' as const) : ('configured' as const) };
    });
    if (results.some(({ outcome }) => outcome !== 'unchanged')) this.#publish();
    return { resources: results };
  }

  /**
   * Takes away what {@link apply} laid over a source, so that the source's own version is in effect again; a
   * resource that only a source has is hidden until its file is saved with it.
   */
  async delete(key: string): Promise<DeleteResult> {
    await this.#refresh();
    if (this.#inEffect(key) === undefined) return { key, outcome: 'not-found' };
    const owned = this.#held(key);
    const lifted = this.#overlay.delete(key);
    if (!lifted) this.#overlay.set(key, { resource: null, since: this.#now().toISOString() });
    this.#publish();
    if (owned === undefined) return { key, outcome: 'deleted' };
    return { key, outcome: 'deleted', [lifted ? 'restored' : 'hidden']: placeOf(owned) };
  }

  /** Ends all watching. The last snapshot stays readable. */
  async stop(): Promise<void> {
    this.#stopping ??= new AbortController();
    this.#stopping.abort();
    this.#listeners.clear();
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#feeds.map(({ source }) => source.refresh?.()));
  }

  #take(feed: Feed, snapshot: SourceSnapshot): void {
    if (this.#stopping?.signal.aborted) return;
    feed.holding = holdNext(feed.holding, snapshot, this.#now().toISOString());
    feed.issues = snapshot.issues;
    feed.reported = true;
    for (const key of snapshot.saved ?? []) this.#overlay.delete(key);
    for (const [key, laid] of this.#overlay) {
      if (laid.resource === null && this.#held(key) === undefined) this.#overlay.delete(key);
    }
    if (this.#feeds.every(({ reported }) => reported)) this.#publish();
  }

  /** The version of a key that the sources would have in effect: that of the first one that holds it. */
  #held(key: string): { readonly feed: Feed; readonly held: Held } | undefined {
    for (const feed of this.#feeds) {
      const held = feed.holding.held.get(key);
      if (held !== undefined) return { feed, held };
    }
    return undefined;
  }

  #inEffect(key: string): ValidResource | undefined {
    const laid = this.#overlay.get(key);
    return laid === undefined ? this.#held(key)?.held.resource : (laid.resource ?? undefined);
  }

  #publish(): void {
    this.#current = { version: this.#current.version + 1, ...this.#join() };
    for (const listener of [...this.#listeners]) listener(this.#current);
  }

  #join(): Omit<ConfigSnapshot, 'version'> {
    const resources: ValidResource[] = [];
    const states: ResourceState[] = [];
    const issues = this.#feeds.flatMap((feed) => feed.issues);
    const owners = new Map<string, string>();
    for (const feed of this.#feeds) {
      const source = feed.source.name;
      const refuse = (resource: ValidResource, since: string, found: readonly Issue[]) => {
        const key = resourceKey(resource);
        const issue = duplicateIssue(resource, owners.get(key) ?? source);
        issues.push(issue);
        states.push({
          key,
          source,
          ...positionOf(resource),
          state: 'refused',
          since,
          issues: [...found, issue],
        });
      };
      for (const [key, held] of feed.holding.held) {
        const { resource, state, since } = held;
        const found = issuesOf(feed.issues, key, state === 'last-good' ? resource.source?.file : undefined);
        if (owners.has(key)) {
          refuse(resource, since, found);
          continue;
        }
        owners.set(key, placeOf({ feed, held }));
        const laid = this.#overlay.get(key);
        const standing =
          laid === undefined ? { state, since } : { state: 'hidden' as const, since: laid.since };
        if (laid === undefined) resources.push(resource);
        states.push({ key, source, ...positionOf(resource), ...standing, issues: found });
      }
      for (const { resource, since } of feed.holding.duplicates) refuse(resource, since, []);
      for (const [key, since] of feed.holding.refused) {
        const found = issuesOf(feed.issues, key, undefined);
        states.push({ key, source, ...positionOf(found[0]), state: 'refused', since, issues: found });
      }
    }
    for (const [key, { resource, since }] of this.#overlay) {
      if (resource === null) continue;
      resources.push(resource);
      states.push({ key, source: APPLIED, state: 'active', since, issues: [] });
    }
    return { resources, issues, states };
  }
}

/** Issues about the resource, or about all of `file`. */
function issuesOf(issues: readonly Issue[], key: string, file: string | undefined): Issue[] {
  return issues.filter(({ resource, file: where }) =>
    resource === undefined
      ? file !== undefined && where === file
      : `${resource.kind}/${resource.namespace}/${resource.name}` === key,
  );
}

function positionOf(placed: ValidResource | Issue | undefined): { file?: string; line?: number } {
  if (placed === undefined) return {};
  if ('spec' in placed) {
    const { source } = placed;
    return source === undefined ? {} : { file: source.file, line: source.position([]).line };
  }
  const { file, line } = placed;
  return { ...(file !== undefined && { file }), ...(line !== undefined && { line }) };
}

function placeOf({ feed, held }: { readonly feed: Feed; readonly held: Held }): string {
  const { file, line } = positionOf(held.resource);
  return file === undefined ? feed.source.name : `${file}:${line}`;
}

function duplicateIssue(resource: ValidResource, owner: string): Issue {
  const { kind, metadata, source } = resource;
  const position = source?.position(['metadata', 'name']);
  return {
    code: 'duplicate-resource',
    severity: 'error',
    message: `Cannot take ${kind} "${metadata.namespace}/${metadata.name}" twice: ${owner} already holds it; remove one of the two`,
    ...(source !== undefined &&
      position !== undefined && { file: source.file, ...position, excerpt: source.line(position.line) }),
    path: ['metadata', 'name'],
    resource: { kind, namespace: metadata.namespace, name: metadata.name },
  };
}
