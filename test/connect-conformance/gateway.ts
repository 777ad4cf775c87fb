/** A gateway before one server of the suite's. Imports the gateway. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGateway, type GatewayOptions, textSource } from '../../gateway/index.ts';

/** PEM texts of a server that speaks TLS; with certificate and key it asks who calls. */
export interface Tls {
  readonly ca: Uint8Array;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

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

/** Opens one; returns its port. With `tls` a DestinationRule has it speak TLS to the server. */
export async function listenBefore(port: number, isHttp2: boolean, tls?: Tls): Promise<number> {
  const options = before(port, isHttp2);
  const config = tls ? textSource('tls.yaml', destinationRule(tls)) : [];
  // Each case counts its requests.
  const meshConfig = { defaultHttpRetryPolicy: { attempts: 0 } };
  return (await createGateway({ ...options, config, meshConfig }).listen({ port: 0 })).port;
}

/** What a DestinationRule names are files, of which each connection reads what is there then. */
function destinationRule(tls: Tls): string {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-conformance-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const file = (name: string, text: Uint8Array): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const settings = {
    mode: tls.cert && tls.key ? 'MUTUAL' : 'SIMPLE',
    caCertificates: file('ca.pem', tls.ca),
    sni: 'localhost',
    ...(tls.cert && { clientCertificate: file('cert.pem', tls.cert) }),
    ...(tls.key && { privateKey: file('key.pem', tls.key) }),
  };
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'conformance', namespace: 'default' },
    spec: { host: 'conformance', trafficPolicy: { tls: settings } },
  });
}
