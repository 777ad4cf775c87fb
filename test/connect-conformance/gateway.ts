/** A gateway before one server of the suite's. Imports the gateway. */
import { createGateway, type GatewayOptions } from '../../gateway/index.ts';

/** Options of a gateway that sends everything to a port of this machine, in plaintext. */
export function before(port: number, isHttp2: boolean): GatewayOptions {
  return {
    defaultHost: 'conformance',
    remoteServices: [
      {
        host: 'conformance.default.svc.cluster.local',
        namespace: 'default',
        ports: [{ name: 'main', number: 80, protocol: isHttp2 ? 'GRPC' : 'HTTP' }],
        endpoints: [
          {
            id: 'reference',
            labels: {},
            target: { kind: 'socket', address: '127.0.0.1', ports: { main: port } },
          },
        ],
      },
    ],
  };
}

/** Opens one; returns its port. */
export async function listenBefore(port: number, isHttp2: boolean): Promise<number> {
  return (await createGateway(before(port, isHttp2)).listen({ port: 0 })).port;
}
