/**
 * Follows one kind of object of an API server: a list, then a watch from there on, and a list again where the server no
 * longer knows what came in between.
 *
 * Source: Kubernetes `client-go/tools/cache/reflector.go`, `docs/reference/using-api/api-concepts` (watches, bookmarks).
 */
import { wait } from '../wait.ts';
import { type KubernetesApi, KubernetesError, type WatchEvent } from './api.ts';

/** What we read of every object. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    /** Counts the changes of what is asked for; those of a status are none. */
    readonly generation?: number;
  };
}

/** Which objects, and what is kept of each. */
export interface ReflectedKind<T> {
  /** `VirtualService`, for people. */
  readonly kind: string;
  /** `virtualservices`. */
  readonly resource: string;
  /** `/apis/networking.istio.io/v1`; several where older servers have an older one: the first that is there. */
  readonly apis: readonly string[];
  /** All that is asked for is metadata. */
  readonly isMetadataOnly?: boolean;
  /** A cluster without this kind is one with none of it. Default false: an error. */
  readonly isOptional?: boolean;
  /** What is kept. Undefined: nothing. */
  keep(object: KubernetesObject): T | undefined;
  /** What was kept says the same: the object has changed in nothing that is read. Default: never. */
  isSame?(before: T, after: T): boolean;
}

/** See the fields. */
export interface ReflectorOptions<T = unknown> {
  /** Absent: all. */
  readonly namespace?: string;
  /** Returns a number in [0, 1). */
  readonly chance: () => number;
  /** Waits before tries, in milliseconds: the first, and the longest. */
  readonly waits?: { readonly firstMs: number; readonly lastMs: number };
  /** Told of each object that has come, changed or gone, by `NAMESPACE/NAME`. */
  changed(key: string): void;
  /** Told of each version of an object, changed in what is read or not, with its path and what is kept of it. */
  seen?(path: string, object: KubernetesObject, kept: T): void;
  /** Told of the path of each object that {@link seen} was told of and that is gone. */
  gone?(path: string): void;
  /** Told that it follows the server, or why it does not, and how often in a row it was refused the right to. */
  stands(reason: string | undefined, refusals: number): void;
}

/** A server ends a watch after so many seconds; one that has not by then, and a bit, is gone. */
const WATCH_SECONDS = 60;
const WATCH_GRACE_MS = 10_000;
/** Objects that are asked for at a time; what is read of a page is garbage before the next one comes. */
const PAGE = 250;
const WAITS = { firstMs: 500, lastMs: 30_000 };
/** What came between is forgotten, or the kind is no longer where it was. */
const MUST_LIST: ReadonlySet<number> = new Set([410, 404]);
/** A kind that is not there is looked for so often. */
const ABSENT_MS = 30_000;

/** What is kept of an object that was listed. */
interface Found<T> {
  readonly kept: T;
  readonly version: string | undefined;
}

/** What `/apis` says. */
interface ApiGroups {
  readonly kind?: string;
  readonly groups?: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[];
}

/** What `/apis/GROUP/VERSION` says. */
interface ApiResources {
  readonly resources?: readonly { readonly name: string }[];
}

/** Follows until the signal aborts. */
export class Reflector<T> {
  readonly kind: ReflectedKind<T>;
  /** By `NAMESPACE/NAME`. */
  readonly objects = new Map<string, T>();
  /** The first list is complete. */
  hasSynced = false;
  readonly #api: KubernetesApi;
  readonly #options: ReflectorOptions<T>;
  readonly #signal: AbortSignal;
  /** Why what was sent of an object cannot be kept, by key: what was kept before stays. */
  readonly #unreadable = new Map<string, string>();
  /** Versions of what is kept and cannot be compared, by key: what is listed anew has often not changed. */
  readonly #versions = new Map<string, string>();
  /** Of {@link ReflectedKind.apis} the one that is there. */
  #group: string | undefined;
  #version: string | undefined;

