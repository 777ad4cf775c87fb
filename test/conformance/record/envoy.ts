/**
 * Pilot's output as the configuration of one stock Envoy that stands for the proxies of many cases: each case has
 * listeners and clusters of its own. What a stock Envoy lacks (Istio's own filters) is left out.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Envoy, ISTIO_RUNTIME, startEnvoy } from '../../peer/envoy.ts';
import type { Generated, Message } from './pilot.ts';
import { ID_HEADER, type Upstreams } from './upstream.ts';

/** The header that pins Envoy's random number for the choice among weighted destinations. */
const RANDOM_HEADER = 'x-oracle-random';

/** A line of the access log. */
export interface AccessLine {
  readonly id: string;
  readonly route?: string;
  readonly cluster?: string;
  readonly flags?: string;
  readonly details?: string;
  readonly attempts?: number;
}

/** One case's part of the configuration. */
export interface CasePart {
  readonly listeners: readonly Message[];
  readonly clusters: readonly Message[];
  /** The real port for each port that the case's clients dial. */
  readonly ports: ReadonlyMap<number, number>;
}

/** A case's listeners and clusters, their names beginning with `prefix`; opens the upstreams they need. */
export async function casePart(
  prefix: string,
  { routes, managers, clusters, endpoints, serverNames }: Generated,
  upstreams: Upstreams,
  isDown: (endpoint: string) => boolean,
  freePort: () => number,
  logFile: string,
): Promise<CasePart> {
  const used = new Set<string>();
  const ports = new Map<number, number>();
  const chains = new Map<number, Message[]>();
  for (const [key, configuration] of Object.entries(routes)) {
    if (!managers[key]) continue;
    const port = Number.parseInt(key, 10);
    const own = filterChain(manager(managers[key], renamed(configuration, prefix, used), logFile));
    const chain = key.includes('/') ? { ...own, ...tlsOf(serverNames[key] ?? []) } : own;
    chains.set(port, [...(chains.get(port) ?? []), chain]);
  }
  const listeners: Message[] = [];
  for (const [port, filterChains] of chains) {
    const real = freePort();
    ports.set(port, real);
    listeners.push(listener(`${prefix}${port}`, real, filterChains));
  }
  const own: Message[] = [];
  for (const cluster of clusters) {
    if (!used.has(cluster.name)) continue;
    own.push(await staticCluster(prefix, cluster, endpoints[cluster.name], upstreams, isDown, freePort));
  }
  return { listeners, clusters: own, ports };
}

/** The configuration with clusters renamed, and the random number of weighted choices taken from a header. */
function renamed(configuration: Message, prefix: string, used: Set<string>): Message {
  const copy = structuredClone(configuration);
  const rename = (name: string): string => {
    used.add(name);
    return prefix + name;
  };
  for (const { routes = [] } of copy.virtualHosts ?? []) {
    for (const { route } of routes) {
      if (!route) continue;
      if (route.cluster) route.cluster = rename(route.cluster);
      for (const each of route.requestMirrorPolicies ?? []) each.cluster = rename(each.cluster);
      if (route.weightedClusters) {
        route.weightedClusters.headerName = RANDOM_HEADER;
        for (const each of route.weightedClusters.clusters ?? []) each.name = rename(each.name);
      }
    }
  }
  return copy;
}

const KEPT_FILTERS = ['envoy.filters.http.fault', 'envoy.filters.http.cors', 'envoy.filters.http.router'];

function manager(given: Message, routeConfig: Message, logFile: string): Message {
  const { rds: _rds, tracing: _tracing, accessLog: _log, httpFilters, ...rest } = given;
  return {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    ...rest,
    routeConfig,
    httpFilters: httpFilters.filter(({ name }: Message) => KEPT_FILTERS.includes(name)),
    accessLog: [
      {
        name: 'envoy.access_loggers.file',
        typedConfig: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
          path: logFile,
          logFormat: {
            jsonFormat: {
              id: `%REQ(${ID_HEADER})%`,
              route: '%ROUTE_NAME%',
              cluster: '%UPSTREAM_CLUSTER_RAW%',
              flags: '%RESPONSE_FLAGS%',
              details: '%RESPONSE_CODE_DETAILS%',
              attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
            },
          },
        },
      },
    ],
  };
}

