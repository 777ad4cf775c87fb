/**
 * The configuration in effect: joins sources in their order with what `apply` and `delete` laid over them, and
 * swaps whole snapshots, so that nobody ever sees half a change. Knows nothing of files, clusters or rules.
 */
import type { Issue } from '../router/issue.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import type { Steps } from '../router/steps.ts';
import type { Service } from '../router/table/cluster.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import { heldBy, type Joined, join, type Laid, placeOf, type QuietStates } from './join.ts';
import { EMPTY_HOLDING, type Holding, holdNext, type ResourceState, sameContent } from './resource-state.ts';
import { JobsEnded, SlicedJobs } from './slice.ts';
import type { ConfigSource, SourceSnapshot, SourceState } from './source.ts';

export { APPLIED } from './join.ts';

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

interface Feed {
  readonly source: ConfigSource;
  holding: Holding;
  /** What the source has reported and what has its turn next. */
  waiting: SourceSnapshot | undefined;
  /** Resolves when {@link waiting} has been taken. */
  taken: Promise<void>;
  /** The last one taken. */
  snapshot: SourceSnapshot | undefined;
  issues: readonly Issue[];
  services: readonly Service[];
  table: RouteTable | undefined;
  state: SourceState | undefined;
  reported: boolean;
}

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

/** Holds the configuration from {@link start} to {@link stop}. */
export class ConfigStore {
  readonly #feeds: readonly Feed[];
  readonly #overlay = new Map<string, Laid>();
  readonly #followers = new Set<(snapshot: ConfigSnapshot) => Steps<void>>();
  readonly #listeners = new Set<(snapshot: ConfigSnapshot) => void>();
  /** Changes, each with all that comes of it, one after the other. */
  readonly #jobs = new SlicedJobs();
  readonly #stateListeners = new Set<(state: NamedSourceState) => void>();
  /** Made when it is needed: an edge lets a module make a store while it loads, but nothing that aborts. */
  #stopping: AbortController | undefined;
  readonly #now: () => Date;
  readonly #quiet: QuietStates = new WeakMap();
  /** All but what sources know beside their resources, which changes far more often. Undefined when not joined yet. */
  #rules: Joined | undefined;
  #started: Promise<void> | undefined;
  #current: ConfigSnapshot = { version: 0, resources: [], issues: [], states: [] };

  constructor(sources: readonly ConfigSource[], options: ConfigStoreOptions = {}) {
    this.#feeds = sources.map((source) => ({
      source,
      holding: EMPTY_HOLDING,
      waiting: undefined,
      taken: Promise.resolve(),
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

  /**
   * Has each later snapshot carried out, before listeners are told of it and {@link apply} resolves: in slices, between
   * which calls go on, and one snapshot after the other. `carryOut` must not throw. Returns the function that ends it.
   */
  follow(carryOut: (snapshot: ConfigSnapshot) => Steps<void>): () => void {
    this.#followers.add(carryOut);
    return () => void this.#followers.delete(carryOut);
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
   * Rejects when the store is stopped meanwhile, as {@link delete} does.
   */
  async apply(resources: readonly ValidResource[]): Promise<ApplyResult> {
    const { resources: results } = await this.#change(() => ({ lay: resources }));
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
    return (await this.#change(() => ({ remove: keys }))).deleted;
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
    return this.#change((current: ConfigSnapshot) =>
      current.version === version ? plan(current) : undefined,
    );
  }

  async #change(plan: () => ConfigChange): Promise<ChangeResult>;
  async #change(
    plan: (current: ConfigSnapshot) => ConfigChange | undefined,
  ): Promise<ChangeResult | undefined>;
  async #change(
    plan: (current: ConfigSnapshot) => ConfigChange | undefined,
  ): Promise<ChangeResult | undefined> {
    await this.#refresh();
    return this.#jobs.run(() => this.#make(plan(this.#current)));
  }

