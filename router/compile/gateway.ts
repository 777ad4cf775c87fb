/** The listeners of a gateway: its Gateways' servers, and the rules bound to them. Imports schema types and the table's. */
import type { GatewayServer } from '../schema/gateway.ts';
import type { ValidResourceOf } from '../schema/kind.ts';
import type { Steps } from '../steps.ts';
import type { Service } from '../table/cluster.ts';
import { compareAge, compareText } from './age.ts';
import { type AssembledHost, type Assembly, joinRoutes, type RouteSource, routeSource } from './assembly.ts';
import { compareSpecific, domainOf, intersectHosts, resolveGatewayName } from './host.ts';
import { type CompiledRoute, compileRoutes } from './route.ts';
import { type BoundServer, Regions } from './server-region.ts';
import { compileServerTls } from './server-tls.ts';
import type { ProxyView } from './sidecar.ts';
import { hashOfDestination } from './traffic-policy.ts';
import { type PreparedVirtualService, virtualServicesFor } from './virtual-service.ts';

type Gateway = ValidResourceOf<'Gateway'>;

/**
 * The servers of HTTP and TLS that a proxy serves: of the gateways named, else of all whose selector fits its labels. A
 * gateway that is named but not there serves every host, on whatever port it is asked.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (mergeGateways), `pilot/pkg/model/gateway.go` (mergeGateways).
 */
export function gatewayServers(
  resources: readonly Gateway[],
  labels: ReadonlyMap<string, string>,
  names: readonly string[] | undefined,
  namespace: string,
): { readonly servers: BoundServer[]; readonly unknown: string[] } {
  const wanted = names && new Set(names.map((name) => resolveGatewayName(name, namespace)));
  const gateways = [...resources]
    .sort((a, b) => compareAge(a.metadata, b.metadata))
    .filter((gateway) => (wanted ? wanted.has(nameOf(gateway)) : fits(gateway, labels)));
  const known = new Set(gateways.map(nameOf));
  const claimed = new Set<string>();
  const plain = new Set<string>();
  return {
    servers: gateways.flatMap((gateway) =>
      (gateway.spec.servers ?? [])
        .filter((server) => isHttp(server) || server.tls !== undefined)
        .map((server) => bind(gateway, server))
        .filter((server) => !server.isTls || claims(server, claimed))
        .filter((server) => {
          const place = `${server.port} ${server.bind}`;
          if (server.tls === undefined) plain.add(place);
          return server.tls === undefined || !plain.has(place);
        }),
    ),
    unknown: [...(wanted ?? [])].filter((name) => !known.has(name)),
  };
}

/**
 * The virtual hosts of the servers on one port, by name. Several VirtualServices for a host share it, oldest
 * first, those routes that take everything after all others. Of servers with TLS each has its own, chosen by the name
 * in the client's TLS: that is taken to be the request's host, so that each has the hosts that it is closest to.
 *
 * Source: Istio `pilot/pkg/networking/core/gateway.go` (buildGatewayHTTPRouteConfig, createGatewayHTTPFilterChainOpts).
 */
export function* gatewayVirtualHosts(
  view: ProxyView,
  all: readonly PreparedVirtualService[],
  servers: readonly BoundServer[],
  port: number,
): Steps<Assembly> {
  const ownServices = new Map<string, Service>();
  for (const service of view.selected) {
    const key = `${service.namespace}/${service.host}`;
    if (!ownServices.has(key)) ownServices.set(key, service);
  }
  const sources: RouteSource[] = [];
  const places = new Map<string, number>();
  const hosts: AssembledHost[] = [];
  const regions = new Regions(servers);
  for (const group of regions.groups) {
    const drafts = new Map<string, Draft>();
    for (const server of group) {
      for (const virtualService of virtualServicesFor(all, server.gateway, view.source.namespace)) {
        yield;
        const { namespace, name } = virtualService.metadata;
        const own = intersectHosts(hostsForNamespace(server.hosts, namespace), virtualService.hosts);
        if (own.length === 0) continue;
        const key = `${server.gateway}\n${namespace}/${name}`;
        let place = places.get(key);
        if (place === undefined) {
          const compile = (rules: PreparedVirtualService) =>
            compileFor(rules, server, view, port, ownServices);
          place = sources.push(routeSource(virtualService, compile)) - 1;
          places.set(key, place);
        }
        if (sources[place]!.routes.length === 0) continue;
        for (const host of own) draftOf(drafts, host.toLowerCase(), server.httpsRedirect).sources.push(place);
      }
      if (!server.httpsRedirect) continue;
      for (const host of server.hosts) draftOf(drafts, host.toLowerCase(), true);
    }
    for (const { host, domains, draft } of collapse(drafts)) {
      yield;
      const own = regions.take(domains, group[0]!);
      if (own.length === 0) continue;
      const routes = joinRoutes(draft.sources.map((place) => sources[place]!));
      const virtualHost = { name: `${domainOf(host)}:${port}`, domains: own, routes };
      hosts.push({
        virtualHost: draft.httpsRedirect ? { ...virtualHost, httpsRedirect: true } : virtualHost,
        sources: draft.sources,
      });
    }
  }
  hosts.sort((x, y) => compareText(x.virtualHost.name, y.virtualHost.name));
  const empty = hosts.length === 0 ? ['*'] : regions.bare();
  if (empty.length > 0)
    hosts.push({
      virtualHost: { name: `blackhole:${port}`, domains: empty, routes: [] },
      sources: [],
    });
  return { hosts, sources };
}

