/**
 * The upstreams of all endpoints, kept while any cluster in effect names them: a change of rules leaves the
 * connections of endpoints that stay alone, and drains those of endpoints that go.
 */
import type { Balancer } from '../router/policy/balancer.ts';
import type { CircuitBreaker } from '../router/policy/circuit-breaker.ts';
import type { SpreadOptions } from '../router/policy/spread.ts';
import type {
  ClientTls,
  Cluster,
  ClusterEndpoint,
  ConnectionPool,
  EndpointPlace,
} from '../router/table/cluster.ts';
import type { PodAccounts, Secrets, WorkloadCertificates } from '../router/table/workload-certificate.ts';
import type { RunningCluster, RunningEndpoint } from './cluster.ts';
import { countRequests } from './counted-upstream.ts';
import type { Names } from './dns.ts';
import { createFetchUpstream, unreachable } from './fetch.ts';
import type { Upstream } from './upstream.ts';

/** Finds the upstream of an endpoint in process, or undefined when none is registered. */
export type InProcessLookup = (host: string, port: number, id: string) => Upstream | undefined;

/** An endpoint's upstream with what is under way on it, shared by all clusters of the same settings that hold it. */
export interface PooledUpstream {
  readonly key: string;
  readonly upstream: Upstream;
  /** Exchanges under way. */
  active: number;
  /** How often clusters in effect name it: each {@link UpstreamPool.take} until its {@link UpstreamPool.giveBack}. */
  users: number;
}

/** What a cluster says of its connections. */
export interface ConnectSettings {
  readonly pool?: ConnectionPool;
  readonly tls?: ClientTls;
  /** For mode ISTIO_MUTUAL. */
  readonly workloadCertificates?: WorkloadCertificates | undefined;
  /** Whom endpoints in Pods have to be, where {@link tls} names nobody. */
  readonly podAccounts?: PodAccounts | undefined;
  /** For what {@link tls} names. */
  readonly secrets?: Secrets | undefined;
  readonly breaker?: CircuitBreaker;
}

const PLAIN: ConnectSettings = {};

/** Opens an upstream to a remote endpoint. */
export type Connect = (
  endpoint: Exclude<ClusterEndpoint, { kind: 'in-process' }>,
  protocol: Cluster['protocol'],
  settings: ConnectSettings,
) => Upstream;

/** Tells endpoints of several priorities and localities apart. */
export interface Spread {
  /** True where endpoints in these places have to be. */
  isNeeded(places: readonly (EndpointPlace | undefined)[], isLocalityWeighted: boolean): boolean;
  create(options: SpreadOptions): Balancer<RunningEndpoint>;
}

/** What a pool needs from outside. */
export interface PoolOptions {
  /** Default: `fetch`, which every runtime has. */
  readonly connect?: Connect;
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
  /** Runs what may take some time when nothing else is to be done. */
  readonly later?: (run: () => void) => void;
  /** Looks names up. Default: nothing is, names are dialled. */
  readonly names?: Names | undefined;
  /** Default: all endpoints of a cluster are alike, as those of compiled rules are. */
  readonly spread?: Spread;
  /**
   * True: a request that came over HTTP/2 goes on over it, to clusters that speak HTTP/1.1 too: a client knows what its
   * protocol needs. Default false.
   */
  readonly prefersHttp2?: boolean;
  /** By what this workload is known in its mesh, if by anything yet. Default: by nothing. */
  readonly workloadCertificates?: () => WorkloadCertificates | undefined;
  /** What clusters name in place of files, if there is any yet. Default: none. */
  readonly secrets?: () => Secrets | undefined;
  /** Whose certificates those of Pods are, if anybody tells yet. Default: nobody does. */
  readonly podAccounts?: () => PodAccounts | undefined;
}

/** Holds upstreams from the moment a cluster takes them until none does and {@link prune} drops them, or {@link close}. */
export class UpstreamPool {
  /** Clusters in effect, with what they remember. */
  clusters: ReadonlyMap<string, RunningCluster> = new Map();
  /** What {@link clusters} were made of, in their order. */
  written: readonly Cluster[] = [];
  readonly nowMs: () => number;
  readonly later: (run: () => void) => void;
  readonly names: Names | undefined;
  readonly prefersHttp2: boolean;
  readonly spread: Spread | undefined;
  readonly #certificates: () => WorkloadCertificates | undefined;
  readonly #secrets: () => Secrets | undefined;
  readonly #podAccounts: PoolOptions['podAccounts'];
  readonly #held = new Map<string, PooledUpstream>();
  readonly #unused = new Set<PooledUpstream>();
  readonly #inProcess: InProcessLookup;
  readonly #connect: Connect;

  constructor(inProcess: InProcessLookup, options: PoolOptions = {}) {
    const { connect = connectByFetch, nowMs = () => performance.now(), later = afterwards } = options;
    this.#inProcess = inProcess;
    this.#connect = connect;
    this.nowMs = nowMs;
    this.prefersHttp2 = options.prefersHttp2 ?? false;
    this.#certificates = options.workloadCertificates ?? (() => undefined);
    this.#secrets = options.secrets ?? (() => undefined);
    this.#podAccounts = options.podAccounts;
    this.later = later;
    this.spread = options.spread;
    this.names = options.names;
  }

