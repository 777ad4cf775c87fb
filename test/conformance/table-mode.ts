/**
 * Holds a compiled table against what Istio's own compiler made of the same resources: each virtual host with its
 * routes, and each cluster with its policy.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClientTls, Cluster, RouteTable, VirtualHost } from '../../router/index.ts';
import type { Difference } from './compare.ts';
import { clusterOf, type PilotOutput, virtualHostsOf } from './pilot.ts';

/**
 * Where the table is not what pilot made; `request` says which listener or cluster. `endpoints`: their names by
 * cluster, of clusters that Envoy asks for them.
 */
export function runTableCase(
  compiled: RouteTable,
  pilot: PilotOutput,
  endpoints: Readonly<Record<string, readonly string[]>> = {},
): Difference[] {
  const table = withoutPrograms(compiled);
  return [
    ...compareListeners(table, pilot),
    ...compareClusters(table, pilot),
    ...table.clusters.flatMap(({ name, endpoints: own }): Difference[] => {
      const want = [...new Set(endpoints[name] ?? own.map(idOf))].sort();
      const got = [...new Set(own.map(idOf))].sort();
      return isDeepStrictEqual(want, got) ? [] : [{ request: name, field: 'endpoints', want, got }];
    }),
  ];
}

function idOf(endpoint: Cluster['endpoints'][number]): string {
  return endpoint.kind === 'socket' ? `${endpoint.address}:${endpoint.port}` : endpoint.id;
}

/** As JSON, without what is made of a regex's text: Envoy's configuration has the text alone. */
function withoutPrograms(table: RouteTable): RouteTable {
  return JSON.parse(JSON.stringify(table, (key, value) => (key === 'program' ? undefined : value)));
}

function compareListeners(table: RouteTable, pilot: PilotOutput): Difference[] {
  const isTls = (port: string): boolean => port.includes('/');
  const ports = new Set(
    Object.keys(pilot.routes)
      .filter(isTls)
      .map((key) => Number.parseInt(key, 10)),
  );
  return [
    ...[...ports].flatMap((port) => compareServers(table, pilot, port)),
    ...comparePorts(
      table,
      Object.entries(pilot.routes).filter(([key]) => !isTls(key)),
    ),
  ];
}

/** Of servers with TLS, each of which has its own routes, the table has what the client's name leads to. */
function compareServers(table: RouteTable, { routes }: PilotOutput, port: number): Difference[] {
  const listener = table.listeners.find((each) => each.port === port);
  const wanted = Object.entries(routes)
    .filter(([key]) => key.startsWith(`${port}/`))
    .flatMap(([, configuration]) => virtualHostsOf(configuration));
  const got = listener?.virtualHosts.filter((each) => each.routes.length > 0 || each.httpsRedirect) ?? [];
  return got.map(comparableVirtualHost).flatMap((each) => {
    const { domains, ...own } = each as VirtualHost;
    const isThere = wanted.some((host) => {
      const { domains: all, ...want } = host as VirtualHost;
      return isDeepStrictEqual(want, own) && domains.every((domain) => all.includes(domain));
    });
    const of = { request: `port ${port}`, field: 'virtual host of a server', want: wanted.map(nameOf) };
    return isThere ? [] : [{ ...of, got: each }];
  });
}

function comparePorts(
  table: RouteTable,
  routes: readonly (readonly [string, PilotOutput['routes'][string]])[],
): Difference[] {
  return routes.flatMap(([port, configuration]) => {
    const listener = table.listeners.find((each) => String(each.port) === port);
    const want = virtualHostsOf(configuration);
    const got = listener?.virtualHosts.map(comparableVirtualHost) ?? [];
    const request = `port ${port}`;
    if (want.length !== got.length)
      return [{ request, field: 'virtual hosts', want: want.map(nameOf), got: got.map(nameOf) }];
    return want.flatMap((host, index) => {
      const [a, b] = [routesOf(host), routesOf(got[index])];
      if (!isDeepStrictEqual(a.rest, b.rest))
        return [{ request, field: 'virtual host', want: a.rest, got: b.rest }];
      if (a.routes.length !== b.routes.length)
        return [{ request, field: `routes of ${nameOf(host)}`, want: a.routes, got: b.routes }];
      return a.routes.flatMap((route, at) =>
        isDeepStrictEqual(route, b.routes[at])
          ? []
          : [{ request, field: `routes[${at}] of ${nameOf(host)}`, want: route, got: b.routes[at] }],
      );
    });
  });
}

