/**
 * Endpoints whose address is a name: looked up again and again, each address an endpoint. A lookup that fails
 * leaves the last good addresses. Names are looked up once for all clusters that have them.
 *
 * Source: Envoy `source/extensions/clusters/strict_dns/strict_dns_cluster.cc`, `logical_dns_cluster.cc`;
 * Istio `pilot/pkg/networking/core/cluster_builder.go` (buildCluster: dns_refresh_rate, respect_dns_ttl).
 */
import type { Cluster, ClusterEndpoint } from '../router/table/cluster.ts';

/** What a lookup says. */
export interface Resolution {
  /** Texts of IP addresses in the order of the response; at least one. */
  readonly addresses: readonly string[];
  /** How long they hold. Absent: nobody says. */
  readonly ttlMs?: number;
}

/** Looks a name up. Rejects where it has no address, or nobody answers. */
export type Resolve = (name: string) => Promise<Resolution>;

/** Addresses of each name that was looked up; none where it never could be. A name that is being looked up is missing. */
type Addresses = ReadonlyMap<string, readonly string[]>;

/** Runs something later; returns what calls it off. */
export type Delay = (run: () => void, ms: number) => () => void;

/** Between lookups that fail, and where no TTL is said. Source: Istio `pkg/config/mesh/mesh.go` (DnsRefreshRate). */
const REFRESH_MS = 60_000;
/** A TTL of 0 is no reason to ask all the time. */
const MIN_REFRESH_MS = 1_000;

interface Watched {
  addresses: readonly string[] | undefined;
  readonly listeners: Set<() => void>;
  callOff: (() => void) | undefined;
}

/** Names that are watched. */
export class Names {
  readonly #resolve: Resolve;
  readonly #delay: Delay;
  readonly #watched = new Map<string, Watched>();

  constructor(resolve: Resolve, delay: Delay) {
    this.#resolve = resolve;
    this.#delay = delay;
  }

  /**
   * Tells the cluster's endpoints with each name's addresses in its place, now where they are known and whenever they
   * change, until the function returned is called. Undefined: there is nothing to look up.
   */
  watch(
    cluster: Cluster,
    changed: (endpoints: readonly ClusterEndpoint[]) => void,
  ): (() => void) | undefined {
    const unique = cluster.resolution?.startsWith('DNS') ? [...new Set(namesOf(cluster.endpoints))] : [];
    if (unique.length === 0) return undefined;
    let told: string | undefined;
    const tell = (): void => {
      const known = new Map<string, readonly string[]>();
      for (const name of unique) {
        const { addresses } = this.#watched.get(name)!;
        if (addresses) known.set(name, addresses);
      }
      const endpoints = expandNames(cluster, known);
      const key = endpoints.map(({ id }) => id).join();
      if (key === told) return;
      told = key;
      changed(endpoints);
    };
    for (const name of unique) this.#listen(name, tell);
    if (unique.some((name) => this.#watched.get(name)!.addresses)) tell();
    return () => {
      for (const name of unique) this.#unlisten(name, tell);
    };
  }

  #listen(name: string, listener: () => void): void {
    const known = this.#watched.get(name);
    if (known) {
      known.listeners.add(listener);
      return;
    }
    const watched: Watched = { addresses: undefined, listeners: new Set([listener]), callOff: undefined };
    this.#watched.set(name, watched);
    void this.#lookUp(name, watched);
  }

  #unlisten(name: string, listener: () => void): void {
    const watched = this.#watched.get(name);
    watched?.listeners.delete(listener);
    if (!watched || watched.listeners.size > 0) return;
    watched.callOff?.();
    this.#watched.delete(name);
  }

  async #lookUp(name: string, watched: Watched): Promise<void> {
    let resolution: Resolution | undefined;
    try {
      resolution = await this.#resolve(name);
    } catch {
      // The last good addresses stay; a name that never had one has none.
      resolution = undefined;
    }
    if (this.#watched.get(name) !== watched) return;
    const before = watched.addresses;
    const found = resolution?.addresses ?? before ?? [];
    watched.addresses = found;
    const { ttlMs = REFRESH_MS } = resolution ?? {};
    watched.callOff = this.#delay(() => void this.#lookUp(name, watched), Math.max(ttlMs, MIN_REFRESH_MS));
    if (before && before.join() === found.join()) return;
    for (const listener of [...watched.listeners]) listener();
  }
}

/** The names among the endpoints' addresses. */
function namesOf(endpoints: readonly ClusterEndpoint[]): string[] {
  return endpoints.flatMap((each) =>
    each.kind === 'socket' && !isAddress(each.address) ? [each.address] : [],
  );
}

/**
 * The endpoints with each name's addresses in its place; one that is being looked up for the first time stays, as
 * the system can dial a name too. With `DNS_ROUND_ROBIN` a name stands for the first address of the last response alone.
 */
function expandNames({ endpoints, resolution }: Cluster, known: Addresses): ClusterEndpoint[] {
  return endpoints.flatMap((endpoint): ClusterEndpoint[] => {
    const addresses = endpoint.kind === 'socket' ? known.get(endpoint.address) : undefined;
    if (endpoint.kind !== 'socket' || !addresses) return [endpoint];
    const used = resolution === 'DNS_ROUND_ROBIN' ? addresses.slice(0, 1) : [...addresses].sort();
    return used.map((address) => ({ ...endpoint, id: `${endpoint.id}/${address}`, address }));
  });
}

function isAddress(text: string): boolean {
  return text.includes(':') || /^\d+(\.\d+){3}$/.test(text);
}
