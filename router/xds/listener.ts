/** Envoy's Listener -> the port and the routes that it stands for. Imports the generated messages and the table's types. */
import type { TrafficDirection } from '../../gen/envoy/config/core/v3/base_pb.ts';
import { TrafficDirection as Direction } from '../../gen/envoy/config/core/v3/base_pb.ts';
import type { Filter, FilterChain } from '../../gen/envoy/config/listener/v3/listener_components_pb.ts';
import type { Listener as ListenerMessage } from '../../gen/envoy/config/listener/v3/listener_pb.ts';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import type { PathNormalization } from '../table/route-table.ts';
import type { ServerTls } from '../table/server-tls.ts';
import { unpack } from './filter.ts';
import { within, XdsRefusal } from './refusal.ts';
import { readRouteConfiguration, type XdsRoutes } from './route-configuration.ts';
import { readServerTls } from './server-tls.ts';

/** What of a listener decides where requests go. */
export interface XdsListener {
  readonly name: string;
  /** The service port that requests are sent to. */
  readonly port: number;
  /** One for each filter chain that speaks HTTP: routes written in it, or the name of those that are. */
  readonly routes: readonly (string | XdsRoutes)[];
  /** How each of the chains, in the order of {@link routes}, speaks TLS; undefined for plaintext. Absent: none does. */
  readonly tls?: readonly (ServerTls | undefined)[];
  readonly normalization: PathNormalization;
  /** A gRPC client's own: requests are for one name, so that no port is told apart. */
  readonly isApi: boolean;
  /** Cluster of what is no HTTP, of the listener that takes all that no other one does. */
  readonly passesTo?: string;
}

/**
 * The listener; undefined for one that takes requests for the proxy's own workload. Throws an {@link XdsRefusal} that
 * names the part that is not understood.
 *
 * Source: Envoy `api/envoy/config/listener/v3/listener.proto`.
 */
export function readListener(message: ListenerMessage): XdsListener | undefined {
  const { name, apiListener, filterChains, defaultFilterChain } = message;
  if (isInbound(message.trafficDirection, name)) return undefined;
  if (apiListener?.apiListener) {
    const manager = within('api_listener', () =>
      unpack(apiListener.apiListener!, HttpConnectionManagerSchema),
    );
    const port = Number(/:(\d+)$/.exec(name)?.[1] ?? 80);
    return { name, port, routes: [routesOf(manager)], normalization: 'NONE', isApi: true };
  }
  const chains = [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])];
  const managers = chains.flatMap((chain, index) =>
    within(`filter_chains[${index}]`, () =>
      managersOf(chain).map((manager) => ({ manager, tls: readServerTls(chain, name) })),
    ),
  );
  const address = message.address?.address;
  const passesTo = chains.flatMap(tcpClusterOf).at(-1);
  return {
    name,
    port: address?.case === 'socketAddress' ? (address.value.portSpecifier.value ?? 0) : 0,
    routes: managers.map(({ manager }) => routesOf(manager)),
    ...(managers.some(({ tls }) => tls) && { tls: managers.map(({ tls }) => tls) }),
    normalization: managers[0] ? normalizationOf(managers[0].manager) : 'BASE',
    isApi: false,
    ...(name === VIRTUAL_OUTBOUND && passesTo !== undefined && { passesTo }),
  };
}

/** Source: Istio `pilot/pkg/model/xds.go` (VirtualOutboundListenerName). */
const VIRTUAL_OUTBOUND = 'virtualOutbound';

function isInbound(direction: TrafficDirection, name: string): boolean {
  return direction === Direction.INBOUND || name.startsWith('xds.istio.io/grpc/lds/inbound/');
}

function managersOf({ filters }: FilterChain): HttpConnectionManager[] {
  return filters.flatMap((filter) => {
    const any = configOf(filter, HttpConnectionManagerSchema.typeName);
    return any ? [unpack(any, HttpConnectionManagerSchema)] : [];
  });
}

function tcpClusterOf({ filters }: FilterChain): string[] {
  return filters.flatMap((filter) => {
    const any = configOf(filter, TcpProxySchema.typeName);
    const specifier = any && unpack(any, TcpProxySchema).clusterSpecifier;
    return specifier?.case === 'cluster' ? [specifier.value] : [];
  });
}

function configOf({ configType }: Filter, typeName: string) {
  const any = configType.case === 'typedConfig' ? configType.value : undefined;
  return any?.typeUrl.endsWith(`/${typeName}`) ? any : undefined;
}

function routesOf({ routeSpecifier }: HttpConnectionManager): string | XdsRoutes {
  switch (routeSpecifier.case) {
    case 'rds':
      return routeSpecifier.value.routeConfigName;
    case 'routeConfig':
      return within('route_config', () => readRouteConfiguration(routeSpecifier.value));
    default:
      throw new XdsRefusal('its routes are given in a way that is not understood');
  }
}

/** Source: Istio `pilot/pkg/networking/core/listener_builder.go` (buildHTTPConnectionManager: PathNormalization). */
function normalizationOf(manager: HttpConnectionManager): PathNormalization {
  if (manager.normalizePath !== true) return 'NONE';
  if (!manager.mergeSlashes) return 'BASE';
  return manager.pathWithEscapedSlashesAction === EscapedSlashes.UNESCAPE_AND_FORWARD
    ? 'DECODE_AND_MERGE_SLASHES'
    : 'MERGE_SLASHES';
}
