/**
 * Where requests to a service without endpoints of its own go (`resolution: NONE`): to the host that they name. A
 * gateway does not see which address a client dialled, as a sidecar does, so the host stands for it.
 *
 * Source: Envoy `source/extensions/clusters/original_dst/original_dst_cluster.cc`.
 */
import type { Cluster, ClusterEndpoint } from '../router/table/cluster.ts';

/** True for a cluster whose endpoints are what requests name. */
export function goesWhereAsked({ resolution, endpoints, policy }: Cluster): boolean {
  return resolution === 'NONE' && endpoints.length === 0 && policy.loadBalancer.kind === 'PASSTHROUGH';
}

/**
 * The host for a request: of a service with one host that one, of a wildcard what the authority names, if it is
 * among the wildcard's: no request leads to where no rule does.
 */
export function originalHost({ destination }: Cluster, authority: string | undefined): string | undefined {
  const { host } = destination;
  if (!host.startsWith('*')) return host;
  if (authority === undefined) return undefined;
  const asked = authority.replace(/:\d*$/, '').toLowerCase();
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(asked);
  return isName && asked.length > host.length - 1 && asked.endsWith(host.slice(1)) ? asked : undefined;
}

/** The endpoint that a host is. The port is the service's, whatever the authority says. */
export function originalEndpoint({ destination }: Cluster, host: string): ClusterEndpoint {
  const { port } = destination;
  return { id: `${host}:${port}`, labels: {}, weight: 1, kind: 'socket', address: host, port };
}
