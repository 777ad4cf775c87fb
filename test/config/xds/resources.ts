/** Resources as a control plane sends them, in few words: for tests of what is done with them. */
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';

/** The type URLs of the four kinds. */
export const TYPE_URL = {
  listener: `type.googleapis.com/${ListenerSchema.typeName}`,
  routes: `type.googleapis.com/${RouteConfigurationSchema.typeName}`,
  cluster: `type.googleapis.com/${ClusterSchema.typeName}`,
  endpoints: `type.googleapis.com/${ClusterLoadAssignmentSchema.typeName}`,
} as const;

function pack<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>): Any {
  return anyPack(schema, create(schema, init));
}

/** A listener for a port, whose routes are called as the port is. */
export function listener(port: number): Any {
  const manager = pack(HttpConnectionManagerSchema, {
    normalizePath: true,
    routeSpecifier: { case: 'rds', value: { routeConfigName: String(port) } },
  });
  return pack(ListenerSchema, {
    name: `0.0.0.0_${port}`,
    address: {
      address: {
        case: 'socketAddress',
        value: { address: '0.0.0.0', portSpecifier: { case: 'portValue', value: port } },
      },
    },
    filterChains: [{ filters: [{ name: 'http', configType: { case: 'typedConfig', value: manager } }] }],
  });
}

/** Routes of a port: all requests for `host` to a cluster. */
export function routes(port: number, host: string, cluster: string): Any {
  return routesByHost(port, { [host]: cluster });
}

/** The same of several hosts, by name. */
export function routesByHost(port: number, clusters: Readonly<Record<string, string>>): Any {
  return pack(RouteConfigurationSchema, {
    name: String(port),
    virtualHosts: Object.entries(clusters).map(([host, cluster]) => ({
      name: `${host}:${port}`,
      domains: [host],
      routes: [
        {
          match: { pathSpecifier: { case: 'prefix' as const, value: '/' } },
          action: {
            case: 'route' as const,
            value: { clusterSpecifier: { case: 'cluster' as const, value: cluster }, timeout: {} },
          },
        },
      ],
    })),
  });
}

/** Routes that nobody can take: the path is not looked at. */
export function badRoutes(port: number): Any {
  return pack(RouteConfigurationSchema, {
    name: String(port),
    virtualHosts: [{ name: 'bad', domains: ['bad'], routes: [{ match: {} }] }],
  });
}

/** A cluster whose endpoints come apart. */
export function cluster(name: string): Any {
  return pack(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: name },
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
    connectTimeout: { seconds: 10n },
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: NO_LIMIT,
          maxPendingRequests: NO_LIMIT,
          maxRequests: NO_LIMIT,
          maxRetries: NO_LIMIT,
        },
      ],
    },
  });
}

/** As Istio says that there is none. */
const NO_LIMIT = 0xffff_ffff;

/** A cluster that is picked from in a way that is not understood. */
export function badCluster(name: string): Any {
  return pack(ClusterSchema, { name, lbPolicy: Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG });
}

/** The endpoints of a cluster, on loopback. */
export function endpoints(name: string, ...ports: number[]): Any {
  return pack(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: {
            case: 'endpoint' as const,
            value: {
              address: {
                address: {
                  case: 'socketAddress' as const,
                  value: { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: port } },
                },
              },
            },
          },
        })),
      },
    ],
  });
}

/** Names of two clusters as Istio calls them. */
export const V1 = 'outbound|80|v1|reviews.default.svc.cluster.local';
export const V2 = 'outbound|80|v2|reviews.default.svc.cluster.local';
