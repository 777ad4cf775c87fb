/**
 * The configuration in effect: joins sources in their order with what `apply` and `delete` laid over them, and
 * swaps whole snapshots, so that nobody ever sees half a change. Knows nothing of files, clusters or rules.
 */
import type { Issue } from '../router/issue.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import type { Service } from '../router/table/cluster.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import {
  EMPTY_HOLDING,
  type Held,
  type Holding,
  holdNext,
  type ResourceState,
  sameContent,
} from './resource-state.ts';
import type { ConfigSource, SourceSnapshot, SourceState } from './source.ts';

/** All that is in effect at one moment, and what is not and why. Never changes once published. */
export interface ConfigSnapshot {
  /** 0 before the sources have reported, then one more for each change. */
  readonly version: number;
  /** What is in effect: by source, then as written, then what was applied. One per key. */
  readonly resources: readonly ValidResource[];
  /** What is wrong in the texts there now, warnings included. */
  readonly issues: readonly Issue[];
  readonly states: readonly ResourceState[];
  /** Services that sources know beside their resources. Absent: none. */
  readonly services?: readonly Service[];
  /** A control plane's own table, to be obeyed in place of what resources compile to. Absent: none. */
  readonly table?: RouteTable;
}

/** A source with a peer, and how it stands with it. */
export interface NamedSourceState extends SourceState {
  /** As the user wrote it. */
  readonly name: string;
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

/** What {@link ConfigStore.changeAt} is to do. */
export interface ConfigChange {
  /** Keys, of which none is laid as well. Default: none. */
  readonly remove?: readonly string[];
  /** Default: none. */
  readonly lay?: readonly ValidResource[];
}

/** What {@link ConfigStore.changeAt} did. */
export interface ChangeResult extends ApplyResult {
  readonly deleted: readonly DeleteResult[];
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
  /** The last one. */
  snapshot: SourceSnapshot | undefined;
  issues: readonly Issue[];
  services: readonly Service[];
  table: RouteTable | undefined;
  state: SourceState | undefined;
  reported: boolean;
}

/** All of a snapshot but what sources know beside their resources, which changes far more often. */
type JoinedRules = Pick<ConfigSnapshot, 'resources' | 'issues' | 'states'>;

/** True for snapshots of a source that has told of other services or another table alone: the lists are the same. */
function hasSameRules(before: SourceSnapshot, next: SourceSnapshot): boolean {
  return (
    before.resources === next.resources &&
    before.issues === next.issues &&
    before.refused === next.refused &&
    before.unreadable === next.unreadable &&
    next.saved === undefined
  );
}

/** Name under which {@link ResourceState.source} shows what was applied, and the file of its text. */
export const APPLIED = 'apply';

/** Holds the configuration from {@link start} to {@link stop}. */
export class ConfigStore {
  readonly #feeds: readonly Feed[];
  readonly #overlay = new Map<string, Laid>();
  readonly #listeners = new Set<(snapshot: ConfigSnapshot) => void>();
  readonly #stateListeners = new Set<(state: NamedSourceState) => void>();
  /** Made when it is needed: an edge lets a module make a store while it loads, but nothing that aborts. */
  #stopping: AbortController | undefined;
  readonly #now: () => Date;
  /** States of what simply is in effect, which most of ten thousand resources are at each change of one. */
  readonly #quiet = new WeakMap<Held, ResourceState>();
  /** Undefined when they have changed since they were joined last. */
  #rules: JoinedRules | undefined;
  #started: Promise<void> | undefined;
  #current: ConfigSnapshot = { version: 0, resources: [], issues: [], states: [] };

