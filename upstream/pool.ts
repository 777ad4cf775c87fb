/**
 * The upstreams of all endpoints, kept while any cluster in effect names them: a change of rules leaves the
 * connections of endpoints that stay alone, and drains those of endpoints that go. The socket engine is loaded
 * when first needed, so that an edge bundle never reaches node's modules.
 */
import type { Cluster, ClusterEndpoint } from '../router/table/cluster.ts';
import { PendingStream } from './pending-stream.ts';
import type { Upstream } from './upstream.ts';

/** Finds the upstream of an endpoint in process, or undefined when none is registered. */
export type InProcessLookup = (host: string, port: number, id: string) => Upstream | undefined;

/** An endpoint's upstream with what is under way on it, shared by all clusters that hold the endpoint. */
export interface PooledUpstream {
  readonly key: string;
  readonly upstream: Upstream;
  /** Exchanges under way. */
  active: number;
}

/** Opens an upstream to a remote endpoint. */
export type Connect = (
  endpoint: Exclude<ClusterEndpoint, { kind: 'in-process' }>,
  protocol: Cluster['protocol'],
) => Upstream;

/** Holds upstreams from the moment a cluster asks for them until {@link retain} drops them or {@link close}. */
export class UpstreamPool {
  readonly #held = new Map<string, PooledUpstream>();
  readonly #inProcess: InProcessLookup;
  readonly #connect: Connect;

  constructor(inProcess: InProcessLookup, connect: Connect = connectLazily) {
    this.#inProcess = inProcess;
    this.#connect = connect;
  }

  /** The upstream for an endpoint of a cluster; undefined for one in process that nobody registered. */
  get(cluster: Cluster, endpoint: ClusterEndpoint): PooledUpstream | undefined {
    const key = keyOf(cluster, endpoint);
    const held = this.#held.get(key);
    if (held) return held;
    const upstream =
      endpoint.kind === 'in-process'
        ? this.#inProcess(cluster.destination.host, cluster.destination.port, endpoint.id)
        : this.#connect(endpoint, cluster.protocol);
    if (!upstream) return undefined;
    const pooled = { key, upstream, active: 0 };
    this.#held.set(key, pooled);
    return pooled;
  }

  /** Drains every upstream whose key is not among these. */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, { upstream }] of this.#held) {
      if (keys.has(key)) continue;
      this.#held.delete(key);
      upstream.close?.();
    }
  }

  /** Drains all. */
  close(): void {
    this.retain(new Set());
  }
}

function keyOf(cluster: Cluster, endpoint: ClusterEndpoint): string {
  const { host, port } = cluster.destination;
  switch (endpoint.kind) {
    case 'in-process':
      return `in-process|${host}|${port}|${endpoint.id}`;
    case 'unix':
      return `${cluster.protocol}|unix|${endpoint.path}`;
    case 'socket':
      return `${cluster.protocol}|${endpoint.address}|${endpoint.port}`;
  }
}

/** Sockets where the runtime has them, else `fetch`. */
const connectLazily: Connect = (endpoint, protocol) => {
  let opened: Upstream | undefined;
  let opening: Promise<Upstream> | undefined;
  let isClosed = false;
  const load = async (): Promise<Upstream> => {
    if (hasSockets()) {
      const { createRemoteUpstream } = await import('./remote/index.ts');
      opened = createRemoteUpstream(endpoint, protocol);
    } else if (endpoint.kind === 'socket') {
      const { createFetchUpstream } = await import('./fetch.ts');
      opened = createFetchUpstream(endpoint.address, endpoint.port);
    } else throw new TypeError('Cannot reach a Unix socket from a runtime that only has fetch');
    if (isClosed) opened.close?.();
    return opened;
  };
  return {
    open(request, hasEnded, receiver) {
      if (opened) return opened.open(request, hasEnded, receiver);
      const pending = new PendingStream(request, hasEnded, receiver);
      opening ??= load();
      opening.then(
        (upstream) => pending.attach(upstream),
        (cause) => pending.fail('remote-connection-failure', `${cause}`),
      );
      return pending;
    },
    close() {
      isClosed = true;
      opened?.close?.();
    },
  };
};

/** Workers have a `process` too, where compatibility is asked for, but call themselves otherwise. */
function hasSockets(): boolean {
  const { process, navigator } = globalThis as {
    process?: { versions?: { node?: string } };
    navigator?: { userAgent?: string };
  };
  return process?.versions?.node !== undefined && navigator?.userAgent !== 'Cloudflare-Workers';
}
