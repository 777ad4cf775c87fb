/** One endpoint as a cluster can pick it. Imports the table's types and the policies that look at endpoints. */
import type { Candidate } from '../router/policy/balancer.ts';
import type { HostMonitor } from '../router/policy/outlier.ts';
import type { ClusterEndpoint, EndpointPlace } from '../router/table/cluster.ts';
import type { PooledUpstream } from './pool.ts';
import type { ResetReason, Upstream } from './upstream.ts';

/**
 * How a try ended: the answer's status, or why there is none. Of gRPC that failed in the first headers it is the
 * status that HTTP has for it. `timeout`: the time for it was over.
 */
export type TryResult = number | ResetReason | 'timeout';

/** What an endpoint takes over from the one that it stands in for, or begins with. */
export interface EndpointHistory {
  /** Absent: nobody watches for outliers. */
  readonly monitor: HostMonitor | undefined;
  /** When the cluster first had it. */
  readonly sinceMs: number;
}

/** See the module. */
export class RunningEndpoint implements Candidate {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly weight: number;
  /** `10.0.0.1:8080`, a socket's path, or the id of one in process. */
  readonly address: string;
  readonly kind: ClusterEndpoint['kind'];
  readonly upstream: Upstream;
  /** In place of {@link upstream} for requests that came over HTTP/2, where the cluster goes by its clients' protocol. */
  readonly http2Upstream: Upstream | undefined;
  /** Exchanges under way: who begins one counts it in, and out at its end. */
  readonly load: { active: number };
  readonly monitor: HostMonitor | undefined;
  readonly sinceMs: number;
  readonly place: EndpointPlace | undefined;

  constructor(
    endpoint: ClusterEndpoint,
    pooled: PooledUpstream,
    http2: PooledUpstream | undefined,
    { monitor, sinceMs }: EndpointHistory,
  ) {
    this.id = endpoint.id;
    this.labels = endpoint.labels;
    this.weight = endpoint.weight;
    this.kind = endpoint.kind;
    const address = addressOf(endpoint);
    // Of ten thousand most are called as their address is: one text does for both.
    this.address = address === endpoint.id ? endpoint.id : address;
    this.upstream = pooled.upstream;
    this.http2Upstream = http2?.upstream;
    this.load = pooled;
    this.monitor = monitor;
    this.sinceMs = sinceMs;
    this.place = endpoint.place;
  }

  get active(): number {
    return this.load.active;
  }

  /** Envoy hashes the address; an endpoint in process has its name instead, which is as stable. */
  get hashKey(): string {
    return this.address;
  }

  /** Taken out for now: as an outlier, or by the control plane. */
  get isEjected(): boolean {
    return this.monitor?.isEjected === true || this.place?.isDown === true;
  }

  /**
   * Tells how a try went: at the head of its answer, and when it broke off or its time was over. A try that its
   * client gave up tells nothing.
   *
   * Source: Envoy `source/common/router/router.cc` (onUpstreamHeaders, onUpstreamReset, onResponseTimeout).
   */
  ended(result: TryResult): void {
    const { monitor } = this;
    if (!monitor) return;
    if (typeof result === 'number') monitor.answered(result);
    else if (result === 'timeout') monitor.failed('timeout');
    else if (result === 'remote-connection-failure' || result === 'connection-timeout')
      monitor.failed('connect');
    // What this side ended, or never sent, is not the endpoint's fault.
    else if (result !== 'overflow' && result !== 'local-reset') monitor.failed('reset');
  }
}

/** How an endpoint is told from others, and hashed. */
export function addressOf(endpoint: ClusterEndpoint): string {
  switch (endpoint.kind) {
    case 'in-process':
      return endpoint.id;
    case 'unix':
      return endpoint.path;
    case 'socket':
      return endpoint.address.includes(':')
        ? `[${endpoint.address}]:${endpoint.port}`
        : `${endpoint.address}:${endpoint.port}`;
  }
}