  constructor(kind: ReflectedKind<T>, api: KubernetesApi, options: ReflectorOptions<T>, signal: AbortSignal) {
    this.kind = kind;
    this.#api = api;
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { chance, stands, waits = WAITS } = this.#options;
    let failures = 0;
    let refusals = 0;
    while (!this.#signal.aborted) {
      try {
        if (this.#version === undefined) {
          await this.#list();
          refusals = 0;
          this.#standsWell();
        }
        if (this.#group === undefined) {
          await wait(ABSENT_MS, this.#signal);
          this.#version = undefined;
          continue;
        }
        const isGood = await this.#watch();
        // A watch that ends at once over and over again is no reason to ask without end.
        failures = isGood ? 0 : failures + 1;
        if (isGood) continue;
      } catch (error) {
        if (this.#signal.aborted) return;
        failures++;
        if (error instanceof KubernetesError && MUST_LIST.has(error.status)) this.#version = undefined;
        refusals = isRefusal(error) ? refusals + 1 : 0;
        stands(this.#reasonOf(error), refusals);
        const asked = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
        if (asked > 0) await wait(asked, this.#signal);
      }
      const limitMs = Math.min(waits.firstMs * 2 ** (failures - 1), waits.lastMs);
      await wait(limitMs * (0.5 + chance() / 2), this.#signal);
    }
  }

  #reasonOf(error: unknown): string {
    const { kind, resource } = this.kind;
    const { message } = error as Error;
    if (!(error instanceof KubernetesError)) return `${kind}: ${message}`;
    if (error.status === 401)
      return `${kind}: the API server does not know who we are, give a token or certificate that holds (${message})`;
    if (error.status !== 403) return `${kind}: ${message}`;
    return `${kind}: the service account may not list and watch ${resource}, give it a role that may (${message})`;
  }

  /** Finds where the kind is, and what there is of it. */
  async #list(): Promise<void> {
    for (const group of this.kind.apis) {
      try {
        await this.#listIn(group);
        this.#group = group;
        return;
      } catch (error) {
        if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
      }
    }
    const { isOptional, resource } = this.kind;
    if (!isOptional) throw new KubernetesError(404, `the API server has no ${resource}`);
    // Whatever stands before the server may answer so, too, when the server is away.
    if (this.#group !== undefined && !(await this.#isGone()))
      throw new KubernetesError(404, `what is asked has no ${resource}, and the API server says that it has`);
    this.#group = undefined;
    this.#version = '';
    this.#replace(new Map());
  }

  /** The server knows the kind no more. Rejects where what answers is no API server. */
  async #isGone(): Promise<boolean> {
    const accept = 'application/json';
    const { kind, groups = [] } = (await this.#api.get('/apis', accept, this.#signal)) as ApiGroups;
    if (kind !== 'APIGroupList') throw new KubernetesError(404, 'what is asked is no API server');
    const served = new Set(groups.flatMap(({ versions }) => versions.map((each) => each.groupVersion)));
    for (const api of this.kind.apis) {
      if (!served.has(api.slice('/apis/'.length))) continue;
      const { resources = [] } = (await this.#api.get(api, accept, this.#signal)) as ApiResources;
      if (resources.some(({ name }) => name === this.kind.resource)) return false;
    }
    return true;
  }

  async #listIn(group: string): Promise<void> {
    const found = new Map<string, Found<T>>();
    this.#unreadable.clear();
    const place = this.#pathOf(group);
    let next = '';
    let version: string;
    do {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next !== '' && { continue: next }) });
      const list = (await this.#api.get(`${place}?${query}`, this.#accept('List'), this.#signal)) as {
        readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
        readonly items: readonly KubernetesObject[] | null;
      };
      for (const object of list.items ?? []) {
        const kept = this.#keep(object);
        if (kept === undefined) continue;
        found.set(keyOf(object), { kept, version: object.metadata.resourceVersion });
        this.#options.seen?.(this.#pathOf(group, keyOf(object)), object, kept);
      }
      next = list.metadata.continue ?? '';
      version = list.metadata.resourceVersion;
    } while (next !== '');
    this.#replace(found);
    // Not before all pages are there: a watch from here on would never tell of those that are not.
    this.#version = version;
  }

  #replace(found: ReadonlyMap<string, Found<T>>): void {
    for (const key of [...this.objects.keys()]) if (!found.has(key)) this.#delete(key);
    for (const [key, { kept, version }] of found) this.#set(key, kept, version);
    this.hasSynced = true;
  }