interface Draft {
  /** Places of the sources that have routes for the host. */
  readonly sources: number[];
  httpsRedirect: boolean;
}

function draftOf(drafts: Map<string, Draft>, host: string, httpsRedirect: boolean): Draft {
  let draft = drafts.get(host);
  if (!draft) {
    draft = { sources: [], httpsRedirect };
    drafts.set(host, draft);
  }
  if (httpsRedirect) draft.httpsRedirect = true;
  return draft;
}

/**
 * Hosts with the very same routes share one virtual host, named after the most specific.
 *
 * Source: Istio `pilot/pkg/networking/core/gateway.go` (collapseDuplicateRoutes).
 */
function collapse(drafts: ReadonlyMap<string, Draft>): { host: string; domains: string[]; draft: Draft }[] {
  const byRoutes = new Map<string, { host: string; domains: string[]; draft: Draft }>();
  for (const [host, draft] of [...drafts].sort(([a], [b]) => compareSpecific(a, b))) {
    const key = `${draft.httpsRedirect}:${draft.sources.join()}`;
    const existing = byRoutes.get(key);
    if (existing) existing.domains.push(host);
    else byRoutes.set(key, { host, domains: [host], draft });
  }
  return [...byRoutes.values()];
}

function compileFor(
  virtualService: PreparedVirtualService,
  server: BoundServer,
  view: ProxyView,
  port: number,
  ownServices: ReadonlyMap<string, Service>,
): CompiledRoute[] {
  const { namespace } = virtualService.metadata;
  // A service of the rule's own namespace goes before the one that the proxy sees under that host.
  const serviceOf = (host: string) => ownServices.get(`${namespace}/${host}`) ?? view.services.get(host);
  return compileRoutes(virtualService, {
    listenPort: port,
    isTls: server.isTls,
    source: { ...view.source, gateway: server.gateway },
    defaultRetry: view.defaultRetry,
    onlyPort: (host) => {
      const ports = serviceOf(host)?.ports;
      return ports?.length === 1 ? ports[0]!.number : undefined;
    },
    externalName: (host) => serviceOf(host)?.externalName,
    hashPolicy: ({ host, subset, port: selector }) => {
      const service = view.services.get(host);
      return service && hashOfDestination(view.rules.ruleOf(service), subset, selector?.number);
    },
  });
}

/** Source: Istio `pkg/config/host/names.go` (NamesForNamespace). */
function hostsForNamespace(hosts: readonly string[], namespace: string): string[] {
  return hosts.flatMap((host) => {
    const slash = host.indexOf('/');
    if (slash === -1) return [host];
    const owner = host.slice(0, slash);
    return owner === namespace || owner === '*' ? [host.slice(slash + 1)] : [];
  });
}

/**
 * Takes a server's hosts on its port; false where another with `tls` has one of them, and this one is left out.
 *
 * Source: Istio `pilot/pkg/model/gateway.go` (CheckDuplicates).
 */
function claims({ port, bind, hosts }: BoundServer, claimed: Set<string>): boolean {
  const keys = hosts.map((host) => `${port} ${bind} ${host}`);
  if (keys.some((key) => claimed.has(key))) return false;
  for (const key of keys) claimed.add(key);
  return true;
}

const nameOf = ({ metadata }: Gateway): string => `${metadata.namespace}/${metadata.name}`;

function fits({ spec }: Gateway, labels: ReadonlyMap<string, string>): boolean {
  return Object.entries(spec.selector ?? {}).every(([key, value]) => labels.get(key) === value);
}

function isHttp({ port }: GatewayServer): boolean {
  return ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY'].includes(port.protocol.toUpperCase());
}

function tlsOf({ port, tls }: GatewayServer): 'terminate' | 'passthrough' {
  const isHttps = port.protocol.toUpperCase() === 'HTTPS' && tls?.mode !== undefined;
  return isHttps && !tls.mode?.endsWith('PASSTHROUGH') ? 'terminate' : 'passthrough';
}

/**
 * A host of `./` is of the gateway's own namespace; one host for all namespaces and names is the only one.
 *
 * Source: Istio `pilot/pkg/model/gateway.go` (sanitizeServerHostNamespace).
 */
function bind(gateway: Gateway, server: GatewayServer): BoundServer {
  const { port, bind: address, tls } = server;
  const own = gateway.metadata.namespace;
  const hosts = server.hosts.includes('*/*')
    ? ['*']
    : server.hosts.map((host) => host.replace(/^\.\//, `${own}/`).replace(/^\*\//, ''));
  const serverTls = compileServerTls(server, nameOf(gateway), hosts);
  return {
    gateway: nameOf(gateway),
    port: port.number,
    isTls: tls !== undefined,
    ...(!isHttp(server) && { tls: tlsOf(server) }),
    httpsRedirect: tls?.httpsRedirect ?? false,
    hosts,
    bind: address ?? '',
    ...(serverTls && { serverTls }),
  };
}
