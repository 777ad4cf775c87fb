/** Envoy's ClusterLoadAssignment -> a cluster's endpoints. Imports the generated messages and the table's types. */
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.ts';
import type { LbEndpoint } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import type { ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import type { ClusterEndpoint } from '../table/cluster.ts';

/** The endpoints of one cluster. */
export interface XdsEndpoints {
  readonly name: string;
  readonly endpoints: readonly ClusterEndpoint[];
}

/** The control plane took them out. */
const UNHEALTHY: ReadonlySet<HealthStatus> = new Set([
  HealthStatus.UNHEALTHY,
  HealthStatus.DRAINING,
  HealthStatus.TIMEOUT,
]);

/**
 * The endpoints of the first priority that has some. Localities are not told apart: an endpoint's weight is its own.
 *
 * Source: Envoy `api/envoy/config/endpoint/v3/endpoint.proto`.
 */
export function readLoadAssignment({ clusterName, endpoints }: ClusterLoadAssignment): XdsEndpoints {
  const byPriority = Map.groupBy(endpoints, ({ priority }) => priority);
  for (const priority of [...byPriority.keys()].sort((a, b) => a - b)) {
    const usable = byPriority.get(priority)!.flatMap(({ lbEndpoints }) => lbEndpoints.flatMap(readEndpoint));
    if (usable.length > 0) return { name: clusterName, endpoints: usable };
  }
  return { name: clusterName, endpoints: [] };
}

function readEndpoint({
  hostIdentifier,
  healthStatus,
  loadBalancingWeight,
  metadata,
}: LbEndpoint): ClusterEndpoint[] {
  if (UNHEALTHY.has(healthStatus)) return [];
  const address = hostIdentifier.value?.address?.address;
  const weight = loadBalancingWeight ?? 1;
  const isInMesh = metadata?.filterMetadata[TRANSPORT_SOCKET_MATCH]?.['tlsMode'] === 'istio';
  const own = { labels: NO_LABELS, weight, ...(isInMesh && { tlsMode: 'istio' as const }) };
  switch (address?.case) {
    case 'socketAddress': {
      const { address: host, portSpecifier } = address.value;
      const port = portSpecifier.value ?? 0;
      const id = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      return [{ id, ...own, kind: 'socket', address: host, port }];
    }
    case 'pipe':
      return [{ id: address.value.path, ...own, kind: 'unix', path: address.value.path }];
    default:
      return [];
  }
}

/** By what Envoy tells which of a cluster's transport sockets an endpoint is for. */
const TRANSPORT_SOCKET_MATCH = 'envoy.transport_socket_match';
/** Subsets are clusters of their own by the time they are sent, so that labels are not. */
const NO_LABELS = Object.freeze({});
