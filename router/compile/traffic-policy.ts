/** A DestinationRule's trafficPolicy for one cluster: which parts apply, and the defaults. Imports schema types and the table's. */
import type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  ConsistentHash,
  DestinationRuleSpec,
  LoadBalancerSettings,
  OutlierDetection as OutlierDetectionSettings,
  PortTrafficPolicy,
  TrafficPolicySpec,
} from '../schema/destination-rule.ts';
import { durationMs } from '../schema/duration.ts';
import type {
  ClientTls,
  ConnectionPool,
  Destination,
  HashPolicy,
  LoadBalancer,
  OutlierDetection,
  RetryBudget,
  TrafficPolicy,
  Warmup,
} from '../table/cluster.ts';

type RetryBudgetSettings = NonNullable<TrafficPolicySpec['retryBudget']>;

/** The parts of a policy that a cluster has. */
export type PolicyParts = Omit<PortTrafficPolicy, 'port'> & Pick<TrafficPolicySpec, 'retryBudget'>;

/** Envoy's `minimum_ring_size`. */
const DEFAULT_RING_SIZE = 1024;
/** Envoy's Maglev `table_size`. */
const DEFAULT_MAGLEV_SIZE = 65537;
/** Source: Istio `pkg/config/mesh/mesh.go` (DefaultMeshConfig, ConnectTimeout). */
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;

/** One for all clusters that have it. */
const LEAST_REQUEST: LoadBalancer = { kind: 'LEAST_REQUEST' };
const PASSTHROUGH: LoadBalancer = { kind: 'PASSTHROUGH' };
const DEFAULT_POLICY: TrafficPolicy = { loadBalancer: LEAST_REQUEST };

/**
 * The policy of a service's port, or of a subset of it: the port's settings in place of the destination's, the
 * subset's over both. A port's settings inherit nothing.
 *
 * Source: Istio `pilot/pkg/networking/util/util.go` (GetPortLevelTrafficPolicy, MergeSubsetTrafficPolicy),
 * `pilot/pkg/model/destination_rule.go` (MergeTrafficPolicy).
 */
export function policyParts(
  rule: DestinationRuleSpec | undefined,
  subset: string | undefined,
  port: number,
): PolicyParts {
  const base = forPort(rule?.trafficPolicy, port).policy;
  const own = rule?.subsets?.find((each) => each.name === subset)?.trafficPolicy;
  if (subset === undefined || !own) return base ?? {};
  const { policy = {}, isPortLevel } = forPort(own, port);
  if (!base) return policy;
  if (isPortLevel) return { ...policy, retryBudget: base.retryBudget };
  return {
    loadBalancer: policy.loadBalancer ?? base.loadBalancer,
    connectionPool: policy.connectionPool ?? base.connectionPool,
    outlierDetection: policy.outlierDetection ?? base.outlierDetection,
    tls: policy.tls ?? base.tls,
    retryBudget: policy.retryBudget ?? base.retryBudget,
  };
}

function forPort(
  policy: TrafficPolicySpec | undefined,
  port: number,
): { policy: PolicyParts | undefined; isPortLevel: boolean } {
  const own = policy?.portLevelSettings?.find((each) => each.port?.number === port);
  return own ? { policy: own, isPortLevel: true } : { policy, isPortLevel: false };
}

/** What a cluster's policy depends on besides its rule. */
export interface PolicyContext {
  /** Requests go where they were sent, by the service (`resolution: NONE`) or by the policy that a subset adds to. */
  readonly isPassthrough: boolean;
  readonly destination: Destination;
  /** The service is a ServiceEntry's. */
  readonly isExternal: boolean;
  /** Certificates may be in Secrets: a sidecar takes such a policy from a rule for it alone, and else none at all. */
  readonly takesCredentials: boolean;
  /** What the endpoints' certificates may be for, if the policy does not say. */
  readonly accounts: readonly string[];
  /** The mesh's, if the policy does not say. Default 10 s. */
  readonly connectTimeoutMs: number | undefined;
  /** Requests go out over HTTP/2, whatever protocol they came in. */
  readonly isHttp2: boolean;
}

