/** Which endpoints a cluster has. Imports the table's types. */
import type { ClusterEndpoint, Endpoint, Service, ServicePort } from '../table/cluster.ts';

/** See {@link indexEndpoints}. */
export interface EndpointIndex {
  /** The endpoints of a service's port, whatever their labels. */
  endpointsOf(service: Service, port: ServicePort): readonly ClusterEndpoint[];
  /** Whom the service's certificates may be for, each once and in order: what it says itself, and its endpoints' accounts. */
  accountsOf(service: Service): readonly string[];
  /** True when there are others of its host and namespace. */
  isShared(service: Service): boolean;
}

/**
 * Finds endpoints among all services, seen by the client or not: those of one host and namespace have theirs in
 * common, by their ports' names. Where addresses are looked up, names are endpoints too.
 *
 * Source: Istio `pilot/pkg/model/endpointshards.go` (EndpointIndex, keyed by service and namespace),
 * `pilot/pkg/xds/endpoints/endpoint_builder.go` (BuildClusterLoadAssignment), `pilot/pkg/model/push_context.go`
 * (addServiceAccounts).
 */
export function indexEndpoints(all: readonly Service[]): EndpointIndex {
  const byHost = new Map<string, Service[]>();
  for (const service of all) {
    const alike = byHost.get(keyOf(service));
    if (alike) alike.push(service);
    else byHost.set(keyOf(service), [service]);
  }
  const alikeOf = (service: Service): readonly Service[] => byHost.get(keyOf(service)) ?? [];
  const endpointsOf = (service: Service, port: ServicePort): ClusterEndpoint[] => {
    const alike = alikeOf(service);
    if (alike.length < 2) return service.endpoints.map((endpoint) => toClusterEndpoint(endpoint, port));
    const found = new Map<string, ClusterEndpoint>();
    for (const each of alike) {
      if (!isFor(service, each)) continue;
      const own = portNamed(each, port);
      for (const endpoint of own ? each.endpoints : []) {
        if (!found.has(endpoint.id)) found.set(endpoint.id, toClusterEndpoint(endpoint, own!));
      }
    }
    return [...found.values()];
  };
  const accountsOf = (service: Service): string[] => {
    const accounts = new Set(service.subjectAltNames);
    for (const { endpoints } of alikeOf(service))
      for (const { serviceAccount } of endpoints)
        if (serviceAccount !== undefined) accounts.add(serviceAccount);
    return [...accounts].sort();
  };
  return { endpointsOf, accountsOf, isShared: (service) => alikeOf(service).length > 1 };
}

const keyOf = ({ namespace, host }: Service): string => `${namespace}/${host}`;

/** A name is no endpoint where nobody looks it up. */
function isFor({ resolution = 'STATIC' }: Service, other: Service): boolean {
  return resolution.startsWith('DNS') || (other.resolution ?? 'STATIC') === 'STATIC';
}

function portNamed({ ports }: Service, { name, number }: ServicePort): ServicePort | undefined {
  const named = ports.filter((port) => port.name === name);
  return named.find((port) => port.number === number) ?? named[0];
}

function toClusterEndpoint({ id, labels, target, weight }: Endpoint, port: ServicePort): ClusterEndpoint {
  const common = { id, labels, weight: weight ?? 1 };
  switch (target.kind) {
    case 'socket': {
      const own =
        target.ports && Object.hasOwn(target.ports, port.name) ? target.ports[port.name] : undefined;
      const { address, pod } = target;
      return {
        ...common,
        kind: 'socket',
        address,
        port: own ?? port.number,
        ...(pod !== undefined && { pod }),
      };
    }
    case 'unix':
      return { ...common, kind: 'unix', path: target.path };
    case 'in-process':
      return { ...common, kind: 'in-process' };
  }
}