  constructor(sources: readonly ConfigSource[], options: ConfigStoreOptions = {}) {
    this.#feeds = sources.map((source) => ({
      source,
      holding: EMPTY_HOLDING,
      snapshot: undefined,
      issues: [],
      services: [],
      table: undefined,
      state: undefined,
      reported: false,
    }));
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Starts every source; resolves when each has given its first snapshot and {@link current} holds them all, or when
   * the store is stopped meanwhile. Rejects when a source cannot start: then none is left running, and it may be
   * tried again.
   */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
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

  /** How the sources that have a peer stand with it now. */
  sources(): readonly NamedSourceState[] {
    return this.#feeds.flatMap(({ source, state }) => (state ? [{ name: source.name, ...state }] : []));
  }

  /** Calls the listener, which must not throw, each time a source stands otherwise with its peer. Returns the function that ends it. */
  subscribeSources(listener: (state: NamedSourceState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  /**
   * Lays valid resources over the sources, all in one snapshot, until {@link delete}, a restart, or a later save
   * of a file that holds the same resource. One that is in effect with the same content already is left alone.
   */
  async apply(resources: readonly ValidResource[]): Promise<ApplyResult> {
    await this.#refresh();
    const results = resources.map((resource) => this.#lay(resource));
    if (results.some(({ outcome }) => outcome !== 'unchanged')) this.#publishRules();
    return { resources: results };
  }

  /**
   * Takes away what {@link apply} laid over a source, so that the source's own version is in effect again; a
   * resource that only a source has is hidden until its file is saved with it.
   */
  async delete(key: string): Promise<DeleteResult> {
    return (await this.deleteAll([key]))[0]!;
  }

  /** {@link delete} for several, all in one snapshot; the results are in the order of the keys. */
  async deleteAll(keys: readonly string[]): Promise<readonly DeleteResult[]> {
    await this.#refresh();
    const results = keys.map((key) => this.#lift(key));
    if (results.some(({ outcome }) => outcome === 'deleted')) this.#publishRules();
    return results;
  }

  /**
   * Makes what `plan` says of the snapshot in effect, all in one snapshot: deletes keys as {@link delete} does, then
   * lays resources as {@link apply} does. Resolves with undefined, and changes nothing, where that snapshot is not
   * `version` any more.
   */
  async changeAt(
    version: number,
    plan: (current: ConfigSnapshot) => ConfigChange,
  ): Promise<ChangeResult | undefined> {
    await this.#refresh();
    if (this.#current.version !== version) return undefined;
    const { remove = [], lay = [] } = plan(this.#current);
    const deleted = remove.map((key) => this.#lift(key));
    const resources = lay.map((resource) => this.#lay(resource));
    if ([...deleted, ...resources].some(({ outcome }) => outcome !== 'unchanged' && outcome !== 'not-found'))
      this.#publishRules();
    return { deleted, resources };
  }

  #lay(resource: ValidResource): ApplyResult['resources'][number] {
    const key = resourceKey(resource);
    const before = this.#inEffect(key);
    if (before !== undefined && sameContent(before, resource)) return { key, outcome: 'unchanged' };
    this.#overlay.set(key, { resource, since: this.#now().toISOString() });
    return { key, outcome: before === undefined ? 'created' : 'configured' };
  }

  #lift(key: string): DeleteResult {
    if (this.#inEffect(key) === undefined) return { key, outcome: 'not-found' };
    const owned = this.#held(key);
    const lifted = this.#overlay.delete(key);
    if (!lifted) this.#overlay.set(key, { resource: null, since: this.#now().toISOString() });
    if (owned === undefined) return { key, outcome: 'deleted' };
    return { key, outcome: 'deleted', [lifted ? 'restored' : 'hidden']: placeOf(owned) };
  }

  /** Ends all watching. The last snapshot stays readable. */
  async stop(): Promise<void> {
    this.#stopping ??= new AbortController();
    this.#stopping.abort();
    this.#listeners.clear();
    this.#stateListeners.clear();
  }

  async #start(): Promise<void> {
    this.#stopping ??= new AbortController();
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const attempt = new AbortController();
    const watching = AbortSignal.any([signal, attempt.signal]);
    const start = (feed: Feed) =>
      feed.source.start(
        (snapshot) => this.#take(feed, snapshot, watching),
        watching,
        (state) => this.#takeState(feed, state, watching),
      );
    try {
      await Promise.all(this.#feeds.map(start));
    } catch (error) {
      if (signal.aborted) return;
      attempt.abort();
      throw error;
    }
    if (this.#current.version === 0 && !signal.aborted) this.#publish();
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#feeds.map(({ source }) => source.refresh?.()));
  }

  #takeState(feed: Feed, state: SourceState, watching: AbortSignal): void {
    if (watching.aborted) return;
    feed.state = state;
    for (const listener of [...this.#stateListeners]) listener({ name: feed.source.name, ...state });
  }

  #take(feed: Feed, snapshot: SourceSnapshot, watching: AbortSignal): void {
    if (watching.aborted) return;
    if (!feed.snapshot || !hasSameRules(feed.snapshot, snapshot)) {
      feed.holding = holdNext(feed.holding, snapshot, this.#now().toISOString());
      this.#rules = undefined;
    }
    feed.snapshot = snapshot;
    feed.issues = snapshot.issues;
    feed.services = snapshot.services ?? [];
    feed.table = snapshot.table;
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

  #publishRules(): void {
    this.#rules = undefined;
    this.#publish();
  }

  #publish(): void {
    this.#rules ??= this.#join();
    const services = this.#feeds.flatMap((feed) => feed.services);
    const table = this.#feeds.find((feed) => feed.table !== undefined)?.table;
    this.#current = {
      version: this.#current.version + 1,
      ...this.#rules,
      ...(services.length > 0 && { services }),
      ...(table && { table }),
    };
    for (const listener of [...this.#listeners]) listener(this.#current);
  }

  #join(): JoinedRules {
    const resources: ValidResource[] = [];
    const states: ResourceState[] = [];
    const issues = this.#feeds.flatMap((feed) => feed.issues);
    for (const feed of this.#feeds) {
      const source = feed.source.name;
      const found = groupIssues(feed.issues);
      const refuse = (resource: ValidResource, since: string, own: readonly Issue[]) => {
        const key = resourceKey(resource);
        const owner = this.#held(key);
        const issue = duplicateIssue(resource, owner === undefined ? source : placeOf(owner));
        issues.push(issue);
        states.push({
          key,
          source,
          ...positionOf(resource),
          state: 'refused',
          since,
          issues: [...own, issue],
        });
      };
      for (const [key, held] of feed.holding.held) {
        const { resource, state, since } = held;
        const own = found.of(key, state === 'last-good' ? resource.source?.file : undefined);
        if (this.#held(key)?.feed !== feed) {
          refuse(resource, since, own);
          continue;
        }
        const laid = this.#overlay.get(key);
        if (laid === undefined) resources.push(resource);
        const isQuiet = laid === undefined && own.length === 0;
        const known = isQuiet ? this.#quiet.get(held) : undefined;
        if (known !== undefined) {
          states.push(known);
          continue;
        }
        const standing =
          laid === undefined ? { state, since } : { state: 'hidden' as const, since: laid.since };
        const shown: ResourceState = { key, source, ...positionOf(resource), ...standing, issues: own };
        if (isQuiet) this.#quiet.set(held, shown);
        states.push(shown);
      }
      for (const { resource, since } of feed.holding.duplicates) refuse(resource, since, []);
      for (const [key, since] of feed.holding.refused) {
        const own = found.of(key);
        states.push({ key, source, ...positionOf(own[0]), state: 'refused', since, issues: own });
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

/** Issues by what they are about. */
function groupIssues(issues: readonly Issue[]): {
  /** Those about the resource, and those about all of `file`, in their order. */
  of(key: string, file?: string): readonly Issue[];
} {
  const byResource = Map.groupBy(issues, ({ resource }) => resource && issueKey(resource));
  const general = Map.groupBy(byResource.get(undefined) ?? [], ({ file }) => file);
  return {
    of(key, file) {
      const own = byResource.get(key) ?? [];
      const all = file === undefined ? undefined : general.get(file);
      return all === undefined ? own : [...all, ...own];
    },
  };
}

function issueKey({ kind, namespace, name }: NonNullable<Issue['resource']>): string {
  return `${kind}/${namespace}/${name}`;
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
