/** ServiceEntries and WorkloadEntries -> services. Imports schema types and the table's. */
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { ServiceEntryPort } from '../schema/service-entry.ts';
import type { WorkloadEntrySpec } from '../schema/workload-entry.ts';
import type { Endpoint, Service } from '../table/cluster.ts';
import { compareAge } from './age.ts';
import { isIpAddress, isWildcard } from './host.ts';

type ServiceEntry = ValidResourceOf<'ServiceEntry'>;
type WorkloadEntry = ValidResourceOf<'WorkloadEntry'>;

const UNIX = 'unix://';
/** Source: Istio `pkg/config/constants/constants.go` (DefaultClusterLocalDomain). */
const DEFAULT_TRUST_DOMAIN = 'cluster.local';

/**
 * The services that the ServiceEntries stand for, one per host, with their endpoints.
 *
 * Source: Istio `pilot/pkg/serviceregistry/serviceentry/conversion.go` (convertServices,
 * convertServiceEntryToInstances, convertWorkloadInstanceToServiceInstance).
 */
export function servicesOfEntries(
  resources: readonly ValidResource[],
  trustDomain = DEFAULT_TRUST_DOMAIN,
): Service[] {
  const workloads = resources
    .filter((each): each is WorkloadEntry => each.kind === 'WorkloadEntry')
    .sort((a, b) => compareAge(a.metadata, b.metadata));
  return resources
    .filter((each): each is ServiceEntry => each.kind === 'ServiceEntry')
    .sort((a, b) => compareAge(a.metadata, b.metadata))
    .flatMap((entry) => servicesOf(entry, workloads, trustDomain));
}

function servicesOf(
  { metadata, spec }: ServiceEntry,
  workloads: readonly WorkloadEntry[],
  trustDomain: string,
): Service[] {
  const ports = spec.ports ?? [];
  const isDns = spec.resolution?.startsWith('DNS') ?? false;
  const entries = spec.workloadSelector
    ? selectWorkloads(workloads, metadata.namespace, spec.workloadSelector.labels ?? {}, isDns)
    : (spec.endpoints ?? []).map((endpoint) => ({ name: '', endpoint }));
  const accountPrefix = `spiffe://${trustDomain}/ns/${metadata.namespace}/sa/`;
  return spec.hosts.map((host) => ({
    host,
    namespace: metadata.namespace,
    ports: ports.map(({ name, number, protocol }) => ({ name, number, protocol: protocolOf(protocol) })),
    endpoints:
      entries.length === 0 && isDns && !spec.workloadSelector && !isWildcard(host)
        ? toEndpoints([{ name: '', endpoint: { address: host } }], ports, accountPrefix)
        : toEndpoints(entries, ports, accountPrefix),
    // A service for each address, of which a listener keeps the last.
    addresses: (spec.addresses ?? []).slice(-1).map((address) => address.replace(/\/32$/, '')),
    registry: 'external',
    ...(metadata.labels && { labels: metadata.labels }),
    ...(spec.workloadSelector && { selector: spec.workloadSelector.labels ?? {} }),
    ...(spec.exportTo && spec.exportTo.length > 0 && { exportTo: spec.exportTo }),
    ...(metadata.creationTimestamp !== undefined && { creationTimestamp: metadata.creationTimestamp }),
    resolution: spec.resolution ?? 'NONE',
    ...(spec.subjectAltNames && spec.subjectAltNames.length > 0 && { subjectAltNames: spec.subjectAltNames }),
  }));
}

interface NamedWorkload {
  readonly name: string;
  readonly endpoint: WorkloadEntrySpec;
}

/** Labels of the metadata go over those of the spec. Source: Istio `conversion.go` (ConvertWorkloadEntry). */
function selectWorkloads(
  workloads: readonly WorkloadEntry[],
  namespace: string,
  selector: Readonly<Record<string, string>>,
  isDns: boolean,
): NamedWorkload[] {
  return workloads.flatMap(({ metadata, spec }) => {
    if (metadata.namespace !== namespace) return [];
    const labels = { ...spec.labels, ...metadata.labels };
    const own = new Map(Object.entries(labels));
    if (!Object.entries(selector).every(([key, value]) => own.get(key) === value)) return [];
    const address = spec.address ?? '';
    const needsDns = address !== '' && (address.startsWith(UNIX) || !isIpAddress(address));
    return needsDns && !isDns ? [] : [{ name: metadata.name, endpoint: { ...spec, labels } }];
  });
}

function toEndpoints(
  workloads: readonly NamedWorkload[],
  ports: readonly ServiceEntryPort[],
  accountPrefix: string,
): Endpoint[] {
  const taken = new Set<string>();
  return workloads.map(({ name, endpoint }) => {
    const address = endpoint.address ?? '';
    const own = ports.map((port): [string, number] => [port.name, portOf(endpoint, port)]);
    const place = address.startsWith(UNIX) ? address : `${address}:${own[0]?.[1] ?? 0}`;
    let id = place;
    for (let again = 2; taken.has(id); again++)
      id = name && again === 2 ? `${place}/${name}` : `${place}/${again}`;
    taken.add(id);
    return {
      id,
      labels: { ...endpoint.labels },
      target: address.startsWith(UNIX)
        ? { kind: 'unix', path: address.slice(UNIX.length) }
        : { kind: 'socket', address, ports: Object.fromEntries(own) },
      ...(endpoint.weight && { weight: endpoint.weight }),
      ...(endpoint.serviceAccount && { serviceAccount: accountPrefix + endpoint.serviceAccount }),
    };
  });
}

/** The endpoint's own port, else the entry's target port, else the service's. */
function portOf(endpoint: WorkloadEntrySpec, port: ServiceEntryPort): number {
  const own = new Map(Object.entries(endpoint.ports ?? {})).get(port.name);
  return own || port.targetPort || port.number;
}

/** Source: Istio `pkg/config/protocol/instance.go` (Parse). */
function protocolOf(text: string | undefined): string {
  const upper = (text ?? '').toUpperCase();
  return KNOWN_PROTOCOLS.has(upper) ? upper : '';
}

const KNOWN_PROTOCOLS: ReadonlySet<string> = new Set([
  ...['TCP', 'UDP', 'TLS', 'HTTPS', 'MONGO', 'REDIS', 'MYSQL'],
  ...['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB'],
]);

/** True for a protocol that is HTTP, or may turn out to be because none is said. */
export function isHttpOrUnknown(protocol: string): boolean {
  const upper = protocol.toUpperCase();
  return ['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB'].includes(upper) || !KNOWN_PROTOCOLS.has(upper);
}

/** True for a protocol spoken over HTTP/2. */
export function isHttp2(protocol: string): boolean {
  return ['HTTP2', 'GRPC', 'GRPC-WEB'].includes(protocol.toUpperCase());
}

/** Services from code are Kubernetes' unless they say otherwise. */
export function isKubernetes(service: Service): boolean {
  return service.registry !== 'external';
}
