/**
 * Where a request goes if its cluster leaves that to the client: to the address that the client dialled. A sidecar sees
 * it; a gateway is told by who redirects to it, if anybody does. Without that, the host that a request names stands for
 * the address of a service without endpoints of its own (`resolution: NONE`).
 *
 * Source: Envoy `source/extensions/clusters/original_dst/original_dst_cluster.cc`.
 */
import type { Cluster, ClusterEndpoint } from '../router/table/cluster.ts';

/**
 * The cluster of hosts that nobody knows. It has no endpoint of its own, nor a host that could stand for one.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_builder.go` (buildDefaultPassthroughCluster).
 */
export const PASSTHROUGH_CLUSTER: Cluster = {
  name: 'PassthroughCluster',
  destination: { host: '', port: 0 },
  protocol: 'http1',
  endpoints: [],
  policy: {
    loadBalancer: { kind: 'PASSTHROUGH' },
    connectionPool: { connectTimeoutMs: 10_000, idleTimeoutMs: 3_600_000, useClientProtocol: true },
  },
};

/** What is known of where a request is to go. */
export interface Asked {
  readonly authority?: string | undefined;
  readonly originalDestination?: string | undefined;
}

/**
 * The address for a request to a cluster of `PASSTHROUGH`, `10.1.2.3:80`; undefined where only the cluster's own
 * endpoints can be taken.
 */
export function originalAddress(
  cluster: Cluster,
  { authority, originalDestination }: Asked,
): string | undefined {
  if (originalDestination !== undefined) return originalDestination;
  if (cluster.resolution !== 'NONE' || cluster.endpoints.length > 0) return undefined;
  const host = originalHost(cluster.destination.host, authority);
  return host === undefined ? undefined : `${host}:${cluster.destination.port}`;
}

/**
 * Of a service with one host that one; of a wildcard what the authority names, if it is among the wildcard's: no
 * request leads to where no rule does. The port is the service's, whatever the authority says.
 */
function originalHost(host: string, authority: string | undefined): string | undefined {
  if (!host.startsWith('*')) return host;
  if (authority === undefined) return undefined;
  const asked = authority.replace(/:\d*$/, '').toLowerCase();
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(asked);
  return isName && asked.length > host.length - 1 && asked.endsWith(host.slice(1)) ? asked : undefined;
}

/** The endpoint at an address. */
export function originalEndpoint(address: string): ClusterEndpoint {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return {
    id: address,
    labels: {},
    weight: 1,
    kind: 'socket',
    address: host,
    port: Number(address.slice(colon + 1)),
  };
}
