/**
 * The resources of a control plane, joined as the table that a proxy with them obeys. What is the same as in the table
 * before is the same object, so that of a large table only what has changed is made ready anew. Imports the table's
 * types.
 */
import { alternateHosts, mostSpecific, shadowedNames } from '../compile/host.ts';
import { otherHosts } from '../compile/sidecar.ts';
import type { Cluster } from '../table/cluster.ts';
import type { Listener, RouteTable, VirtualHost } from '../table/route-table.ts';
import type { ServerTls } from '../table/server-tls.ts';
import type { XdsCluster } from './cluster.ts';
import type { XdsEndpoints } from './endpoint.ts';
import type { XdsListener } from './listener.ts';
import type { XdsRoutes } from './route-configuration.ts';

/** All that a control plane has sent and that was understood, by name. */
export interface XdsResources {
  readonly listeners: ReadonlyMap<string, XdsListener>;
  readonly routes: ReadonlyMap<string, XdsRoutes>;
  readonly clusters: ReadonlyMap<string, XdsCluster>;
  readonly endpoints: ReadonlyMap<string, XdsEndpoints>;
}

/** Who the table is for. */
export interface XdsTableOptions {
  /** `router` is a gateway at the edge, whose clients do not say for themselves which scheme they used. */
  readonly type: 'sidecar' | 'router';
  /** Of the proxy, for short names. */
  readonly namespace: string;
}

/** Makes tables; remembers the last one for the next. */
export function createXdsTables(options: XdsTableOptions): (resources: XdsResources) => RouteTable {
  let latest: JoinedClusters | undefined;
  const renamed = new WeakMap<VirtualHost, VirtualHost>();
  /** By port: what the listener was made of. */
  const made = new Map<number, { readonly of: readonly unknown[]; readonly listener: Listener }>();
  const joined = (port: number, group: readonly XdsListener[], routes: XdsResources['routes']): Listener => {
    const sorted = [...group].sort((a, b) => Number(isForOneAddress(a)) - Number(isForOneAddress(b)));
    const configurations = new Map(
      sorted.flatMap(({ routes: own, tls }) =>
        own.flatMap((each, chain) => {
          const configuration = typeof each === 'string' ? routes.get(each) : each;
          return configuration ? [[configuration, tls?.[chain]] as const] : [];
        }),
      ),
    );
    const of = [...sorted, ...configurations.keys()];
    const known = made.get(port);
    if (known?.of.length === of.length && known.of.every((each, index) => each === of[index]))
      return known.listener;
    const listener = joinListeners(port, sorted, configurations, options, renamed);
    made.set(port, { of, listener });
    return listener;
  };
  let fallback: { readonly passesTo: string | undefined; readonly listener: Listener } | undefined;
  return ({ listeners, routes, clusters, endpoints }) => {
    const byPort = Map.groupBy(
      [...listeners.values()].filter((each) => each.routes.length > 0),
      ({ port }) => port,
    );
    const passesTo = [...listeners.values()].find((each) => each.passesTo !== undefined)?.passesTo;
    if (fallback === undefined || fallback.passesTo !== passesTo)
      fallback = { passesTo, listener: fallbackOf(passesTo, options) };
    latest = joinClusters(latest, clusters, endpoints);
    return {
      format: 1,
      listeners: [...byPort].sort(([a], [b]) => a - b).map(([port, group]) => joined(port, group, routes)),
      fallback: fallback.listener,
      clusters: latest.list,
    };
  };
}

interface JoinedClusters {
  readonly clusters: XdsResources['clusters'];
  readonly endpoints: XdsResources['endpoints'];
  readonly list: readonly Cluster[];
  /** In the order of {@link list}: what each is made of. */
  readonly of: readonly { readonly cluster: XdsCluster; readonly endpoints: XdsEndpoints | undefined }[];
}

/** Clusters with their endpoints. What is made of the same as before is the same object, a list of the same the same list. */
function joinClusters(
  before: JoinedClusters | undefined,
  clusters: XdsResources['clusters'],
  endpoints: XdsResources['endpoints'],
): JoinedClusters {
  if (before?.clusters === clusters)
    return before.endpoints === endpoints ? before : withChanged(before, endpoints);
  const known = new Map(before?.of.map((each, place) => [each.cluster, place]));
  const list: Cluster[] = [];
  const of: { cluster: XdsCluster; endpoints: XdsEndpoints | undefined }[] = [];
  for (const cluster of clusters.values()) {
    const { endpointsName } = cluster;
    const own = endpointsName === undefined ? undefined : endpoints.get(endpointsName);
    const place = known.get(cluster);
    const old = place === undefined ? undefined : before?.of[place];
    const isSame = old?.cluster === cluster && old.endpoints === own;
    list.push(isSame ? before!.list[place!]! : withEndpoints(cluster, own));
    of.push(isSame ? old : { cluster, endpoints: own });
  }
  return { clusters, endpoints, list, of };
}

/** The same clusters with other endpoints, of which those of a few have changed. */
function withChanged(before: JoinedClusters, endpoints: XdsResources['endpoints']): JoinedClusters {
  const list = [...before.list];
  const of = [...before.of];
  for (let place = 0; place < of.length; place++) {
    const { cluster, endpoints: known } = of[place]!;
    if (cluster.endpointsName === undefined) continue;
    const own = endpoints.get(cluster.endpointsName);
    if (own === known) continue;
    list[place] = withEndpoints(cluster, own);
    of[place] = { cluster, endpoints: own };
  }
  return { clusters: before.clusters, endpoints, list, of };
}

