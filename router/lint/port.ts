/** The ports at which requests come, for examples. Imports the compiler's names and the schema. */
import { isSubsetOf } from '../compile/host.ts';
import type { GatewayServer } from '../schema/gateway.ts';
import type { ValidResource } from '../schema/kind.ts';

/** A port at which requests for a host come. */
export interface RequestPort {
  readonly number: number;
  /** Requests come by https. */
  readonly isTls: boolean;
}

const DEFAULT_PORTS: readonly RequestPort[] = [{ number: 80, isTls: false }];
const HTTP = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY'];
const isHttp = ({ protocol = '' }: { readonly protocol?: string | undefined }): boolean =>
  HTTP.includes(protocol.toUpperCase());

/**
 * The ports of a host, the most usual first: in the mesh, of a ServiceEntry the first for HTTP, at a gateway those of
 * its servers for the host that rules apply to, without TLS before others; 80 where nothing says so.
 */
export function requestPorts(
  resources: readonly ValidResource[],
): (host: string, gateway: string) => readonly RequestPort[] {
  const ofHost = new Map<string, readonly RequestPort[]>();
  const ofGateway = new Map<string, readonly { hosts: readonly string[]; port: RequestPort }[]>();
  for (const resource of resources) {
    if (resource.kind === 'ServiceEntry') {
      const number = resource.spec.ports?.find(isHttp)?.number;
      for (const host of resource.spec.hosts ?? [])
        if (number !== undefined && !ofHost.has(host.toLowerCase()))
          ofHost.set(host.toLowerCase(), [{ number, isTls: false }]);
    } else if (resource.kind === 'Gateway') {
      const servers = (resource.spec.servers ?? []).flatMap((server) => {
        const hosts = server.hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase());
        const isTls = isTlsServer(server);
        if (!isTls && (!isHttp(server.port) || server.tls?.httpsRedirect)) return [];
        return [{ hosts, port: { number: server.port.number, isTls } }];
      });
      const name = `${resource.metadata.namespace}/${resource.metadata.name}`;
      ofGateway.set(
        name,
        servers.sort((a, b) => Number(a.port.isTls) - Number(b.port.isTls)),
      );
    }
  }
  return (host, gateway) => {
    if (gateway === 'mesh') return ofHost.get(host) ?? DEFAULT_PORTS;
    const servers = ofGateway
      .get(gateway)
      ?.filter(({ hosts }) => hosts.some((each) => isSubsetOf(host, each)));
    return servers?.length ? servers.map(({ port }) => port) : DEFAULT_PORTS;
  };
}

/** One that ends TLS, so that requests are seen. */
function isTlsServer({ port, tls }: GatewayServer): boolean {
  return (
    port.protocol.toUpperCase() === 'HTTPS' && tls?.mode !== undefined && !tls.mode.endsWith('PASSTHROUGH')
  );
}