/** The table's form of a policy. */
export function compilePolicy(parts: PolicyParts, context: PolicyContext): TrafficPolicy {
  const { isPassthrough, connectTimeoutMs, isHttp2 } = context;
  const { outlierDetection, retryBudget } = parts;
  const settings = parts.connectionPool ?? (connectTimeoutMs === undefined ? undefined : {});
  const connectionPool = settings && compileConnectionPool(settings, isHttp2, connectTimeoutMs);
  const tls = compileTls(parts.tls, context);
  const loadBalancer = isPassthrough ? PASSTHROUGH : compileLoadBalancer(parts.loadBalancer);
  if (loadBalancer === LEAST_REQUEST && !connectionPool && !outlierDetection && !tls && !retryBudget)
    return DEFAULT_POLICY;
  return {
    loadBalancer,
    ...(connectionPool && { connectionPool }),
    ...(outlierDetection && { outlierDetection: compileOutlierDetection(outlierDetection) }),
    ...(tls && { tls }),
    ...(retryBudget && { retryBudget: compileRetryBudget(retryBudget) }),
  };
}

/** Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (applyLoadBalancer, ApplyRingHashLoadBalancer). */
function compileLoadBalancer(settings: LoadBalancerSettings | undefined): LoadBalancer {
  const { consistentHash } = settings ?? {};
  if (consistentHash) {
    const hash = compileHash(consistentHash);
    if (!hash) return { kind: 'RANDOM' };
    const { maglev, ringHash, minimumRingSize } = consistentHash;
    if (maglev) return { kind: 'MAGLEV', hash, tableSize: maglev.tableSize || DEFAULT_MAGLEV_SIZE };
    const tableSize = ringHash ? ringHash.minimumRingSize : minimumRingSize;
    return { kind: 'RING_HASH', hash, tableSize: tableSize || DEFAULT_RING_SIZE };
  }
  const warmup = compileWarmup(settings);
  switch (settings?.simple) {
    case 'RANDOM':
    case 'PASSTHROUGH':
      return { kind: settings.simple };
    case 'ROUND_ROBIN':
      return { kind: 'ROUND_ROBIN', ...(warmup && { warmup }) };
    default:
      return warmup ? { kind: 'LEAST_REQUEST', warmup } : LEAST_REQUEST;
  }
}

/** Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (setWarmup, setSlowStartConfig). */
function compileWarmup(settings: LoadBalancerSettings | undefined): Warmup | undefined {
  const { warmup, warmupDurationSecs } = settings ?? {};
  const ms = durationMs(warmup?.duration ?? warmupDurationSecs);
  if (!ms || ms <= 0) return undefined;
  return {
    durationMs: ms,
    minimumPercent: finite(warmup?.minimumPercent) ?? 10,
    aggression: finite(warmup?.aggression) ?? 1,
  };
}

/**
 * A limit of 0 is none. The HTTP idle timeout goes before TCP's; settings of HTTP/2 are for clusters that speak it.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (applyConnectionPool),
 * `pilot/pkg/networking/core/cluster.go` (setKeepAliveSettings); Envoy `api/envoy/config/core/v3/protocol.proto`
 * (HttpProtocolOptions.idle_timeout, 1 h).
 */
