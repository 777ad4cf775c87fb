/** Envoy's ClusterLoadAssignment -> a cluster's endpoints. Imports the generated messages and the table's types. */
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.ts';
import type { LbEndpoint } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import type { ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import type { ClusterEndpoint, EndpointPlace } from '../table/cluster.ts';

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

/** Envoy's, of an assignment that does not say. */
const OVERPROVISIONING_PERCENT = 140;

/**
 * The endpoints of all priorities and localities. Where there is nothing to tell apart, endpoints say nothing of it.
 *
 * Source: Envoy `api/envoy/config/endpoint/v3/endpoint.proto`.
 */
export function readLoadAssignment({ clusterName, endpoints, policy }: ClusterLoadAssignment): XdsEndpoints {
  const isPlain =
    endpoints.every(({ priority }) => priority === endpoints[0]!.priority) &&
    endpoints.filter(({ lbEndpoints }) => lbEndpoints.length > 0).length < 2 &&
    endpoints.every(({ lbEndpoints }) =>
      lbEndpoints.every(({ healthStatus }) => !UNHEALTHY.has(healthStatus)),
    );
  const overprovisioningPercent = policy?.overprovisioningFactor ?? OVERPROVISIONING_PERCENT;
  const read = endpoints.flatMap(({ lbEndpoints, priority, loadBalancingWeight = 0 }, locality) => {
    const up = { priority, locality, localityWeight: loadBalancingWeight, overprovisioningPercent };
    const down = { ...up, isDown: true as const };
    return lbEndpoints.flatMap((each) =>
      readEndpoint(each, isPlain ? undefined : UNHEALTHY.has(each.healthStatus) ? down : up),
    );
  });
  return { name: clusterName, endpoints: read };
}

function readEndpoint(
  { hostIdentifier, loadBalancingWeight, metadata }: LbEndpoint,
  place: EndpointPlace | undefined,
): ClusterEndpoint[] {
  const address = hostIdentifier.value?.address?.address;
  const weight = loadBalancingWeight ?? 1;
  const isInMesh = metadata?.filterMetadata[TRANSPORT_SOCKET_MATCH]?.['tlsMode'] === 'istio';
  const own = {
    ...{ labels: NO_LABELS, weight },
    ...(isInMesh && { tlsMode: 'istio' as const }),
    ...(place && { place }),
  };
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
