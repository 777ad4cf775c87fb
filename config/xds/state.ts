/**
 * The client's side of aggregated discovery: what was asked for, what came and what was refused, and so what to say
 * next. No stream, no clock; which form of the protocol is spoken makes no difference here.
 *
 * Source: Envoy's documentation, `xds_protocol.rst`.
 */

import type { TlsSecret } from '../../router/table/workload-certificate.ts';
import {
  clusterNamesOf,
  endpointsNames,
  routeNames,
  secretNames,
  type XdsResources,
} from '../../router/xds/index.ts';
import {
  Collection,
  type RefusedResource,
  resourceTypes,
  type SentResource,
  secretType,
} from './collection.ts';

/** What the client says about one kind. */
export interface XdsRequest {
  readonly typeUrl: string;
  /** All names that are wanted; empty for all there are. */
  readonly names: ReadonlySet<string>;
  /** Those of {@link names} that were not wanted before on this stream. */
  readonly subscribe: readonly string[];
  /** Those that no longer are. */
  readonly unsubscribe: readonly string[];
  /** Of the last answer that was taken; empty when none was. */
  readonly versionInfo: string;
  /** Of the last answer on this stream; empty when there is none. */
  readonly nonce: string;
  /** The request says of the last answer that it is taken, or why it is not. */
  readonly isAnswer: boolean;
  readonly refusal?: string;
  /** Set in the first request about a kind on a stream: versions known from an earlier one, by name. */
  readonly known?: Readonly<Record<string, string>>;
}

/** What the control plane says about one kind. */
export interface XdsResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly versionInfo: string;
  readonly resources: readonly SentResource[];
  readonly removed: readonly string[];
  /** Of kinds that are sent as a whole: what is not among the resources is gone. */
  readonly isWhole: boolean;
}

/** See the fields. */
export interface AdsStateOptions {
  /** A gRPC client is given all listeners, and of the rest what it asks for by name. */
  readonly isGrpc: boolean;
  /** What comes is kept as it came, for a cache. */
  readonly keepsBytes: boolean;
  /** For `since`. */
  readonly now: () => Date;
}

type ValueOf<M> = M extends ReadonlyMap<string, infer V> ? V : never;
type Collections = { readonly [K in keyof XdsResources]: Collection<ValueOf<XdsResources[K]>> };

