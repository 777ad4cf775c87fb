/**
 * The four kinds of resources that rules are made of, each with what the control plane has sent of it and what was
 * refused. Knows no stream.
 */
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.ts';
import { SecretSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import {
  createRoutesReader,
  readCluster,
  readListener,
  readLoadAssignment,
  readSecret,
} from '../../router/xds/index.ts';

/** A resource as it is sent. */
export interface SentResource {
  /** What it is sent as, for bytes that cannot be read; whole states and caches do not say. */
  readonly name?: string;
  readonly version: string;
  readonly any: Any;
}

/** A resource that came and was not taken. */
export interface RefusedResource {
  /** `Listener`, `Cluster`, `ClusterLoadAssignment`, `RouteConfiguration` or `Secret`. */
  readonly kind: string;
  /** Empty where the bytes are no such message, and nothing else says the name. */
  readonly name: string;
  /** Names the part that is not understood. */
  readonly reason: string;
  /** ISO time. */
  readonly since: string;
}

/** What tells one kind of resources from another. */
export interface ResourceType<T> {
  readonly typeUrl: string;
  readonly kind: string;
  /** An answer with a whole state names all that there is; of other kinds only what has changed. */
  readonly isWhole: boolean;
  /** Throws for bytes that are no such message, and `read` for what is not understood of it. */
  parse(bytes: Uint8Array): { readonly name: string; read(): T | undefined };
  /** Told that a resource is gone, whose last version need not be remembered. */
  forget?(name: string): void;
}

function resourceType<Schema extends DescMessage, T>(
  schema: Schema,
  isWhole: boolean,
  nameOf: (message: MessageShape<Schema>) => string,
  read: (message: MessageShape<Schema>) => T | undefined,
): ResourceType<T> {
  return {
    typeUrl: `type.googleapis.com/${schema.typeName}`,
    kind: schema.name,
    isWhole,
    parse(bytes) {
      const message = fromBinary(schema, bytes);
      return { name: nameOf(message), read: () => read(message) };
    },
  };
}

/** By what {@link XdsResources} calls them. What was read of routes before is remembered for the next version. */
export function resourceTypes() {
  return {
    clusters: resourceType(ClusterSchema, true, ({ name }) => name, readCluster),
    endpoints: resourceType(
      ClusterLoadAssignmentSchema,
      false,
      ({ clusterName }) => clusterName,
      readLoadAssignment,
    ),
    listeners: resourceType(ListenerSchema, true, ({ name }) => name, readListener),
    routes: {
      typeUrl: `type.googleapis.com/${RouteConfigurationSchema.typeName}`,
      kind: RouteConfigurationSchema.name,
      isWhole: false,
      ...createRoutesReader(),
    },
  } as const;
}

/** Certificates with their keys. Apart from the others: they are no rules, and on no disk. */
export const secretType = resourceType(SecretSchema, false, ({ name }) => name, readSecret);

/** One kind, as it stands. */
export class Collection<T> {
  readonly type: ResourceType<T>;
  /** Asked for all there are, in place of {@link names}. */
  readonly isWildcard: boolean;
  /** The control plane has answered at least once. */
  isAnswered = false;
  /** Of the last answer that was taken. */
  versionInfo = '';
  /** Of the last answer on this stream. */
  nonce = '';
  /** What is not. A version that was taken before stays in {@link values}. */
  readonly refused = new Map<string, RefusedResource>();
  readonly #values = new Map<string, T>();
  /** What {@link values} gives until something changes. */
  #shown: ReadonlyMap<string, T> | undefined;
  readonly #versions = new Map<string, string>();
  #names: ReadonlySet<string> = new Set();
  /** Names asked for that there is no answer for yet. */
  readonly #awaited = new Set<string>();
  /** Names asked for in vain. */
  readonly #absent = new Set<string>();
  readonly #bytes: Map<string, SentResource> | undefined;

  constructor(type: ResourceType<T>, isWildcard: boolean, keepsBytes: boolean) {
    this.type = type;
    this.isWildcard = isWildcard;
    this.#bytes = keepsBytes ? new Map() : undefined;
  }

  /** Versions of what was taken, by name: what a stream that goes on need not be sent again. */
  get versions(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#versions);
  }

  /** What was taken, as it came; empty unless bytes are kept. */
  get sent(): readonly SentResource[] {
    return [...(this.#bytes?.values() ?? [])];
  }

  /** There is an answer for the name: taken, refused, or of no concern here. */
  has(name: string): boolean {
    return this.#versions.has(name) || this.refused.has(name);
  }

  /** Names asked for. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** Asks for these names, and forgets what has another. */
  ask(names: ReadonlySet<string>): void {
    this.#names = names;
    this.retain(names);
    this.#awaited.clear();
    for (const name of names) if (!this.has(name) && !this.#absent.has(name)) this.#awaited.add(name);
  }

  /** What is understood, by name: the same map until something changes. */
  get values(): ReadonlyMap<string, T> {
    this.#shown ??= new Map(this.#values);
    return this.#shown;
  }

  /** There is no answer for a name yet, and one may come. */
  get isAwaiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** Waits no longer for what was asked for and has not come. */
  giveUp(): void {
    for (const name of this.#awaited) this.#absent.add(name);
    this.#awaited.clear();
  }

  /** Takes a resource, or keeps what was there and says why. */
  take(
    { name = '', any, version }: SentResource,
    now: () => Date,
  ): { readonly name: string; readonly refusal?: string } {
    try {
      const parsed = this.type.parse(any.value);
      name = parsed.name;
      const value = parsed.read();
      if (value === undefined) this.#values.delete(name);
      else this.#values.set(name, value);
      this.#shown = undefined;
    } catch (error) {
      const { kind } = this.type;
      const reason = (error as Error).message;
      const before = this.refused.get(name);
      const since = before?.reason === reason ? before.since : now().toISOString();
      this.refused.set(name, { kind, name, reason, since });
      this.#awaited.delete(name);
      return { name, refusal: `${kind} "${name}": ${reason}` };
    }
    this.#absent.delete(name);
    this.#awaited.delete(name);
    this.#versions.set(name, version);
    this.#bytes?.set(name, { any, version });
    this.refused.delete(name);
    return { name };
  }

  /** Forgets a resource that is gone. True when it was there. */
  remove(name: string): boolean {
    const wasThere = this.has(name);
    this.refused.delete(name);
    if (this.#values.delete(name)) this.#shown = undefined;
    this.#versions.delete(name);
    if (this.#names.has(name) && !this.#absent.has(name)) this.#awaited.add(name);
    this.#bytes?.delete(name);
    this.type.forget?.(name);
    return wasThere;
  }

  /** Forgets all but these. True when there were others. */
  retain(names: ReadonlySet<string>): boolean {
    const gone = [...this.#versions.keys(), ...this.refused.keys()].filter((name) => !names.has(name));
    for (const name of gone) this.remove(name);
    for (const name of this.#absent) if (!names.has(name)) this.#absent.delete(name);
    return gone.length > 0;
  }
}
