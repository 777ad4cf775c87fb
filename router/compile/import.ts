/** Services that a sidecar knows only because its rules name them. Imports schema types and the table's. */
import type { ValidResourceOf } from '../schema/kind.ts';
import type { HTTPRoute } from '../schema/virtual-service.ts';
import type { Service } from '../table/cluster.ts';
import { resolveShortName } from './host.ts';
import { isKubernetes } from './service.ts';
import { appendService, compareServices } from './service-view.ts';
import type { PreparedRule } from './virtual-service.ts';

/** A VirtualService as written and as made ready. */
export interface NamingRule {
  readonly resource: ValidResourceOf<'VirtualService'>;
  readonly prepared: { readonly rules: readonly PreparedRule[] };
}

/**
 * Adds what the rules name of the sidecar's own namespace, seen from there or not; of a service's ports those that
 * the rule names. Only its clusters know of them, not its listeners.
 *
 * Source: Istio `pilot/pkg/model/sidecar.go` (collectImportedServices, serviceMatchingVirtualServicePorts).
 */
export function importServices(
  byHost: Map<string, Service>,
  own: readonly Service[],
  rules: readonly NamingRule[],
  namespace: string,
): void {
  const found = new Map<string, Service>();
  for (const service of [...own].sort(compareServices)) {
    const first = found.get(service.host);
    if (!first || (!isKubernetes(first) && isKubernetes(service))) found.set(service.host, service);
  }
  for (const rule of rules) {
    for (const [host, named] of portsByHost(rule, namespace)) {
      const service = found.get(host);
      if (!service) continue;
      const ports = service.ports.filter(({ number }) => named.has(ANY_PORT) || named.has(number));
      if (ports.length === service.ports.length) appendService(byHost, service);
      else if (ports.length > 0) appendService(byHost, { ...service, ports });
    }
  }
}

/** Stands for a destination without a port. */
const ANY_PORT = 0;

/** Source: Istio `pilot/pkg/model/push_context.go` (virtualServiceDestinationsFilteredBySourceNamespace). */
function portsByHost({ resource, prepared }: NamingRule, namespace: string): Map<string, Set<number>> {
  const { metadata, spec } = resource;
  const layer4 = [...(spec.tcp ?? []), ...(spec.tls ?? [])].flatMap(({ route = [] }) =>
    route.map(({ destination }) => ({
      ...destination,
      host: resolveShortName(destination.host, metadata.namespace),
    })),
  );
  const http = prepared.rules
    .map(({ rule }) => rule)
    .filter((rule) => isFrom(rule, namespace))
    .flatMap(({ route = [], mirror, mirrors = [] }) => [
      ...route.map(({ destination }) => destination),
      ...(mirror ? [mirror] : []),
      ...mirrors.map(({ destination }) => destination),
    ]);
  const named = new Map<string, Set<number>>();
  for (const { host, port } of [...http, ...layer4]) {
    const ports = named.get(host) ?? new Set();
    named.set(host, ports.add(port?.number ?? ANY_PORT));
  }
  return named;
}

/** False for a rule all of whose namespaces are others. */
function isFrom({ match = [] }: HTTPRoute, namespace: string): boolean {
  const namespaces = match.flatMap(({ sourceNamespace }) => sourceNamespace || []);
  return namespaces.length === 0 || namespaces.includes(namespace);
}