/** Outlives streams: what is known stays known while the control plane is away. */
export class AdsState {
  readonly #options: AdsStateOptions;
  readonly #all: Collections;
  readonly #secrets = new Collection<TlsSecret>(secretType, false, false);
  readonly #byUrl: ReadonlyMap<string, Collection<unknown>>;
  /** Kinds that were asked about on this stream. */
  readonly #opened = new Set<Collection<unknown>>();
  /** The list that {@link Collection.names} were made of. */
  readonly #asked = new Map<Collection<unknown>, readonly string[]>();
  #secretsNamed:
    | (Pick<XdsResources, 'clusters' | 'listeners'> & { readonly names: readonly string[] })
    | undefined;
  readonly #namesIn = {
    endpoints: once(endpointsNames),
    routes: once(routeNames),
    services: once(servicesOf),
  };

  constructor(options: AdsStateOptions) {
    const { isGrpc, keepsBytes } = options;
    this.#options = options;
    // In this order they are asked for: what is named before what names it.
    const types = resourceTypes();
    this.#all = {
      clusters: new Collection(types.clusters, !isGrpc, keepsBytes),
      endpoints: new Collection(types.endpoints, false, keepsBytes),
      listeners: new Collection(types.listeners, true, keepsBytes),
      routes: new Collection(types.routes, false, keepsBytes),
    };
    const list: Collection<unknown>[] = [this.#secrets, ...Object.values(this.#all)];
    this.#byUrl = new Map(list.map((each) => [each.type.typeUrl, each]));
  }

  /** All that was understood; each map is the same until something of it changes. */
  get resources(): XdsResources {
    const { clusters, endpoints, listeners, routes } = this.#all;
    return {
      clusters: clusters.values,
      endpoints: endpoints.values,
      listeners: listeners.values,
      routes: routes.values,
    };
  }

  /** By name, what clusters ask for and has come. */
  get secrets(): ReadonlyMap<string, TlsSecret> {
    return this.#secrets.values;
  }

  /** All that was not. */
  get refused(): readonly RefusedResource[] {
    return [...this.#byUrl.values()].flatMap(({ refused }) => [...refused.values()]);
  }

  /** What was taken, as it came, by kind; empty unless bytes are kept. */
  get sent(): ReadonlyMap<string, readonly SentResource[]> {
    return new Map(Object.values(this.#all).map(({ type, sent }) => [type.typeUrl, sent]));
  }

  /** There is an answer to all that was asked. */
  get isComplete(): boolean {
    return this.hasAllRules && !this.#secrets.isAwaiting;
  }

  /** The same but for secrets: those that are nowhere are never answered. */
  get hasAllRules(): boolean {
    const { clusters, endpoints, listeners, routes } = this.#all;
    return (
      listeners.isAnswered &&
      !routes.isAwaiting &&
      (clusters.isWildcard ? clusters.isAnswered : !clusters.isAwaiting) &&
      !endpoints.isAwaiting
    );
  }

  /** What was asked for and has not come is no longer waited for, until it is asked for again. */
  giveUp(): void {
    for (const collection of this.#byUrl.values()) collection.giveUp();
  }

  /** Takes what was sent in an earlier life: it is in effect until the control plane says otherwise. */
  restore(sent: ReadonlyMap<string, readonly SentResource[]>): void {
    for (const [typeUrl, resources] of sent) {
      const collection = this.#byUrl.get(typeUrl);
      if (!collection) continue;
      for (const each of resources) collection.take(each, this.#options.now);
      collection.isAnswered = true;
    }
  }

  /** What to say first on a new stream. */
  open(): XdsRequest[] {
    this.#opened.clear();
    for (const collection of this.#byUrl.values()) collection.nonce = '';
    return this.#subscribe();
  }

  /** Takes an answer: what to say to it, and whether anything has changed by it. */
  take(response: XdsResponse): { readonly requests: readonly XdsRequest[]; readonly isChanged: boolean } {
    const { typeUrl } = response;
    const collection = this.#byUrl.get(typeUrl);
    if (!collection) return { requests: [], isChanged: false };
    const outcomes = response.resources.map((each) => collection.take(each, this.#options.now));
    const refusals = outcomes.flatMap(({ refusal }) => refusal ?? []);
    // What is refused changes what is told of it.
    let isChanged = !collection.isAnswered || outcomes.length > 0;
    for (const name of response.removed) if (collection.remove(name)) isChanged = true;
    if (response.isWhole && collection.type.isWhole) {
      const present = new Set(outcomes.map(({ name }) => name));
      if (collection.retain(present)) isChanged = true;
    }
    collection.isAnswered = true;
    collection.nonce = response.nonce;
    if (refusals.length === 0) collection.versionInfo = response.versionInfo;
    const answer: XdsRequest = {
      ...requestOf(collection),
      isAnswer: true,
      ...(refusals.length > 0 && { refusal: refusals.join('; ') }),
    };
    // Endpoints and secrets name nothing.
    const isLeaf = typeUrl === this.#all.endpoints.type.typeUrl || typeUrl === secretType.typeUrl;
    return { requests: [answer, ...(isLeaf ? [] : this.#subscribe())], isChanged };
  }

  /** Asks for what is named now and was not, and lets go of what no longer is. */
  #subscribe(): XdsRequest[] {
    const { clusters, endpoints, listeners, routes } = this.#all;
    const namesIn = this.#namesIn;
    return [
      ...this.#want(clusters, clusters.isWildcard ? NONE : namesIn.services(routes.values)),
      ...this.#want(this.#secrets, this.#secretNames()),
      ...this.#want(endpoints, namesIn.endpoints(clusters.values)),
      ...this.#want(listeners, NONE),
      ...this.#want(routes, namesIn.routes(listeners.values)),
    ];
  }

  #secretNames(): readonly string[] {
    const [clusters, listeners] = [this.#all.clusters.values, this.#all.listeners.values];
    const known = this.#secretsNamed;
    if (known?.clusters === clusters && known.listeners === listeners) return known.names;
    const names = secretNames({ clusters, listeners });
    this.#secretsNamed = { clusters, listeners, names };
    return names;
  }

  #want(collection: Collection<unknown>, names: readonly string[]): XdsRequest[] {
    const { isWildcard, names: before } = collection;
    const isFirst = !this.#opened.has(collection);
    if (!isFirst && this.#asked.get(collection) === names) return [];
    this.#asked.set(collection, names);
    const wanted = new Set(names);
    const subscribe = isFirst ? names : names.filter((name) => !before.has(name));
    const unsubscribe = isFirst ? [] : [...before].filter((name) => !wanted.has(name));
    if (!isWildcard) collection.ask(wanted);
    // Names that are none would ask for all there are.
    if (isFirst && !isWildcard && names.length === 0) return [];
    if (!isFirst && subscribe.length === 0 && unsubscribe.length === 0) return [];
    this.#opened.add(collection);
    return [
      {
        ...requestOf(collection),
        subscribe,
        unsubscribe,
        ...(isFirst && { known: collection.versions }),
      },
    ];
  }
}

const NONE: readonly string[] = [];

/** Works the names out again only for another map. */
function once<Values>(namesOf: (values: Values) => readonly string[]): (values: Values) => readonly string[] {
  let known: { readonly values: Values; readonly names: readonly string[] } | undefined;
  return (values) => {
    if (known?.values !== values) known = { values, names: namesOf(values) };
    return known.names;
  };
}

function requestOf({ type, names, versionInfo, nonce }: Collection<unknown>): XdsRequest {
  return {
    typeUrl: type.typeUrl,
    names,
    subscribe: [],
    unsubscribe: [],
    versionInfo,
    nonce,
    isAnswer: false,
  };
}

/** Passthrough and the like are the proxy's own: nobody is asked for them. */
function servicesOf(routes: XdsResources['routes']): readonly string[] {
  const names = new Set([...routes.values()].flatMap((each) => [...clusterNamesOf(each)]));
  return [...names].filter((name) => name.startsWith('outbound|'));
}