  /** Resolves when the server ends the watch: false when it had nothing to say, and that at once. */
  async #watch(): Promise<boolean> {
    const begunMs = performance.now();
    let events = 0;
    const ended = new AbortController();
    const timer = setTimeout(() => ended.abort(), WATCH_SECONDS * 1000 + WATCH_GRACE_MS);
    try {
      const query = new URLSearchParams({
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#version ?? '',
        timeoutSeconds: String(WATCH_SECONDS),
      });
      const signal = AbortSignal.any([this.#signal, ended.signal]);
      const watch = await this.#api.watch(`${this.#pathOf(this.#group!)}?${query}`, this.#accept(''), signal);
      this.#standsWell();
      for await (const event of watch) {
        events++;
        this.#take(event);
      }
    } catch (error) {
      if (ended.signal.aborted) throw new Error('the watch has gone silent');
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return events > 0 || performance.now() - begunMs > 1000;
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') {
      const { code = 500, message = 'the watch failed' } = object as { code?: number; message?: string };
      throw new KubernetesError(code, message);
    }
    const known = object as KubernetesObject;
    this.#version = known.metadata.resourceVersion ?? this.#version;
    if (type === 'BOOKMARK') return;
    const key = keyOf(known);
    const couldAll = this.#unreadable.size === 0;
    if (type === 'DELETED') this.#unreadable.delete(key);
    const kept = type === 'DELETED' ? undefined : this.#keep(known);
    if (!couldAll || this.#unreadable.size > 0) this.#standsWell();
    if (kept === undefined) return this.#delete(key);
    this.#set(key, kept, known.metadata.resourceVersion);
    this.#options.seen?.(this.#pathOf(this.#group!, key), known, kept);
  }

  /** What is kept of an object; of one that cannot be read, what was before: one bad object stops no other. */
  #keep(object: KubernetesObject): T | undefined {
    const key = keyOf(object);
    try {
      const kept = this.kind.keep(object);
      this.#unreadable.delete(key);
      return kept;
    } catch (error) {
      this.#unreadable.set(key, (error as Error).message);
      return this.objects.get(key);
    }
  }

  /** It follows the server; an object that cannot be read is told all the same. */
  #standsWell(): void {
    const [first] = this.#unreadable;
    this.#options.stands(
      first && `${this.kind.kind} ${first[0]} cannot be read, its last good version stays: ${first[1]}`,
      0,
    );
  }

  #delete(key: string): void {
    this.#versions.delete(key);
    if (this.#group !== undefined) this.#options.gone?.(this.#pathOf(this.#group, key));
    if (this.objects.delete(key)) this.#options.changed(key);
  }

  #set(key: string, object: T, version: string | undefined): void {
    const before = this.objects.get(key);
    const isKnown = version !== undefined && this.#versions.get(key) === version;
    if (version !== undefined && !this.kind.isSame) this.#versions.set(key, version);
    if (before !== undefined && (isKnown || this.kind.isSame?.(before, object))) return;
    this.objects.set(key, object);
    this.#options.changed(key);
  }

  /** Of all objects that are followed, or of one. */
  #pathOf(group: string, key?: string): string {
    const [namespace, name] = key?.split('/') ?? [this.#options.namespace];
    const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
    return `${group}${scope}/${this.kind.resource}${name === undefined ? '' : `/${name}`}`;
  }

  #accept(suffix: 'List' | ''): string {
    return this.kind.isMetadataOnly
      ? `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1,application/json`
      : 'application/json';
  }
}

/** `NAMESPACE/NAME`. */
export function keyOf({ metadata: { namespace = '', name } }: KubernetesObject): string {
  return `${namespace}/${name}`;
}

function isRefusal(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 401 || error.status === 403);
}