function compileConnectionPool(
  settings: ConnectionPoolSettings,
  isHttp2: boolean,
  connectTimeoutMs: number = DEFAULT_CONNECT_TIMEOUT_MS,
): ConnectionPool {
  const { tcp = {}, http = {} } = settings;
  const keepalive = tcp.tcpKeepalive;
  const ping = isHttp2 ? http.http2KeepAlive : undefined;
  return {
    ...limit('maxConnections', tcp.maxConnections),
    ...limit('http1MaxPendingRequests', http.http1MaxPendingRequests),
    ...limit('http2MaxRequests', http.http2MaxRequests),
    ...limit('maxRetries', http.maxRetries),
    ...limit('maxRequestsPerConnection', http.maxRequestsPerConnection),
    ...(isHttp2 && limit('maxConcurrentStreams', http.maxConcurrentStreams)),
    connectTimeoutMs: durationMs(tcp.connectTimeout) ?? connectTimeoutMs,
    idleTimeoutMs: durationMs(http.idleTimeout ?? tcp.idleTimeout) ?? DEFAULT_IDLE_TIMEOUT_MS,
    ...limit('maxConnectionDurationMs', durationMs(tcp.maxConnectionDuration)),
    ...(keepalive && {
      tcpKeepalive: {
        ...limit('probes', keepalive.probes),
        ...limit('timeMs', wholeSeconds(keepalive.time)),
        ...limit('intervalMs', wholeSeconds(keepalive.interval)),
      },
    }),
    ...(ping && {
      http2KeepAlive: {
        ...limit('intervalMs', durationMs(ping.interval)),
        ...limit('timeoutMs', durationMs(ping.timeout)),
      },
    }),
    ...(http.useClientProtocol && { useClientProtocol: true }),
  };
}

/** In milliseconds; what is left of a second is dropped. */
function wholeSeconds(duration: string | undefined): number | undefined {
  const ms = durationMs(duration);
  return ms === undefined ? undefined : Math.floor(ms / 1000) * 1000;
}

function limit<K extends string>(name: K, value: number | undefined): { readonly [P in K]?: number } {
  return value !== undefined && value > 0 ? ({ [name]: value } as { [P in K]: number }) : {};
}

/**
 * What Istio leaves unsaid is Envoy's default; failures by gateway errors alone count only where they are asked for.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (applyOutlierDetection);
 * Envoy `source/common/upstream/outlier_detection_impl.h` (DetectorConfig's defaults).
 */
function compileOutlierDetection(settings: OutlierDetectionSettings): OutlierDetection {
  const baseEjectionTimeMs = durationMs(settings.baseEjectionTime) ?? 30_000;
  const splitLocalOrigin = settings.splitExternalLocalOriginErrors ?? false;
  return {
    consecutive5xx: settings.consecutive5xxErrors ?? 5,
    consecutiveGatewayErrors: settings.consecutiveGatewayErrors ?? 0,
    consecutiveLocalOriginFailures: settings.consecutiveLocalOriginFailures || 5,
    splitLocalOrigin,
    intervalMs: durationMs(settings.interval) ?? 10_000,
    baseEjectionTimeMs,
    maxEjectionTimeMs: Math.max(300_000, baseEjectionTimeMs),
    maxEjectionPercent: Math.min(settings.maxEjectionPercent || 10, 100),
    minHealthPercent: Math.max(settings.minHealthPercent ?? 0, 0),
  };
}

/**
 * Nothing for DISABLE.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go` (buildUpstreamTLSSettings, buildUpstreamClusterTLSContext,
 * constructUpstreamTLS), `pilot/pkg/model/service.go` (BuildDNSSrvSubsetKey).
 */
function compileTls(
  settings: ClientTLSSettings | undefined,
  { destination, isExternal, accounts, takesCredentials }: PolicyContext,
): ClientTls | undefined {
  const mode = settings?.mode ?? 'DISABLE';
  if (!settings || mode === 'DISABLE') return undefined;
  const { insecureSkipVerify = false } = settings;
  const { sni, subjectAltNames = [], caCertificates, caCrl, clientCertificate, privateKey } = settings;
  if (mode === 'ISTIO_MUTUAL') {
    const { host, subset = '', port } = destination;
    return {
      mode,
      sni: sni || `outbound_.${port}_.${subset}_.${host}`,
      subjectAltNames: subjectAltNames.length > 0 ? subjectAltNames : accounts,
      insecureSkipVerify: false,
    };
  }
  const names = subjectAltNames.length > 0 || !isExternal ? subjectAltNames : accounts;
  const { credentialName } = settings;
  if (credentialName) {
    if (!takesCredentials && !credentialName.startsWith('configmap://')) return undefined;
    return {
      mode,
      ...(sni && { sni }),
      subjectAltNames: insecureSkipVerify ? [] : names,
      ...(mode === 'MUTUAL' && { certificateSecret: secretName(credentialName) }),
      ...(!insecureSkipVerify && { rootSecret: secretName(`${credentialName}-cacert`) }),
      insecureSkipVerify,
    };
  }
  return {
    mode,
    ...(sni && { sni }),
    subjectAltNames: insecureSkipVerify ? [] : names,
    ...(caCertificates && { caCertificates }),
    ...(caCrl && { caCrl }),
    ...(mode === 'MUTUAL' && clientCertificate && { clientCertificate }),
    ...(mode === 'MUTUAL' && privateKey && { privateKey }),
    insecureSkipVerify,
  };
}