function withEndpoints({ cluster, endpointsName }: XdsCluster, endpoints: XdsEndpoints | undefined): Cluster {
  return endpointsName === undefined ? cluster : { ...cluster, endpoints: endpoints?.endpoints ?? [] };
}

/** The RouteConfigurations that listeners ask for, each once. */
export function routeNames(listeners: XdsResources['listeners']): string[] {
  const names = [...listeners.values()].flatMap(({ routes }) =>
    routes.flatMap((each) => (typeof each === 'string' ? [each] : [])),
  );
  return [...new Set(names)];
}

/** The ClusterLoadAssignments that clusters ask for, each once. */
export function endpointsNames(clusters: XdsResources['clusters']): string[] {
  return [...new Set([...clusters.values()].flatMap(({ endpointsName }) => endpointsName ?? []))];
}

/** The Secrets that clusters and listeners ask for, each once. */
export function secretNames({ clusters, listeners }: Pick<XdsResources, 'clusters' | 'listeners'>): string[] {
  const towards = [...clusters.values()].flatMap(({ cluster: { policy } }) => [
    policy.tls?.certificateSecret,
    policy.tls?.rootSecret,
  ]);
  const servers = [...listeners.values()].flatMap(({ tls = [] }) =>
    tls.flatMap((server) => [...(server?.certificateSecrets ?? []), server?.rootSecret]),
  );
  return [...new Set([...towards, ...servers])].filter((name) => name !== undefined);
}

/**
 * Listeners of one port as one: that of all addresses first, then those of a service's own address. Each domain is the
 * first one's that has it.
 */
function joinListeners(
  port: number,
  group: readonly XdsListener[],
  configurations: ReadonlyMap<XdsRoutes, ServerTls | undefined>,
  options: XdsTableOptions,
  renamed: WeakMap<VirtualHost, VirtualHost>,
): Listener {
  const taken = new Set<string>();
  const virtualHosts: VirtualHost[] = [];
  const wildcards: VirtualHost[] = [];
  const servers = group.flatMap(({ tls = [] }) => tls.flatMap((each) => each ?? []));
  const byName = new Map(servers.flatMap((server) => server.hosts.map((host) => [host, server] as const)));
  for (const [configuration, server] of configurations) {
    for (const written of configuration.virtualHosts) {
      const virtualHost = isForOneService(configuration.name)
        ? named(written, options.namespace, renamed)
        : written;
      // Of servers with TLS each has the hosts that it is closest to.
      const free = virtualHost.domains.filter(
        (domain) => !taken.has(domain) && (!server || mostSpecific(domain, byName) === server),
      );
      if (free.length === 0) continue;
      for (const domain of free) taken.add(domain);
      const whole = free.length === virtualHost.domains.length;
      (free.includes('*') ? wildcards : virtualHosts).push(
        whole ? virtualHost : { ...virtualHost, domains: free },
      );
    }
  }
  return {
    port,
    virtualHosts: [...virtualHosts, ...bareHosts(byName.keys(), taken, port), ...wildcards],
    ignorePortInHost:
      group.some(({ isApi }) => isApi) ||
      [...configurations.keys()].every(({ ignorePortInHost }) => ignorePortInHost),
    trustForwardedProto: options.type !== 'router',
    normalization: group[0]?.normalization ?? 'BASE',
    ...(servers.length > 0 && { tls: servers }),
  };
}

/** Hosts of servers with TLS that nobody has routes for, and that a wildcard of another server would have in their place. */
function bareHosts(names: Iterable<string>, taken: ReadonlySet<string>, port: number): VirtualHost[] {
  return shadowedNames(names, taken).map((host) => ({
    name: `${host}:${port}`,
    domains: [host],
    routes: [],
  }));
}

/** Istio's listener for a service of unknown protocol is bound to the service's address: `10.96.0.10_9000`. */
function isForOneAddress({ name }: XdsListener): boolean {
  return !/^(0\.0\.0\.0|\[?::\]?)_/.test(name);
}

/** The routes of such a listener: `reviews.default.svc.cluster.local:9000`. */
function isForOneService(routesName: string): boolean {
  return /^[^|]+\.[^|]+:\d+$/.test(routesName);
}

/**
 * Such routes are for every authority, as the address has told the service already. Here only names tell it.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (BuildSidecarOutboundVirtualHosts).
 */
function named(
  virtualHost: VirtualHost,
  namespace: string,
  renamed: WeakMap<VirtualHost, VirtualHost>,
): VirtualHost {
  if (!virtualHost.domains.includes('*')) return virtualHost;
  let known = renamed.get(virtualHost);
  if (!known) {
    const host = virtualHost.name.replace(/:\d+$/, '');
    if (!host.includes('.')) return virtualHost;
    known = { ...virtualHost, domains: [...new Set([host, ...alternateHosts(host, namespace)])] };
    renamed.set(virtualHost, known);
  }
  return known;
}

/** What is on no port that is known: passed on where the mesh lets it, else refused. */
function fallbackOf(passesTo: string | undefined, { type }: XdsTableOptions): Listener {
  const isBlocked = passesTo !== undefined && passesTo !== PASSTHROUGH;
  const virtualHosts = type === 'router' ? [] : [otherHosts(isBlocked ? 'REGISTRY_ONLY' : 'ALLOW_ANY')];
  return {
    port: 0,
    virtualHosts,
    ignorePortInHost: true,
    trustForwardedProto: type !== 'router',
    normalization: 'BASE',
  };
}

const PASSTHROUGH = 'PassthroughCluster';