  *#make(change: ConfigChange | undefined): Steps<ChangeResult | undefined> {
    if (!change) return undefined;
    const deleted = (change.remove ?? []).map((key) => this.#lift(key));
    const resources = (change.lay ?? []).map((resource) => this.#lay(resource));
    if (
      [...deleted, ...resources].some(({ outcome }) => outcome !== 'unchanged' && outcome !== 'not-found')
    ) {
      this.#rules = undefined;
      yield* this.#publish();
    }
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
    const owned = heldBy(this.#feeds, key);
    const lifted = this.#overlay.delete(key);
    if (!lifted) this.#overlay.set(key, { resource: null, since: this.#now().toISOString() });
    if (owned === undefined) return { key, outcome: 'deleted' };
    return { key, outcome: 'deleted', [lifted ? 'restored' : 'hidden']: placeOf(owned) };
  }

  /** Ends all watching. The last snapshot stays readable. */
  async stop(): Promise<void> {
    this.#stopping ??= new AbortController();
    this.#stopping.abort();
    this.#jobs.end();
    this.#followers.clear();
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
      await this.#jobs.run(function* () {});
    } catch (error) {
      if (signal.aborted) return;
      attempt.abort();
      throw error;
    }
    if (this.#current.version === 0 && !signal.aborted) await this.#jobs.run(() => this.#publish());
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#feeds.map(({ source }) => source.refresh?.()));
  }

  #takeState(feed: Feed, state: SourceState, watching: AbortSignal): void {
    if (watching.aborted) return;
    feed.state = state;
    for (const listener of [...this.#stateListeners]) listener({ name: feed.source.name, ...state });
  }

  /** Of several that come while others have their turn the last one counts, and every save. */
  async #take(feed: Feed, snapshot: SourceSnapshot, watching: AbortSignal): Promise<void> {
    if (watching.aborted) return;
    const { waiting } = feed;
    const saved = [...(waiting?.saved ?? []), ...(snapshot.saved ?? [])];
    feed.waiting = waiting?.saved ? { ...snapshot, saved } : snapshot;
    if (!waiting)
      feed.taken = this.#jobs
        .run(() => this.#takeNext(feed, watching))
        .catch((error: unknown) => {
          if (!(error instanceof JobsEnded)) throw error;
        });
    return feed.taken;
  }

  *#takeNext(feed: Feed, watching: AbortSignal): Steps<void> {
    const snapshot = feed.waiting;
    feed.waiting = undefined;
    if (snapshot === undefined || watching.aborted) return;
    if (!feed.snapshot || !hasSameRules(feed.snapshot, snapshot)) {
      feed.holding = yield* holdNext(feed.holding, snapshot, this.#now().toISOString());
      this.#rules = undefined;
    }
    feed.snapshot = snapshot;
    feed.issues = snapshot.issues;
    feed.services = snapshot.services ?? [];
    feed.table = snapshot.table;
    feed.reported = true;
    for (const key of snapshot.saved ?? []) this.#overlay.delete(key);
    for (const [key, laid] of this.#overlay) {
      if (laid.resource === null && heldBy(this.#feeds, key) === undefined) this.#overlay.delete(key);
    }
    if (this.#feeds.every(({ reported }) => reported)) yield* this.#publish();
  }

  #inEffect(key: string): ValidResource | undefined {
    const laid = this.#overlay.get(key);
    return laid === undefined ? heldBy(this.#feeds, key)?.held.resource : (laid.resource ?? undefined);
  }

  *#publish(): Steps<void> {
    this.#rules ??= yield* join(this.#feeds, this.#overlay, this.#quiet);
    const services = this.#feeds.flatMap((feed) => feed.services);
    const table = this.#feeds.find((feed) => feed.table !== undefined)?.table;
    this.#current = {
      version: this.#current.version + 1,
      ...this.#rules,
      ...(services.length > 0 && { services }),
      ...(table && { table }),
    };
    for (const carryOut of [...this.#followers]) yield* carryOut(this.#current);
    for (const listener of [...this.#listeners]) {
      yield;
      listener(this.#current);
    }
  }
}
