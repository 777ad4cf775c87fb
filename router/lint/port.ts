/** The ports at which requests come, for examples. Imports the compiler's names and the schema. */
import { isSubsetOf } from '../compile/host.ts';
import type { ValidResource } from '../schema/kind.ts';

const DEFAULT_PORT = 80;
const HTTP = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY'];
const isHttp = ({ protocol = '' }: { readonly protocol?: string | undefined }): boolean =>
  HTTP.includes(protocol.toUpperCase());

/**
 * The port of a host in the mesh, of a ServiceEntry the first for HTTP, or at a gateway, whose server for the host may
 * have another one; 80 where nothing says so.
 */
export function portsOf(resources: readonly ValidResource[]): (host: string, gateway: string) => number {
  const ofHost = new Map<string, number>();
  const ofGateway = new Map<string, { readonly hosts: readonly string[]; readonly port: number }[]>();
  for (const resource of resources) {
    if (resource.kind === 'ServiceEntry') {
      const port = resource.spec.ports?.find(isHttp)?.number;
      for (const host of resource.spec.hosts ?? [])
        if (port !== undefined && !ofHost.has(host.toLowerCase())) ofHost.set(host.toLowerCase(), port);
    } else if (resource.kind === 'Gateway') {
      const servers = (resource.spec.servers ?? []).filter(
        ({ port, tls }) => isHttp(port) && !tls?.httpsRedirect,
      );
      const name = `${resource.metadata.namespace}/${resource.metadata.name}`;
      ofGateway.set(
        name,
        servers.map(({ hosts, port }) => ({
          hosts: hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase()),
          port: port.number,
        })),
      );
    }
  }
  return (host, gateway) => {
    if (gateway === 'mesh') return ofHost.get(host) ?? DEFAULT_PORT;
    const server = ofGateway.get(gateway)?.find(({ hosts }) => hosts.some((each) => isSubsetOf(host, each)));
    return server?.port ?? DEFAULT_PORT;
  };
}
