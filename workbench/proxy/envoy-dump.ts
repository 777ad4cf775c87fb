/**
 * What a proxy of Istio's has, as its tools show it: the routes of `istioctl proxy-config routes -o json`, or an
 * Envoy's config dump. Imports the router's reader of xDS.
 */
import { createRegistry, type DescMessage, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.ts';
import { CorsPolicySchema } from '../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { HTTPFaultSchema } from '../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { UpstreamTlsContextSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { PASSTHROUGH_CLUSTER } from '../../router/compile/cluster-name.ts';
import {
  createXdsTables,
  readCluster,
  readListener,
  readRouteConfiguration,
  type XdsListener,
  type XdsRoutes,
} from '../../router/xds/index.ts';
import { namedClusters } from './mesh.ts';
import type { ProxyIdentity, ProxyState } from './proxy-state.ts';
import { unreadOf } from './unread.ts';

type Fields = Readonly<Record<string, unknown>>;

const REGISTRY = createRegistry(
  CorsPolicySchema,
  HTTPFaultSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
);

/** True for JSON of one of the forms that {@link readEnvoyDump} reads. */
export function isEnvoyDump(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isRouteConfiguration);
  return isRouteConfiguration(value) || (isFields(value) && Array.isArray(value['configs']));
}

/**
 * The state of a dump. `namespace` is the proxy's, for short names, where the dump does not say it. Without listeners
 * they are those that the names of the routes tell, and without clusters those that the routes lead to.
 */
export function readEnvoyDump(value: unknown, namespace?: string): ProxyState {
  const leftOut: string[] = [];
  const attempt = <Result>(what: string, read: () => Result): Result | undefined => {
    try {
      return read();
    } catch (error) {
      leftOut.push(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const parts = partsOf(value);
  const configurations = new Map<string, XdsRoutes>();
  for (const written of parts.routes) {
    const name = String(written['name'] ?? '');
    // What comes to the proxy's own workload is no client's concern.
    if (portOf(name) === undefined) continue;
    const read = attempt(`RouteConfiguration "${name}"`, () =>
      readRouteConfiguration(messageOf(RouteConfigurationSchema, written)),
    );
    if (read) leftOut.push(...unreadText(name, unreadOf(written)));
    if (read) configurations.set(name, read);
  }
  const written = parts.listeners.flatMap((each) => {
    const name = String(each['name'] ?? '');
    return attempt(`Listener "${name}"`, () => readListener(messageOf(ListenerSchema, each))) ?? [];
  });
  const listeners = parts.listeners.length > 0 ? written : listenersOf([...configurations.values()]);
  const clusters = parts.clusters.flatMap((each) => {
    const read = attempt(`Cluster "${each['name']}"`, () => readCluster(messageOf(ClusterSchema, each)));
    return read ? [[read.name, read] as const] : [];
  });
  const isGateway = [...configurations.keys()].some((name) => /^https?\./.test(name));
  const said = parts.node && identityOf(parts.node);
  const identity: ProxyIdentity = {
    type: said?.type ?? (isGateway ? 'router' : 'sidecar'),
    namespace: said?.namespace ?? namespace ?? 'default',
    ...(said?.labels && { labels: said.labels }),
  };
  const table = createXdsTables(identity)({
    listeners: new Map(listeners.map((each) => [each.name, each])),
    routes: configurations,
    clusters: new Map(clusters),
    endpoints: new Map(),
  });
  const hasClusters = parts.clusters.length > 0;
  return {
    table: hasClusters ? table : { ...table, clusters: namedClusters(table) },
    leftOut,
    identity,
    hasClusters,
  };
}

/** One line for each field, however many routes have it, with the first place. */
function unreadText(name: string, unread: readonly string[]): string[] {
  const byField = new Map<string, string[]>();
  for (const place of unread) {
    const field = place.replaceAll(/\[\d+\]/g, '');
    byField.set(field, [...(byField.get(field) ?? []), place]);
  }
  return [...byField].map(([field, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const effect = field.includes('.match.')
      ? 'is not read, so that its route is taken for more requests than are its own'
      : 'is not read';
    return `of RouteConfiguration "${name}" ${first}${more} ${effect}`;
  });
}

/** `sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local`, and what Istio's agent adds to it. */
function identityOf({ id, metadata }: Fields): Partial<ProxyIdentity> {
  const [type = '', , pod = ''] = String(id ?? '').split('~');
  const { NAMESPACE: named, LABELS: labels } = isFields(metadata) ? metadata : ({} as Fields);
  const namespace = typeof named === 'string' ? named : pod.split('.')[1];
  return {
    ...((type === 'router' || type === 'sidecar') && { type }),
    ...(namespace && { namespace }),
    ...(isFields(labels) && { labels: labels as Readonly<Record<string, string>> }),
  };
}

/** The listeners of routes that are known by their names alone. */
function listenersOf(configurations: readonly XdsRoutes[]): XdsListener[] {
  const common = { normalization: 'BASE', isApi: false } as const;
  const isBlocked = configurations.some(({ virtualHosts }) =>
    virtualHosts.some(({ name }) => name === 'block_all'),
  );
  const passesTo = isBlocked ? 'BlackHoleCluster' : PASSTHROUGH_CLUSTER;
  return [
    ...configurations.map(({ name: routes }) => {
      const name = /^\d+$|^https?\./.test(routes) ? `0.0.0.0_${routes}` : routes;
      return { ...common, name, port: portOf(routes)!, routes: [routes] };
    }),
    { ...common, name: 'virtualOutbound', port: 15_001, routes: [], passesTo },
  ];
}

interface DumpParts {
  readonly routes: readonly Fields[];
  readonly clusters: readonly Fields[];
  readonly listeners: readonly Fields[];
  readonly node?: Fields;
}

const NOTHING: DumpParts = { routes: [], clusters: [], listeners: [] };

/** Source: Envoy `api/envoy/admin/v3/config_dump_shared.proto` (RoutesConfigDump, ClustersConfigDump, ListenersConfigDump). */
function partsOf(value: unknown): DumpParts {
  if (Array.isArray(value)) return { ...NOTHING, routes: value.filter(isFields) };
  if (!isFields(value)) return NOTHING;
  if (!Array.isArray(value['configs'])) return { ...NOTHING, routes: [value] };
  const dumps = value['configs'].filter(isFields);
  const inside = (lists: readonly string[], inEach: (entry: Fields) => unknown): Fields[] =>
    dumps.flatMap((dump) =>
      lists
        .flatMap((list) => fieldOf(dump, list) ?? [])
        .filter(isFields)
        .map(inEach)
        .filter(isFields),
    );
  const own = (name: string) => (entry: Fields) => fieldOf(entry, name);
  const bootstrap = dumps.map(own('bootstrap')).find(isFields);
  const node = bootstrap?.['node'];
  return {
    routes: inside(['static_route_configs', 'dynamic_route_configs'], own('route_config')),
    clusters: inside(['static_clusters', 'dynamic_active_clusters'], own('cluster')),
    listeners: [
      ...inside(['static_listeners'], own('listener')),
      ...inside(['dynamic_listeners'], (entry) => {
        // One that waits for a certificate has no active state yet.
        const state = fieldOf(entry, 'active_state') ?? fieldOf(entry, 'warming_state');
        return isFields(state) ? state['listener'] : undefined;
      }),
    ],
    ...(isFields(node) && { node }),
  };
}

/** By its proto name, or by that of JSON. */
function fieldOf(fields: Fields, name: string): unknown {
  return fields[name] ?? fields[camel(name)];
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
