/**
 * What a proxy of Istio's has, as its tools show it, read as a table: the routes of `istioctl proxy-config routes
 * -o json`, or an Envoy's config dump. Imports the router's reader of xDS.
 */
import { createRegistry, type DescMessage, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { RouteConfigurationSchema } from '../gen/envoy/config/route/v3/route_pb.ts';
import { CorsPolicySchema } from '../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { HTTPFaultSchema } from '../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts';
import { UpstreamTlsContextSchema } from '../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { HttpProtocolOptionsSchema } from '../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { parseClusterName } from '../router/compile/cluster-name.ts';
import type { Cluster, RouteTable } from '../router/index.ts';
import {
  createXdsTables,
  readCluster,
  readRouteConfiguration,
  type XdsListener,
  type XdsRoutes,
} from '../router/xds/index.ts';

/** See {@link readEnvoyDump}. */
export interface EnvoyDump {
  readonly table: RouteTable;
  /** What was left out, and why, in words: nothing is known of the requests that it is for. */
  readonly leftOut: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const REGISTRY = createRegistry(
  CorsPolicySchema,
  HTTPFaultSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
);

/** True for JSON of one of the forms that {@link readEnvoyDump} reads. */
export function isEnvoyDump(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isRouteConfiguration);
  return isRouteConfiguration(value) || (isFields(value) && Array.isArray(value['configs']));
}

/** The table of a dump. `namespace` is the proxy's, for short names. */
export function readEnvoyDump(value: unknown, namespace = 'default'): EnvoyDump {
  const leftOut: string[] = [];
  const attempt = <Result>(what: string, read: () => Result): Result | undefined => {
    try {
      return read();
    } catch (error) {
      leftOut.push(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const { routes, clusters } = partsOf(value);
  const configurations = new Map<string, XdsRoutes>();
  const listeners = new Map<string, XdsListener>();
  let isGateway = false;
  for (const written of routes) {
    const name = String(written['name'] ?? '');
    const port = portOf(name);
    // What comes to the proxy's own workload is no client's concern.
    if (port === undefined) continue;
    isGateway ||= /^https?\./.test(name);
    const read = attempt(`RouteConfiguration "${name}"`, () =>
      readRouteConfiguration(messageOf(RouteConfigurationSchema, written)),
    );
    if (!read) continue;
    configurations.set(name, read);
    const listener = /^\d+$|^https?\./.test(name) ? `0.0.0.0_${name}` : name;
    listeners.set(listener, { name: listener, port, routes: [name], normalization: 'BASE', isApi: false });
  }
  const own = clusters.flatMap((written) => {
    const read = attempt(`Cluster "${written['name']}"`, () =>
      readCluster(messageOf(ClusterSchema, written)),
    );
    return read ? [[read.name, read] as const] : [];
  });
  const tables = createXdsTables({ type: isGateway ? 'router' : 'sidecar', namespace });
  const resources = { listeners, routes: configurations, clusters: new Map(own), endpoints: new Map() };
  const table = tables(resources);
  return { table: clusters.length > 0 ? table : { ...table, clusters: namedClusters(table) }, leftOut };
}

/** Where only routes are known, every cluster that they name is taken to be there. */
function namedClusters({ listeners }: RouteTable): Cluster[] {
  const actions = listeners.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ routes }) => routes.map(({ action }) => action)),
  );
  const names = actions.flatMap((action) =>
    action.kind === 'forward'
      ? [...action.destinations, ...action.mirrors].map(({ cluster }) => cluster)
      : [],
  );
  return [...new Set(names)].flatMap((name): Cluster[] => {
    const destination = parseClusterName(name);
    if (!destination) return [];
    const policy = { loadBalancer: { kind: 'LEAST_REQUEST' } } as const;
    return [{ name, destination, protocol: 'http1', endpoints: [], policy }];
  });
}

/** Source: Envoy `api/envoy/admin/v3/config_dump_shared.proto` (RoutesConfigDump, ClustersConfigDump). */
function partsOf(value: unknown): { routes: Fields[]; clusters: Fields[] } {
  if (Array.isArray(value)) return { routes: value.filter(isFields), clusters: [] };
  if (!isFields(value)) return { routes: [], clusters: [] };
  if (!Array.isArray(value['configs'])) return { routes: [value], clusters: [] };
  const dumps = value['configs'].filter(isFields);
  const inside = (lists: readonly string[], field: string): Fields[] =>
    dumps.flatMap((dump) =>
      lists
        .flatMap((list) => (Array.isArray(dump[list]) ? (dump[list] as unknown[]) : []))
        .filter(isFields)
        .map((entry) => entry[field] ?? entry[camel(field)])
        .filter(isFields),
    );
  const both = (...names: string[]): string[] => names.flatMap((name) => [name, camel(name)]);
  return {
    routes: inside(both('static_route_configs', 'dynamic_route_configs'), 'route_config'),
    clusters: inside(both('static_clusters', 'dynamic_active_clusters'), 'cluster'),
  };
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `80`, `http.8080`, `https.443.https.public.default`, `reviews.default.svc.cluster.local:9000`. */
function portOf(name: string): number | undefined {
  const [, port] = /^(?:https?\.)?(\d+)(?:\..*)?$/.exec(name) ?? /^[^|]+:(\d+)$/.exec(name) ?? [];
  return port === undefined ? undefined : Number(port);
}

function messageOf<Schema extends DescMessage>(schema: Schema, written: Fields) {
  const json = withoutForeign(written) as JsonValue;
  return fromJson(schema, json, { registry: REGISTRY, ignoreUnknownFields: true });
}

/** Without settings of types that no table has: those of filters that are not run here, and the like. */
function withoutForeign(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutForeign);
  if (!isFields(value)) return value;
  const isKnown = (each: unknown): boolean => {
    const type = isFields(each) ? each['@type'] : undefined;
    return typeof type !== 'string' || REGISTRY.getMessage(type.replace(/^.*\//, '')) !== undefined;
  };
  const fields = Object.entries(value).filter(([, each]) => isKnown(each));
  return Object.fromEntries(fields.map(([name, each]) => [name, withoutForeign(each)]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRouteConfiguration(value: unknown): value is Fields {
  return isFields(value) && ('virtualHosts' in value || 'virtual_hosts' in value);
}
