/** Envoy's Cluster -> the table's, its endpoints apart. Imports the generated messages and the table's types. */
import {
  type Cluster as ClusterMessage,
  Cluster_DiscoveryType as DiscoveryType,
} from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { parseClusterName } from '../compile/cluster-name.ts';
import type { Cluster } from '../table/cluster.ts';
import { readLoadAssignment } from './endpoint.ts';
import { unpack } from './filter.ts';
import { within, XdsRefusal } from './refusal.ts';
import { readTls } from './tls.ts';
import { readTrafficPolicy } from './traffic-policy.ts';

/** A cluster as the control plane sends it. */
export interface XdsCluster {
  readonly name: string;
  /** Its endpoints are those written in it; none where {@link endpointsName} says where they are. */
  readonly cluster: Cluster;
  /** Name of the ClusterLoadAssignment with its endpoints. Absent: it has its own. */
  readonly endpointsName?: string;
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * The cluster; undefined for those that are no service of the mesh: inbound ones, passthrough and the proxy's own.
 * Throws an {@link XdsRefusal} that names the part that is not understood.
 *
 * Source: Envoy `api/envoy/config/cluster/v3/cluster.proto`.
 */
export function readCluster(message: ClusterMessage): XdsCluster | undefined {
  const { name, typedExtensionProtocolOptions: options } = message;
  const destination = parseClusterName(name);
  if (!destination) return undefined;
  const any = options[OPTIONS];
  const http = any && within(OPTIONS, () => unpack(any, HttpProtocolOptionsSchema));
  const tls = readTls(message, http);
  const own = message.loadAssignment ? readLoadAssignment(message.loadAssignment).endpoints : [];
  const resolution = readResolution(message);
  const cluster: Cluster = {
    name,
    destination,
    protocol: isHttp2(http) ? 'http2' : 'http1',
    endpoints: own,
    ...(resolution && { resolution }),
    policy: { ...readTrafficPolicy(message, http), ...(tls && { tls }) },
  };
  const isByEds = message.clusterDiscoveryType.value === DiscoveryType.EDS;
  return {
    name,
    cluster,
    ...(isByEds && { endpointsName: message.edsClusterConfig?.serviceName || name }),
  };
}

function isHttp2(http: HttpProtocolOptions | undefined): boolean {
  const { upstreamProtocolOptions: options } = http ?? {};
  return (
    options?.case === 'explicitHttpConfig' && options.value.protocolConfig.case === 'http2ProtocolOptions'
  );
}

function readResolution({ clusterDiscoveryType: { value } }: ClusterMessage): Cluster['resolution'] {
  switch (value) {
    case undefined:
    case DiscoveryType.STATIC:
    case DiscoveryType.EDS:
      return undefined;
    case DiscoveryType.STRICT_DNS:
      return 'DNS';
    case DiscoveryType.LOGICAL_DNS:
      return 'DNS_ROUND_ROBIN';
    case DiscoveryType.ORIGINAL_DST:
      return 'NONE';
    default:
      throw new XdsRefusal(`type: ${value} is not understood`);
  }
}
