/**
 * The Kubernetes services that rules speak of, assumed to be there, so that rules can be looked at away from the
 * cluster that they are for. Pure.
 */
import type { Endpoint, Service } from '../router/index.ts';
import type { ValidResource, ValidResourceOf } from '../router/schema/kind.ts';

const SUFFIX = '.svc.cluster.local';

/**
 * A service for each short or cluster-local host that a VirtualService or DestinationRule names, with the given
 * ports and those that destinations name, and an endpoint for each set of labels that a subset asks for; where
 * there are none, one for each host of the rules. Hosts of ServiceEntries are left to these.
 */
export function assumedServices(resources: readonly ValidResource[], given: readonly number[]): Service[] {
  const ports = new Map<string, Set<number>>();
  const name = (host: string | undefined, namespace: string, destinationPort?: number) => {
    const full = host === undefined ? undefined : fullName(host, namespace);
    if (full === undefined) return;
    const known = ports.get(full) ?? new Set(given);
    if (destinationPort !== undefined) known.add(destinationPort);
    ports.set(full, known);
  };
  for (const resource of resources) {
    const { namespace } = resource.metadata;
    if (resource.kind === 'DestinationRule') name(resource.spec.host, namespace);
    if (resource.kind !== 'VirtualService') continue;
    for (const host of resource.spec.hosts ?? []) name(host, namespace);
    for (const route of resource.spec.http ?? []) {
      const mirrors = [route.mirror, ...(route.mirrors ?? []).map(({ destination }) => destination)];
      for (const destination of [...(route.route ?? []).map(({ destination }) => destination), ...mirrors])
        name(destination?.host, namespace, destination?.port?.number);
    }
  }
  for (const resource of resources) {
    if (resource.kind === 'ServiceEntry') for (const host of resource.spec.hosts ?? []) ports.delete(host);
  }
  const entries = resources.filter(({ kind }) => kind === 'ServiceEntry');
  if (ports.size === 0 && entries.length === 0) {
    // Rules that send nothing on still need a listener to stand in.
    for (const { metadata, spec } of resources.filter(isVirtualService))
      for (const host of (spec.http ? spec.hosts : undefined) ?? [])
        ports.set(standIn(host, metadata.namespace), new Set(given));
  }
  return [...ports].map(([host, numbers]) => ({
    host,
    namespace: host.split('.')[1] ?? 'default',
    ports: [...numbers].map((number) => ({ name: `http-${number}`, number, protocol: 'HTTP' })),
    endpoints: assumedEndpoints(host, resources),
  }));
}

/** So that subsets that ask for different labels have different endpoints. */
function assumedEndpoints(host: string, resources: readonly ValidResource[]): Endpoint[] {
  const byId = new Map<string, Endpoint>();
  for (const resource of resources) {
    if (resource.kind !== 'DestinationRule') continue;
    if (fullName(resource.spec.host, resource.metadata.namespace) !== host) continue;
    for (const subset of resource.spec.subsets ?? []) {
      const labels = subset.labels ?? {};
      const names = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const id = names.sort().join(',');
      if (id !== '') byId.set(id, { id, labels, target: { kind: 'in-process' } });
    }
  }
  return [...byId.values()];
}

/**
 * A DestinationRule for each host whose subsets rules name while no DestinationRule is for it: as with services, it
 * is assumed that what rules speak of is there.
 */
export function assumedSubsets(resources: readonly ValidResource[]): ValidResourceOf<'DestinationRule'>[] {
  const subsets = new Map<string, Set<string>>();
  for (const resource of resources.filter(isVirtualService)) {
    for (const { route = [], mirror, mirrors = [] } of resource.spec.http ?? []) {
      const destinations = [...route, ...mirrors].map(({ destination }) => destination);
      for (const each of [...destinations, mirror]) {
        if (!each?.subset) continue;
        const host = fullName(each.host, resource.metadata.namespace) ?? each.host.toLowerCase();
        subsets.set(host, (subsets.get(host) ?? new Set()).add(each.subset));
      }
    }
  }
  for (const { kind, spec, metadata } of resources) {
    if (kind !== 'DestinationRule') continue;
    const host = fullName(spec.host, metadata.namespace) ?? spec.host.toLowerCase();
    for (const each of subsets.keys())
      if (each === host || (host.startsWith('*') && each.endsWith(host.slice(1)))) subsets.delete(each);
  }
  return [...subsets].map(([host, names]) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: `assumed-${host}`, namespace: host.split('.')[1] ?? 'default' },
    spec: { host, subsets: [...names].map((name) => ({ name, labels: { subset: name } })) },
  }));
}

const isVirtualService = (each: ValidResource): each is ValidResourceOf<'VirtualService'> =>
  each.kind === 'VirtualService';

/** A host that the given one, or its wildcard, covers. */
function standIn(host: string, namespace: string): string {
  const lower = host.toLowerCase();
  return lower === '*' ? `assumed.${namespace}${SUFFIX}` : lower.replace('*', 'assumed');
}

/** The cluster-local name of a host as Kubernetes has it, or undefined for one outside the cluster. */
function fullName(host: string, namespace: string): string | undefined {
  const lower = host.toLowerCase();
  if (lower.includes('*')) return undefined;
  if (!lower.includes('.')) return `${lower}.${namespace}${SUFFIX}`;
  return lower.endsWith(SUFFIX) && lower.split('.').length === 5 ? lower : undefined;
}
