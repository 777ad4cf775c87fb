/** Which services a client sees, and which of several for one host. Imports the table's types. */
import type { Service } from '../table/cluster.ts';
import { compareAge, compareText } from './age.ts';
import { isKubernetes } from './service.ts';
import { effectiveExportTo, isVisible } from './visibility.ts';

/**
 * Those that the namespace sees, however many of one host: oldest first, those for every namespace after others.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (initServiceRegistry, servicesExportedToNamespace).
 */
export function exportedServices(
  services: readonly Service[],
  proxyNamespace: string,
  defaultExportTo: readonly string[] | undefined,
): Service[] {
  const exportToOf = (service: Service) => effectiveExportTo(service.exportTo, defaultExportTo);
  const seen = services
    .filter((service) => isVisible(exportToOf(service), service.namespace, proxyNamespace))
    .sort(compareServices);
  const isPublic = (service: Service) => exportToOf(service).includes('*');
  return [...seen.filter((each) => !isPublic(each)), ...seen.filter(isPublic)];
}

/** Sorts older first, of one age by host. */
export function compareServices(a: Service, b: Service): number {
  return compareAge({ ...a, name: a.host }, { ...b, name: b.host });
}

/**
 * Of those exported to a sidecar's namespace the ones that it listens for: of each host those of one namespace.
 * Its own goes first, then that of a Kubernetes service, then that of the oldest.
 *
 * Source: Istio `pilot/pkg/model/sidecar.go` (selectServices).
 */
export function selectServices(exported: readonly Service[], proxyNamespace: string): Service[] {
  const namespaces = new Map<string, Service>();
  for (const service of exported) {
    const first = namespaces.get(service.host);
    const isOwn = (each: Service) => each.namespace === proxyNamespace;
    if (!first || isOwn(service) || (!isKubernetes(first) && isKubernetes(service) && !isOwn(first)))
      namespaces.set(service.host, service);
  }
  return exported.filter((each) => namespaces.get(each.host)?.namespace === each.namespace);
}

/**
 * One for each host, as clusters are made for it: Kubernetes' before others, else the first, which those that are
 * alike join.
 *
 * Source: Istio `pilot/pkg/model/sidecar.go` (collectImportedServices, DefaultSidecarScopeForGateway).
 */
export function servicesByHost(services: readonly Service[]): Map<string, Service> {
  const byHost = new Map<string, Service>();
  for (const service of services) appendService(byHost, service);
  return byHost;
}

/**
 * Adds a service where its host is new, Kubernetes' in the place of another; those that are alike become one.
 *
 * Source: Istio `pilot/pkg/model/sidecar.go` (appendSidecarServices, canMergeServices).
 */
export function appendService(byHost: Map<string, Service>, incoming: Service): void {
  const { host } = incoming;
  const existing = byHost.get(host);
  if (!existing || (!isKubernetes(existing) && isKubernetes(incoming))) byHost.set(host, incoming);
  else if (isKubernetes(existing) === isKubernetes(incoming) && isAlike(existing, incoming))
    byHost.set(host, joinServices(existing, incoming));
}

function isAlike(a: Service, b: Service): boolean {
  return (
    a.namespace === b.namespace &&
    a.resolution === b.resolution &&
    sameEntries(a.labels, b.labels) &&
    sameEntries(a.selector, b.selector) &&
    [...new Set(a.exportTo)].sort().join() === [...new Set(b.exportTo)].sort().join()
  );
}

type Labels = Readonly<Record<string, string>> | undefined;

function sameEntries(a: Labels = {}, b: Labels = {}): boolean {
  const entries = Object.entries(a);
  return (
    entries.length === Object.keys(b).length &&
    entries.every(([key, value]) => Object.hasOwn(b, key) && b[key] === value)
  );
}

function joinServices(existing: Service, incoming: Service): Service {
  const numbers = new Set(existing.ports.map(({ number }) => number));
  return {
    ...existing,
    ports: [...existing.ports, ...incoming.ports.filter(({ number }) => !numbers.has(number))],
  };
}

/**
 * The names of services that are others' names, by the host that each leads to in the end, in order of namespace and
 * name. Whoever sees the other has them, whoever sees them. Names in a circle lead nowhere.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (resolveServiceAliases).
 */
export function aliasesByHost(all: readonly Service[]): Map<string, readonly string[]> {
  const aliases = all.filter(({ externalName }) => externalName !== undefined).sort(compareNames);
  const next = new Map(aliases.map(({ host, externalName }) => [host, externalName!]));
  const found = new Map<string, string[]>();
  for (const { host } of aliases) {
    const seen = new Set([host]);
    let end = host;
    for (let to = next.get(end); to !== undefined && !seen.has(to); to = next.get(end)) {
      seen.add(to);
      end = to;
    }
    if (next.has(end)) continue;
    const names = found.get(end);
    if (names) names.push(host);
    else found.set(end, [host]);
  }
  return found;
}

const compareNames = (a: Service, b: Service): number =>
  compareText(a.namespace, b.namespace) || compareText(a.host, b.host);
