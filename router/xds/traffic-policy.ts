/** What an Envoy cluster says of balancing, limits and ejection -> the table's policy. Imports the generated messages and the table's types. */
import {
  type Cluster_SlowStartConfig,
  type Cluster as ClusterMessage,
  Cluster_LbPolicy as LbPolicy,
} from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { OutlierDetection as OutlierMessage } from '../../gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
import type { Http2ProtocolOptions } from '../../gen/envoy/config/core/v3/protocol_pb.ts';
import type { HttpProtocolOptions } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type {
  ConnectionPool,
  LoadBalancer,
  OutlierDetection,
  RetryBudget,
  TrafficPolicy,
  Warmup,
} from '../table/cluster.ts';
import { XdsRefusal } from './refusal.ts';
import { millisecondsOf } from './scalar.ts';

/** What Envoy does where a cluster says nothing. */
const DEFAULT = {
  ringSize: 1024,
  maglevSize: 65537,
  connectTimeoutMs: 5000,
  idleTimeoutMs: 3_600_000,
  requests: 1024,
  retries: 3,
  panicPercent: 50,
} as const;
/** How Istio says "no limit": the largest number there is room for. */
const NO_LIMIT = 0xffff_ffff;

/** The policy of a cluster without its TLS. Throws an {@link XdsRefusal} for a balancer that is not understood. */
export function readTrafficPolicy(
  cluster: ClusterMessage,
  http: HttpProtocolOptions | undefined,
): Omit<TrafficPolicy, 'tls'> {
  const { outlierDetection, commonLbConfig } = cluster;
  const retryBudget = readRetryBudget(cluster);
  const minHealthPercent = commonLbConfig?.healthyPanicThreshold?.value ?? DEFAULT.panicPercent;
  const connectionPool = readConnectionPool(cluster, http);
  return {
    loadBalancer: readLoadBalancer(cluster),
    ...(commonLbConfig?.localityConfigSpecifier.case === 'localityWeightedLbConfig' && {
      isLocalityWeighted: true as const,
    }),
    // Clusters without limits of their own share their connections, as they do where no rule says any.
    ...(!isPlain(connectionPool) && { connectionPool }),
    ...(outlierDetection && { outlierDetection: readOutlier(outlierDetection, minHealthPercent) }),
    ...(retryBudget && { retryBudget }),
  };
}

function readLoadBalancer({ lbPolicy, lbConfig }: ClusterMessage): LoadBalancer {
  switch (lbPolicy) {
    case LbPolicy.ROUND_ROBIN:
      return {
        kind: 'ROUND_ROBIN',
        ...(lbConfig.case === 'roundRobinLbConfig' && readWarmup(lbConfig.value.slowStartConfig)),
      };
    case LbPolicy.LEAST_REQUEST:
      return {
        kind: 'LEAST_REQUEST',
        ...(lbConfig.case === 'leastRequestLbConfig' && readWarmup(lbConfig.value.slowStartConfig)),
      };
    case LbPolicy.RANDOM:
      return { kind: 'RANDOM' };
    case LbPolicy.CLUSTER_PROVIDED:
      return { kind: 'PASSTHROUGH' };
    case LbPolicy.RING_HASH: {
      const size = lbConfig.case === 'ringHashLbConfig' ? lbConfig.value.minimumRingSize : undefined;
      return { kind: 'RING_HASH', tableSize: Number(size ?? DEFAULT.ringSize) };
    }
    case LbPolicy.MAGLEV: {
      const size = lbConfig.case === 'maglevLbConfig' ? lbConfig.value.tableSize : undefined;
      return { kind: 'MAGLEV', tableSize: Number(size ?? DEFAULT.maglevSize) };
    }
    default:
      throw new XdsRefusal(`lb_policy: ${lbPolicy} is not understood`);
  }
}

function readWarmup(config: Cluster_SlowStartConfig | undefined): { readonly warmup?: Warmup } {
  const { slowStartWindow, aggression, minWeightPercent } = config ?? {};
  if (!slowStartWindow) return {};
  return {
    warmup: {
      durationMs: millisecondsOf(slowStartWindow),
      minimumPercent: minWeightPercent?.value ?? 10,
      aggression: aggression?.defaultValue ?? 1,
    },
  };
}