  /** What this workload can show to others of its mesh; undefined for nothing, and then automatic mutual TLS is plaintext. */
  get workloadCertificates(): WorkloadCertificates | undefined {
    return this.#certificates();
  }

  /** What clusters name in place of files; undefined where nobody has it. */
  get secrets(): Secrets | undefined {
    return this.#secrets();
  }

  /** The upstream for an endpoint of a cluster; undefined for one in process that nobody registered. */
  take(cluster: Cluster, endpoint: ClusterEndpoint, breaker: CircuitBreaker): PooledUpstream | undefined {
    const tls = this.#tlsTo(endpoint, cluster.policy.tls);
    const key = keyOf(cluster, tls, endpoint);
    let pooled = this.#held.get(key);
    if (!pooled) {
      const opened = this.#open(cluster, tls, endpoint, breaker);
      if (!opened) return undefined;
      const upstream = breaker.countsRequests ? countRequests(opened, breaker.requests) : opened;
      pooled = { key, upstream, active: 0, users: 0 };
      this.#held.set(key, pooled);
    }
    if (pooled.users++ === 0) this.#unused.delete(pooled);
    return pooled;
  }

  /** True where the upstream of one of its endpoints is there already. */
  hasAny(cluster: Cluster): boolean {
    const { tls } = cluster.policy;
    return (
      this.#held.size > 0 &&
      cluster.endpoints.some((each) => this.#held.has(keyOf(cluster, this.#tlsTo(each, tls), each)))
    );
  }

  /** Says that a cluster names an upstream no longer, which is dropped with the next {@link prune} if no other does. */
  giveBack(pooled: PooledUpstream): void {
    if (--pooled.users === 0) this.#unused.add(pooled);
  }

  /** Automatic mutual TLS is for those who take it, and of those who can. */
  #tlsTo(endpoint: ClusterEndpoint, tls: ClientTls | undefined): ClientTls | undefined {
    if (!tls?.isAutomatic) return tls;
    const isWanted = endpoint.tlsMode === 'istio';
    return isWanted && (tls.mode !== 'ISTIO_MUTUAL' || this.workloadCertificates) ? tls : undefined;
  }

  #open(
    cluster: Cluster,
    tls: ClientTls | undefined,
    endpoint: ClusterEndpoint,
    breaker: CircuitBreaker,
  ): Upstream | undefined {
    const { destination, policy, protocol } = cluster;
    if (endpoint.kind === 'in-process')
      return this.#inProcess(destination.host, destination.port, endpoint.id);
    const { connectionPool } = policy;
    if (!connectionPool && !tls) return this.#connect(endpoint, protocol, PLAIN);
    return this.#connect(endpoint, protocol, {
      ...(connectionPool && { pool: connectionPool, breaker }),
      ...(tls && {
        ...{ tls, workloadCertificates: this.workloadCertificates, secrets: this.secrets },
        podAccounts: this.#podAccounts?.(),
      }),
    });
  }

  /** Drains what no cluster uses any more. */
  prune(): void {
    for (const { key, upstream } of this.#unused) {
      this.#held.delete(key);
      upstream.close?.(false);
    }
    this.#unused.clear();
  }

  /** Drains all, or with `isNow` breaks off what runs, and looks no more names up. Default false. */
  close(isNow = false): void {
    for (const cluster of this.clusters.values()) cluster.close();
    this.clusters = new Map();
    this.written = [];
    for (const { upstream } of this.#held.values()) upstream.close?.(isNow);
    this.#held.clear();
    this.#unused.clear();
  }
}

/** A cluster that says something of its connections has its own; the others share. */
function keyOf(cluster: Cluster, tls: ClientTls | undefined, endpoint: ClusterEndpoint): string {
  const { host, port } = cluster.destination;
  const { connectionPool, retryBudget } = cluster.policy;
  const own = connectionPool || tls || retryBudget;
  const scope = own ? `${cluster.name}|${JSON.stringify([connectionPool, tls, retryBudget])}|` : '';
  switch (endpoint.kind) {
    case 'in-process':
      return `${scope}in-process|${host}|${port}|${endpoint.id}`;
    case 'unix':
      return `${scope}${cluster.protocol}|unix|${endpoint.path}`;
    case 'socket':
      // Another Pod that has got the address is another peer.
      return `${scope}${cluster.protocol}|${endpoint.address}|${endpoint.port}${(tls && endpoint.pod) ?? ''}`;
  }
}

/** All that a runtime without sockets has. */
const connectByFetch: Connect = (endpoint, _protocol, { tls }) => {
  if (endpoint.kind !== 'socket') return unreachable('fetch knows no Unix sockets');
  if (tls && !isOfFetch(tls, endpoint.address)) return unreachable('fetch knows no such tls settings');
  return createFetchUpstream(endpoint.address, endpoint.port, tls !== undefined);
};

/** Whether `fetch` does what the settings ask for: it checks the name in the URL, by the system's authorities, and shows nothing. */
function isOfFetch(tls: ClientTls, address: string): boolean {
  const { mode, caCertificates, caCrl, rootSecret, sni = address, subjectAltNames } = tls;
  if (mode !== 'SIMPLE' || caCertificates || caCrl || rootSecret) return false;
  return [sni, ...subjectAltNames].every((name) => name === address);
}

function afterwards(run: () => void): void {
  setTimeout(run, 0).unref?.();
}