function filterChain(typedConfig: Message): Message {
  return { filters: [{ name: 'envoy.filters.network.http_connection_manager', typedConfig }] };
}

/** What chooses a chain by the name in a client's TLS, and a certificate of any name. */
function tlsOf(serverNames: readonly string[]): Message {
  const pem = (name: string) => ({ filename: join(import.meta.dirname, `../../fixture/tls/${name}.pem`) });
  return {
    ...(serverNames.length > 0 && { filterChainMatch: { serverNames } }),
    transportSocket: {
      name: 'envoy.transport_sockets.tls',
      typedConfig: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        commonTlsContext: {
          alpnProtocols: ['h2', 'http/1.1'],
          tlsCertificates: [{ certificateChain: pem('cert'), privateKey: pem('key') }],
        },
      },
    },
  };
}

function listener(name: string, port: number, filterChains: readonly Message[]): Message {
  const inspector = 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';
  return {
    name,
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    ...(filterChains.some(({ transportSocket }) => transportSocket) && {
      listenerFilters: [
        { name: 'envoy.filters.listener.tls_inspector', typedConfig: { '@type': inspector } },
      ],
    }),
    filterChains,
  };
}

async function staticCluster(
  prefix: string,
  cluster: Message,
  byEds: readonly string[] | undefined,
  upstreams: Upstreams,
  isDown: (endpoint: string) => boolean,
  freePort: () => number,
): Promise<Message> {
  const {
    edsClusterConfig: _eds,
    transportSocket: _tls,
    loadAssignment,
    filters: _filters,
    ...rest
  } = cluster;
  // Whoever is dialled, or looked up for each request, is one upstream here.
  const isPassthrough =
    cluster.type === 'ORIGINAL_DST' || cluster.clusterType?.name === 'envoy.clusters.dynamic_forward_proxy';
  const names = isPassthrough
    ? [cluster.name]
    : (byEds ??
      (loadAssignment?.endpoints ?? []).flatMap(({ lbEndpoints = [] }: Message) =>
        lbEndpoints.map(({ endpoint }: Message) => {
          const { address, portValue } = endpoint.address.socketAddress;
          return `${address}:${portValue}`;
        }),
      ));
  const lbEndpoints: Message[] = [];
  for (const name of names) {
    const portValue = isDown(name) ? freePort() : await upstreams.open(cluster.name, name);
    lbEndpoints.push({ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue } } } });
  }
  delete rest.transportSocketMatches;
  delete rest.transportSocket;
  delete rest.metadata;
  for (const field of ['dnsLookupFamily', 'dnsRefreshRate', 'respectDnsTtl', 'dnsJitter', 'clusterType'])
    delete rest[field];
  return {
    ...rest,
    name: prefix + cluster.name,
    type: 'STATIC',
    ...((isPassthrough || rest.lbPolicy === 'CLUSTER_PROVIDED') && { lbPolicy: 'ROUND_ROBIN' }),
    loadAssignment: { clusterName: prefix + cluster.name, endpoints: [{ lbEndpoints }] },
  };
}

/** Starts an Envoy that plays the parts. Throws what it says against its configuration. */
export function startWithParts(
  program: string,
  folder: string,
  parts: readonly CasePart[],
  adminPort: number,
): Promise<Envoy> {
  const bootstrap = {
    staticResources: {
      listeners: parts.flatMap((each) => each.listeners),
      clusters: parts.flatMap((each) => each.clusters),
    },
    layeredRuntime: { layers: [{ name: 'static', staticLayer: ISTIO_RUNTIME }] },
  };
  return startEnvoy(program, folder, bootstrap, adminPort);
}

/** The lines of the access log, by id. */
export function readAccessLog(file: string): Map<string, AccessLine> {
  const lines = new Map<string, AccessLine>();
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    if (text === '') continue;
    const line: AccessLine = JSON.parse(text);
    lines.set(line.id, line);
  }
  return lines;
}