/** Source: Istio `pilot/pkg/model/credentials/resource.go` (ToResourceName). */
function secretName(credentialName: string): string {
  return credentialName.includes('://') ? credentialName : `kubernetes://${credentialName}`;
}

/** Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (applyRetryBudget). */
function compileRetryBudget(settings: RetryBudgetSettings): RetryBudget {
  return {
    percent: finite(settings.percent) ?? 20,
    minRetryConcurrency: settings.minRetryConcurrency || 3,
    budgetIntervalMs: durationMs(settings.budgetInterval) ?? 0,
  };
}

/**
 * The number, unless it is infinite or none. Istio takes `percent: NaN`, which no API server stores, and Envoy then
 * refuses the cluster or counts with what its processor makes of it; a table, which is JSON, cannot carry it, nor -0.
 */
function finite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value + 0 : undefined;
}

/**
 * What a destination's requests are hashed by. Unlike the cluster's load balancer this looks at the port that
 * the destination names, so a port's settings count only where it names one.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (HashForHTTPDestination).
 */
export function hashOfDestination(
  rule: DestinationRuleSpec | undefined,
  subset: string | undefined,
  port: number | undefined,
): HashPolicy | undefined {
  if (!rule) return undefined;
  const ofPort = (policy: TrafficPolicySpec | undefined) =>
    port === undefined
      ? undefined
      : policy?.portLevelSettings?.find((each) => each.port?.number === port)?.loadBalancer?.consistentHash;
  const own = rule.subsets?.find((each) => each.name === (subset ?? ''))?.trafficPolicy;
  return compileHash(
    ofPort(own) ??
      own?.loadBalancer?.consistentHash ??
      ofPort(rule.trafficPolicy) ??
      rule.trafficPolicy?.loadBalancer?.consistentHash,
  );
}

/**
 * What requests to a service without rules are hashed by.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (hashForService).
 */
export function hashOfService(rule: DestinationRuleSpec | undefined, port: number): HashPolicy | undefined {
  const policy = rule?.trafficPolicy;
  const own = policy?.portLevelSettings?.find((each) => each.port?.number === port);
  return compileHash(own?.loadBalancer?.consistentHash ?? policy?.loadBalancer?.consistentHash);
}

/** Source: Istio `pilot/pkg/networking/core/route/route.go` (ConsistentHashToHashPolicy). */
function compileHash(hash: ConsistentHash | undefined): HashPolicy | undefined {
  if (!hash) return undefined;
  if (hash.httpHeaderName !== undefined) return { kind: 'header', name: hash.httpHeaderName.toLowerCase() };
  if (hash.httpCookie) {
    const { name, path, ttl, attributes = [] } = hash.httpCookie;
    const ttlMs = durationMs(ttl);
    return {
      kind: 'cookie',
      name,
      ...(path && { path }),
      ...(ttlMs !== undefined && { ttlMs }),
      ...(attributes.length > 0 && {
        attributes: attributes.map((each) => ({ name: each.name, value: each.value ?? '' })),
      }),
    };
  }
  if (hash.useSourceIp !== undefined) return { kind: hash.useSourceIp ? 'source-ip' : 'none' };
  if (hash.httpQueryParameterName !== undefined) return { kind: 'query', name: hash.httpQueryParameterName };
  return undefined;
}
