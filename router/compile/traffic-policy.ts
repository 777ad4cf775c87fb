/** A DestinationRule's trafficPolicy for one cluster: which parts apply, and the defaults. Imports schema types and the table's. */
import type {
  ConsistentHash,
  DestinationRuleSpec,
  LoadBalancerSettings,
  PortTrafficPolicy,
  TrafficPolicySpec,
} from '../schema/destination-rule.ts';
import { durationMs } from '../schema/duration.ts';
import type { HashPolicy, LoadBalancer, TrafficPolicy } from '../table/cluster.ts';

/** The parts of a policy that a cluster has. */
export type PolicyParts = Omit<PortTrafficPolicy, 'port'>;

/** Envoy's `minimum_ring_size`. */
const DEFAULT_RING_SIZE = 1024;
/** Envoy's Maglev `table_size`. */
const DEFAULT_MAGLEV_SIZE = 65537;

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
  if (!base || isPortLevel) return policy;
  return {
    loadBalancer: policy.loadBalancer ?? base.loadBalancer,
    connectionPool: policy.connectionPool ?? base.connectionPool,
    outlierDetection: policy.outlierDetection ?? base.outlierDetection,
    tls: policy.tls ?? base.tls,
  };
}

function forPort(
  policy: TrafficPolicySpec | undefined,
  port: number,
): { policy: PolicyParts | undefined; isPortLevel: boolean } {
  const own = policy?.portLevelSettings?.find((each) => each.port?.number === port);
  return own ? { policy: own, isPortLevel: true } : { policy, isPortLevel: false };
}

/** The table's form of a policy. `isPassthrough`: the service has no endpoints of its own (`resolution: NONE`). */
export function compilePolicy(parts: PolicyParts, isPassthrough: boolean): TrafficPolicy {
  const { connectionPool, outlierDetection, tls } = parts;
  return {
    loadBalancer: isPassthrough ? { kind: 'PASSTHROUGH' } : compileLoadBalancer(parts.loadBalancer),
    ...(connectionPool && { connectionPool }),
    ...(outlierDetection && { outlierDetection }),
    ...(tls && { tls }),
  } as TrafficPolicy;
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
  switch (settings?.simple) {
    case 'RANDOM':
    case 'ROUND_ROBIN':
    case 'PASSTHROUGH':
      return { kind: settings.simple };
    default:
      return { kind: 'LEAST_REQUEST' };
  }
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
    const { name, path, ttl } = hash.httpCookie;
    const ttlMs = durationMs(ttl);
    return { kind: 'cookie', name, ...(path && { path }), ...(ttlMs !== undefined && { ttlMs }) };
  }
  if (hash.useSourceIp !== undefined) return hash.useSourceIp ? { kind: 'source-ip' } : undefined;
  if (hash.httpQueryParameterName !== undefined) return { kind: 'query', name: hash.httpQueryParameterName };
  return undefined;
}
