/** The listeners of a sidecar: one per service port, its virtual hosts made of services and mesh rules. Imports the table's types. */
import type { HTTPRetry } from '../schema/virtual-service.ts';
import type { Steps } from '../steps.ts';
import type { Service } from '../table/cluster.ts';
import type { PathNormalization, Route, VirtualHost } from '../table/route-table.ts';
import { compareText } from './age.ts';
import { type AssembledHost, type Assembly, type RouteSource, routeSource } from './assembly.ts';
import { clusterName, PASSTHROUGH_CLUSTER } from './cluster-name.ts';
import type { DestinationRules } from './destination-rule.ts';
import { alternateHosts, domainOf, hostsOverlap, isWildcard, mostSpecific } from './host.ts';
import { compileMatch } from './match.ts';
import { compileRetry } from './retry.ts';
import { type CompiledRoute, compileRoutes, type SourceContext } from './route.ts';
import { isHttpOrUnknown, isKubernetes } from './service.ts';
import { hashOfDestination, hashOfService } from './traffic-policy.ts';
import type { PreparedVirtualService } from './virtual-service.ts';

/** What a proxy's virtual hosts are made of. */
export interface ProxyView {
  readonly source: SourceContext;
  /** By host, as the proxy sees them. */
  readonly services: ReadonlyMap<string, Service>;
  /** However many of one host, the oldest first, those for all namespaces last. */
  readonly selected: readonly Service[];
  /** Other names by the host that they lead to. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly rules: DestinationRules;
  readonly defaultRetry: HTTPRetry | undefined;
  readonly normalization: PathNormalization;
}

/** What becomes of requests to hosts that nobody knows. */
export type UnknownHosts = 'ALLOW_ANY' | 'REGISTRY_ONLY';

/** The ports that a sidecar listens on for HTTP: a service that is another's name has none. */
export function sidecarPorts(services: readonly Service[]): number[] {
  const ports = new Set<number>();
  for (const service of services) {
    if (service.externalName !== undefined) continue;
    for (const port of service.ports) if (isHttpOrUnknown(port.protocol)) ports.add(port.number);
  }
  return [...ports].sort((a, b) => a - b);
}

/**
 * The virtual hosts of one port, by name, and the one for all other hosts. The oldest of several
 * VirtualServices for a host has it to itself; services without one get a route of their own.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (BuildSidecarOutboundVirtualHosts),
 * `pilot/pkg/networking/core/route/route.go` (BuildSidecarVirtualHostWrapper).
 */
export function* sidecarVirtualHosts(
  view: ProxyView,
  virtualServices: readonly PreparedVirtualService[],
  port: number,
  unknownHosts: UnknownHosts,
): Steps<Assembly> {
  const services = servicesOnPort(view.selected, port);
  const wildcards = [...services.keys()].filter(isWildcard);
  const selected =
    port === 80 ? virtualServices : virtualServices.filter((each) => concerns(each, services, wildcards));
  const sources: RouteSource[] = [];
  const groups: HostGroup[] = [];
  for (const [index, each] of selected.entries()) {
    const source = routeSource(each, (rules) => routesOn(rules, services, view, port));
    sources.push(source);
    const group = hostGroup(source, index, selected, services, view, port);
    if (group) groups.push(group);
    yield;
  }
  const ruled = new Set(groups.flatMap((group) => group.services));
  for (const service of services.values()) {
    if (ruled.has(service) || service.externalName !== undefined) continue;
    if (!isHttpOrUnknown(portOf(service, port)?.protocol ?? '')) continue;
    groups.push({ services: [service], hosts: [], routes: [serviceRoute(service, port, view)], sources: [] });
    yield;
  }
  const hosts = yield* toVirtualHosts(groups, view, port);
  yield;
  hosts.sort((a, b) => compareText(a.virtualHost.name, b.virtualHost.name));
  return { hosts: [...hosts, { virtualHost: otherHosts(unknownHosts), sources: [] }], sources };
}

/** Routes with the services and other hosts that they are for. */
interface HostGroup {
  readonly services: readonly Service[];
  readonly hosts: readonly string[];
  readonly routes: readonly Route[];
  readonly sources: readonly number[];
}

/**
 * Those of a port, by their names in lower case: a listener knows no other, unlike clusters. Of several of one
 * name the listener keeps the last, and so answers to its addresses alone.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (BuildSidecarOutboundVirtualHosts).
 */
function servicesOnPort(all: readonly Service[], port: number): Map<string, Service> {
  const found = new Map<string, Service>();
  for (const service of all) {
    if (portOf(service, port) === undefined) continue;
    const host = service.host.toLowerCase();
    found.set(host, host === service.host ? service : { ...service, host });
  }
  return found;
}

function portOf(service: Service, number: number): Service['ports'][number] | undefined {
  return service.ports.find((port) => port.number === number);
}

/** Source: Istio `pilot/pkg/networking/core/httproute.go` (selectVirtualServices). */
function concerns(
  { hosts }: PreparedVirtualService,
  services: ReadonlyMap<string, Service>,
  wildcards: readonly string[],
): boolean {
  return hosts.some((host) => {
    const lower = host.toLowerCase();
    if (services.has(lower)) return true;
    const candidates = isWildcard(lower) ? [...services.keys()] : wildcards;
    return candidates.some((service) => hostsOverlap(lower, service));
  });
}

function routesOn(
  virtualService: PreparedVirtualService,
  services: ReadonlyMap<string, Service>,
  view: ProxyView,
  port: number,
): CompiledRoute[] {
  return compileRoutes(virtualService, {
    listenPort: port,
    isTls: false,
    source: view.source,
    defaultRetry: view.defaultRetry,
    onlyPort: (host) => (services.has(host) ? port : undefined),
    externalName: (host) => services.get(host)?.externalName,
    hashPolicy: ({ host, subset, port: selector }) => {
      const service = view.services.get(host);
      return service && hashOfDestination(view.rules.ruleOf(service), subset, selector?.number);
    },
  });
}

/**
 * The routes of a VirtualService with the services of its hosts, and its hosts that are no service. These have
 * a virtual host on every port of such services; without any, on port 80 alone.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (buildSidecarVirtualHostsForVirtualService,
 * separateVSHostsAndServices).
 */
function hostGroup(
  { virtualService, routes }: RouteSource,
  index: number,
  all: readonly PreparedVirtualService[],
  services: ReadonlyMap<string, Service>,
  view: ProxyView,
  port: number,
): HostGroup | undefined {
  if (routes.length === 0) return undefined;
  const found: Service[] = [];
  const hosts: string[] = [];
  for (const host of virtualService.hosts.map((each) => each.toLowerCase())) {
    if (isWildcard(host)) continue;
    const service = services.get(host);
    if (service) found.push(service);
    else hosts.push(host);
  }
  for (const host of virtualService.hosts.map((each) => each.toLowerCase()).filter(isWildcard)) {
    let covers = false;
    for (const [name, service] of services) {
      if (!hostsOverlap(name, host)) continue;
      covers = true;
      // Who owns which service is kept by names as they are written: nobody owns one with capitals.
      if (view.services.has(name) && ruleOwner(name, all) === virtualService) found.push(service);
    }
    if (!covers) hosts.push(host);
  }
  const onHttpPort = found.filter((service) => isHttpOrUnknown(portOf(service, port)?.protocol ?? ''));
  if (onHttpPort.length === 0 && port !== 80) return undefined;
  return { services: onHttpPort, hosts, routes, sources: [index] };
}

/**
 * The VirtualService whose host fits a service best: its own name before a wildcard, a longer wildcard before
 * a shorter one, then the older rule.
 *
 * Source: Istio `pilot/pkg/model/sidecar.go` (computeWildcardHostVirtualServiceIndex).
 */
function ruleOwner(
  service: string,
  virtualServices: readonly PreparedVirtualService[],
): PreparedVirtualService | undefined {
  return mostSpecific(service, ownersByHost(virtualServices));
}

const owners = new WeakMap<readonly PreparedVirtualService[], Map<string, PreparedVirtualService>>();

function ownersByHost(
  virtualServices: readonly PreparedVirtualService[],
): Map<string, PreparedVirtualService> {
  let byHost = owners.get(virtualServices);
  if (!byHost) {
    byHost = new Map();
    for (const each of virtualServices) {
      for (const host of each.hosts) if (!byHost.has(host)) byHost.set(host, each);
    }
    owners.set(virtualServices, byHost);
  }
  return byHost;
}

/**
 * A service written in capitals is looked up by its name in lower case, by which no rule is kept: no hash.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (BuildDefaultHTTPOutboundRoute, hashForService).
 */
function serviceRoute(service: Service, port: number, view: ProxyView): Route {
  const known = view.services.get(service.host);
  const hash = known && hashOfService(view.rules.ruleOf(known), port);
  const retry = compileRetry(view.defaultRetry, false);
  return {
    name: 'default',
    match: compileMatch(undefined),
    action: {
      kind: 'forward',
      destinations: [
        { cluster: clusterName(service.host, '', port), weight: 1, requestHeaders: [], responseHeaders: [] },
      ],
      timeoutMs: 0,
      ...(retry && { retry }),
      mirrors: [],
      hashPolicy: hash ? [hash] : [],
    },
    requestHeaders: [],
    responseHeaders: [],
  };
}

/** Names and domains are each given once: to the first that asks. */
function* toVirtualHosts(
  groups: readonly HostGroup[],
  { aliases, source: { namespace } }: ProxyView,
  port: number,
): Steps<AssembledHost[]> {
  const names = new Set<string>();
  const taken = new Set<string>();
  const fullNames = new Set(groups.flatMap((group) => group.services.map(({ host }) => host)));
  const assembled: AssembledHost[] = [];
  const add = (
    host: string,
    domains: readonly string[],
    alternate: ReadonlySet<string>,
    { routes, sources }: HostGroup,
  ) => {
    const name = `${domainOf(host)}:${port}`;
    if (names.has(name)) return;
    names.add(name);
    const free = domains.filter((domain) => {
      const lower = domain.toLowerCase();
      if (taken.has(lower) || (alternate.has(domain) && fullNames.has(domain))) return false;
      taken.add(lower);
      return true;
    });
    if (free.length === 0) return;
    assembled.push({
      virtualHost: { name, domains: free.map((each) => each.toLowerCase()), routes },
      sources,
    });
  };
  for (const group of groups) {
    for (const host of group.hosts) add(host, [domainOf(host)], new Set(), group);
    for (const service of group.services) {
      const names = [service.host, ...(aliases.get(service.host) ?? [])];
      const alternate = new Map(names.map((name) => [name, alternateHosts(name, namespace)]));
      add(service.host, serviceDomains(service, alternate), new Set([...alternate.values()].flat()), group);
    }
    yield;
  }
  return assembled;
}

/** Source: Istio `pilot/pkg/networking/core/httproute.go` (generateVirtualHostDomains). */
function serviceDomains(service: Service, alternate: ReadonlyMap<string, readonly string[]>): string[] {
  const domains = [...alternate].flatMap(([name, others]) => [domainOf(name), ...others]);
  const headless = service.resolution === 'NONE' && isKubernetes(service);
  const wildcards = headless ? domains.map((domain) => `*.${domain}`) : [];
  return [...domains, ...wildcards, ...(service.addresses ?? []).map(domainOf)];
}

/** Source: Istio `pilot/pkg/networking/core/httproute.go` (buildCatchAllVirtualHost). */
export function otherHosts(unknownHosts: UnknownHosts): VirtualHost {
  const name = unknownHosts === 'ALLOW_ANY' ? 'allow_any' : 'block_all';
  const passthrough = { cluster: PASSTHROUGH_CLUSTER, weight: 1, requestHeaders: [], responseHeaders: [] };
  const action: Route['action'] =
    unknownHosts === 'ALLOW_ANY'
      ? { kind: 'forward', destinations: [passthrough], timeoutMs: 0, mirrors: [], hashPolicy: [] }
      : { kind: 'direct-response', status: 502 };
  const route: Route = {
    name,
    match: compileMatch(undefined),
    action,
    requestHeaders: [],
    responseHeaders: [],
  };
  return { name, domains: ['*'], routes: [route] };
}
