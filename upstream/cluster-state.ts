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
  /** Envoy's counters by Envoy's names: `upstream_rq_retry`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly endpoints: readonly EndpointState[];
}

/** What Envoy's statistics say of a cluster, by their names. */
export interface ClusterStatistics {
  readonly name: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
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
  /** `ejected`: taken out for now, as an outlier or by the control plane. */
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
    counters: countersOf(running),
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

/** Of one cluster at this moment; undefined where it has not been asked for anything. */
export function statisticsOf(running: RunningCluster): ClusterStatistics | undefined {
  const { cluster, counter, endpoints } = running;
  const { pending, requests } = running.breaker;
  if (counter.requests + counter.noneHealthy + pending.overflows + requests.overflows === 0) return undefined;
  running.advance();
  const ejected = endpoints.filter(({ isEjected }) => isEjected).length;
  return {
    name: cluster.name,
    counters: countersOf(running),
    gauges: {
      upstream_rq_active: counter.active,
      membership_total: endpoints.length,
      membership_healthy: endpoints.length - ejected,
      outlier_detection_ejections_active: ejected,
    },
  };
}

/**
 * Of resets Envoy counts those of connections that many requests share, and of HTTP/1.1 none.
 *
 * Source: Envoy `envoy/upstream/upstream.h` (ALL_CLUSTER_TRAFFIC_STATS), `source/common/upstream/outlier_detection_impl.h`,
 * `source/common/http/conn_pool_base.cc` (MultiplexedActiveClientBase::onStreamReset).
 */
function countersOf({ cluster, counter, breaker, ejections, ejectionOverflows }: RunningCluster) {
  const isShared = cluster.protocol === 'http2' || cluster.policy.connectionPool?.useClientProtocol === true;
  return {
    upstream_rq_total: counter.requests,
    upstream_rq_retry: counter.retries,
    upstream_rq_retry_success: counter.retrySuccesses,
    upstream_rq_retry_limit_exceeded: counter.retryLimitExceeded,
    upstream_rq_retry_overflow: breaker.retries.overflows,
    upstream_rq_timeout: counter.timeouts,
    upstream_rq_per_try_timeout: counter.perTryTimeouts,
    upstream_rq_rx_reset: isShared ? counter.receivedResets : 0,
    upstream_rq_tx_reset: isShared ? counter.sentResets : 0,
    upstream_rq_active_overflow: breaker.requests.overflows,
    upstream_rq_pending_overflow: breaker.pending.overflows,
    upstream_rq_pending_failure_eject: isShared ? counter.lostConnections : counter.failedConnections,
    upstream_cx_connect_fail: counter.failedConnections,
    upstream_cx_connect_timeout: counter.connectTimeouts,
    upstream_cx_overflow: breaker.connections.overflows,
    upstream_cx_none_healthy: counter.noneHealthy,
    outlier_detection_ejections_enforced_total: ejections,
    outlier_detection_ejections_overflow: ejectionOverflows,
  };
}