function compareClusters(table: RouteTable, pilot: PilotOutput): Difference[] {
  const differences: Difference[] = [];
  const clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
  const ruled = new Set(pilot.clusters.map((cluster) => cluster.name.split('|')[3]));
  for (const cluster of pilot.clusters) {
    const got = clusters.get(cluster.name);
    const comparable = got && comparableCluster(got);
    const want = clusterOf(cluster);
    if (!isDeepStrictEqual(want, comparable))
      differences.push({ request: cluster.name, field: 'cluster', want, got: comparable });
  }
  const names = new Set(pilot.clusters.map(({ name }) => name));
  for (const { name, destination } of table.clusters) {
    if (ruled.has(destination.host) && !names.has(name))
      differences.push({ request: name, field: 'cluster', want: undefined, got: name });
  }
  return differences;
}

const nameOf = (host: unknown): string => (host as VirtualHost).name;

function routesOf(host: unknown): { rest: object; routes: readonly unknown[] } {
  const { routes, ...rest } = host as VirtualHost;
  return { rest, routes };
}

function comparableVirtualHost({ routes, ...virtualHost }: VirtualHost): unknown {
  return {
    ...virtualHost,
    routes: routes.map(({ origin: _, match, ...route }) => ({
      ...route,
      match: { ...match, queryParams: [...match.queryParams].sort((a, b) => (a.name < b.name ? -1 : 1)) },
    })),
  };
}

/** The sizes of tables where there are some, and the defaults that the gateway falls back to. */
export function comparableCluster({ name, protocol, policy }: Cluster): unknown {
  const { loadBalancer, connectionPool, outlierDetection, retryBudget, tls } = policy;
  const { useClientProtocol, ...pool } = {
    ...{ connectTimeoutMs: 10_000, idleTimeoutMs: 3_600_000 },
    ...connectionPool,
  };
  return {
    name,
    protocol: useClientProtocol ? 'downstream' : protocol,
    loadBalancer: loadBalancer.kind,
    ...('tableSize' in loadBalancer && { tableSize: loadBalancer.tableSize }),
    ...('warmup' in loadBalancer && { warmup: loadBalancer.warmup }),
    pool,
    ...(outlierDetection && { outlierDetection }),
    ...(retryBudget && { retryBudget }),
    ...(tls && { tls: comparableTls(tls) }),
  };
}

/** Source: Istio `pkg/model/xds.go` (file-cert, file-root), `pilot/pkg/security/model/authentication.go` (default, ROOTCA). */
function comparableTls(tls: ClientTls): unknown {
  const { mode, sni, subjectAltNames, caCrl, insecureSkipVerify } = tls;
  const { certificateSecret, rootSecret, caCertificates, clientCertificate, privateKey } = tls;
  const isOfMesh = mode === 'ISTIO_MUTUAL';
  const files = clientCertificate && `file-cert:${clientCertificate}~${privateKey}`;
  const certificate = isOfMesh ? 'default' : (certificateSecret ?? files);
  const root = isOfMesh ? 'ROOTCA' : (rootSecret ?? `file-root:${caCertificates ?? 'system'}`);
  return {
    ...(sni && { sni }),
    subjectAltNames,
    ...(certificate && { certificate }),
    ...(!insecureSkipVerify && { root }),
    ...(caCrl && { crl: caCrl }),
  };
}
