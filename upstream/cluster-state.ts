/** Clusters for people and JSON: endpoints, health, limits. */
import type { Cluster } from '../router/table/cluster.ts';
import type { RunningCluster, RunningEndpoint } from './cluster.ts';

/** What `/clusters` shows of one. */
export interface ClusterState {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly subset?: string;
  readonly protocol: Cluster['protocol'];
  readonly loadBalancer: string;
  /** Only of what has a limit: how much of it is under way, and how often there was no room. */
  readonly circuitBreaker: Readonly<Record<string, LimitState>>;
  /** Ejections that would have taken out more endpoints than may be out. Absent: nobody watches for outliers. */
  readonly ejectionOverflows?: number;
  readonly endpoints: readonly EndpointState[];
}

/** One limit now. */
export interface LimitState {
  readonly active: number;
  readonly max: number;
  readonly overflows: number;
}

/** One endpoint now. */
export interface EndpointState {
  readonly id: string;
  readonly address: string;
  readonly kind: RunningEndpoint['kind'];
  readonly labels: Readonly<Record<string, string>>;
  readonly weight: number;
  /** Exchanges under way. */
  readonly active: number;
  /** `ejected`: taken out for now as an outlier. */
  readonly health: 'healthy' | 'ejected';
  /** How often it was taken out. */
  readonly ejections: number;
}

/** What is known of a cluster at this moment. */
export function describeCluster(running: RunningCluster): ClusterState {
  running.advance();
  const { cluster, breaker, endpoints, ejectionOverflows } = running;
  const limits = {
    connections: breaker.connections,
    pending: breaker.pending,
    requests: breaker.requests,
    retries: breaker.retries,
  };
  return {
    name: cluster.name,
    ...cluster.destination,
    protocol: cluster.protocol,
    loadBalancer: cluster.policy.loadBalancer.kind,
    circuitBreaker: Object.fromEntries(
      Object.entries(limits)
        .filter(([, { max }]) => Number.isFinite(max))
        .map(([name, { active, max, overflows }]) => [name, { active, max, overflows }]),
    ),
    ...(cluster.policy.outlierDetection && { ejectionOverflows }),
    endpoints: endpoints.map(({ id, address, kind, labels, weight, active, isEjected, monitor }) => ({
      id,
      address,
      kind,
      labels,
      weight,
      active,
      health: isEjected ? 'ejected' : 'healthy',
      ejections: monitor?.ejections ?? 0,
    })),
  };
}