function readConnectionPool(cluster: ClusterMessage, http: HttpProtocolOptions | undefined): ConnectionPool {
  const thresholds = cluster.circuitBreakers?.thresholds[0];
  const common = http?.commonHttpProtocolOptions;
  const http2 = http2OptionsOf(http);
  const keepalive = cluster.upstreamConnectionOptions?.tcpKeepalive;
  const ping = http2?.connectionKeepalive;
  return {
    ...limit('maxConnections', thresholds?.maxConnections ?? DEFAULT.requests),
    ...limit('http1MaxPendingRequests', thresholds?.maxPendingRequests ?? DEFAULT.requests),
    ...limit('http2MaxRequests', thresholds?.maxRequests ?? DEFAULT.requests),
    ...limit('maxRetries', thresholds?.maxRetries ?? DEFAULT.retries),
    ...limit('maxRequestsPerConnection', common?.maxRequestsPerConnection),
    ...limit('maxConcurrentStreams', http2?.maxConcurrentStreams),
    connectTimeoutMs: cluster.connectTimeout
      ? millisecondsOf(cluster.connectTimeout)
      : DEFAULT.connectTimeoutMs,
    idleTimeoutMs: common?.idleTimeout ? millisecondsOf(common.idleTimeout) : DEFAULT.idleTimeoutMs,
    ...(common?.maxConnectionDuration &&
      limit('maxConnectionDurationMs', millisecondsOf(common.maxConnectionDuration))),
    ...(keepalive && {
      tcpKeepalive: {
        ...limit('probes', keepalive.keepaliveProbes),
        ...limit('timeMs', seconds(keepalive.keepaliveTime)),
        ...limit('intervalMs', seconds(keepalive.keepaliveInterval)),
      },
    }),
    ...(ping && {
      http2KeepAlive: {
        ...limit('intervalMs', ping.interval && millisecondsOf(ping.interval)),
        ...limit('timeoutMs', ping.timeout && millisecondsOf(ping.timeout)),
      },
    }),
    ...(http?.upstreamProtocolOptions.case === 'useDownstreamProtocolConfig' && { useClientProtocol: true }),
  };
}

/** What Istio sends where no rule says anything. Source: Istio `pkg/config/mesh/mesh.go` (DefaultMeshConfig, ConnectTimeout). */
function isPlain({ connectTimeoutMs, idleTimeoutMs, ...rest }: ConnectionPool): boolean {
  return (
    connectTimeoutMs === 10_000 && idleTimeoutMs === DEFAULT.idleTimeoutMs && Object.keys(rest).length === 0
  );
}

function http2OptionsOf(http: HttpProtocolOptions | undefined): Http2ProtocolOptions | undefined {
  const { upstreamProtocolOptions: options } = http ?? {};
  switch (options?.case) {
    case 'explicitHttpConfig':
      return options.value.protocolConfig.case === 'http2ProtocolOptions'
        ? options.value.protocolConfig.value
        : undefined;
    case 'useDownstreamProtocolConfig':
    case 'autoConfig':
      return options.value.http2ProtocolOptions;
    default:
      return undefined;
  }
}

function seconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1000;
}

function limit<K extends string>(name: K, value: number | undefined): { readonly [P in K]?: number } {
  const isLimit = value !== undefined && value > 0 && value < NO_LIMIT;
  return isLimit ? ({ [name]: value } as { [P in K]: number }) : {};
}

/**
 * A kind of failure that is counted and never enforced is as one that is not counted.
 *
 * Source: Envoy `source/common/upstream/outlier_detection_impl.h` (DetectorConfig's defaults).
 */
function readOutlier(outlier: OutlierMessage, minHealthPercent: number): OutlierDetection {
  const {
    consecutive5xx,
    enforcingConsecutive5xx = 100,
    consecutiveGatewayFailure,
    enforcingConsecutiveGatewayFailure = 0,
    consecutiveLocalOriginFailure,
    interval,
    baseEjectionTime,
    maxEjectionTime,
  } = outlier;
  const baseEjectionTimeMs = baseEjectionTime ? millisecondsOf(baseEjectionTime) : 30_000;
  return {
    consecutive5xx: enforcingConsecutive5xx === 0 ? 0 : (consecutive5xx ?? 5),
    consecutiveGatewayErrors: enforcingConsecutiveGatewayFailure === 0 ? 0 : (consecutiveGatewayFailure ?? 5),
    consecutiveLocalOriginFailures: consecutiveLocalOriginFailure ?? 5,
    splitLocalOrigin: outlier.splitExternalLocalOriginErrors,
    intervalMs: interval ? millisecondsOf(interval) : 10_000,
    baseEjectionTimeMs,
    maxEjectionTimeMs: maxEjectionTime
      ? millisecondsOf(maxEjectionTime)
      : Math.max(300_000, baseEjectionTimeMs),
    maxEjectionPercent: outlier.maxEjectionPercent ?? 10,
    minHealthPercent,
  };
}

function readRetryBudget({ circuitBreakers }: ClusterMessage): RetryBudget | undefined {
  const budget = circuitBreakers?.thresholds[0]?.retryBudget;
  if (!budget) return undefined;
  return {
    percent: budget.budgetPercent?.value ?? 20,
    minRetryConcurrency: budget.minRetryConcurrency ?? 3,
    budgetIntervalMs: 0,
  };
}
