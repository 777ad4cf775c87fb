/** A workload of a mesh: Envoy in front of a server of its own, as Istio's sidecar has it, with mutual TLS by files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkloadCertificate } from '../../router/table/workload-certificate.ts';
import { closedPort } from '../closed-port.ts';
import { type Envoy, startEnvoy } from '../peer/envoy.ts';
import { findPeer } from '../peer/find.ts';

/** See the fields. */
export interface MeshEnvoyOptions {
  readonly port: number;
  /** For files. */
  readonly folder: string;
  readonly certificate: WorkloadCertificate;
  /** The only one who may connect: `spiffe://…`. */
  readonly client: string;
  /** Port of a server of gRPC by h2c, where requests over HTTP/2 go. Those over HTTP/1.1 are answered 200. */
  readonly grpcPort: number;
}

/** What answers tell of the connection. */
const SEEN = {
  'x-server-name': '%REQUESTED_SERVER_NAME%',
  'x-client': '%DOWNSTREAM_PEER_URI_SAN%',
  'x-server': '%DOWNSTREAM_LOCAL_URI_SAN%',
  'x-serial': '%DOWNSTREAM_PEER_SERIAL%',
};

/**
 * Starts one. Connections are told apart by ALPN, as a sidecar's inbound listener does: `istio-http/1.1`, `istio-h2` and
 * `http/1.1` are taken, all others are cut off. Throws what it says against its configuration.
 */
export async function startMeshEnvoy({
  port,
  folder,
  certificate,
  client,
  grpcPort,
}: MeshEnvoyOptions): Promise<Envoy> {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return { filename: join(folder, name) };
  };
  const type = 'type.googleapis.com/envoy.extensions';
  const transportSocket = {
    name: 'envoy.transport_sockets.tls',
    typedConfig: {
      '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
      requireClientCertificate: true,
      commonTlsContext: {
        alpnProtocols: ['istio-http/1.1', 'istio-h2', 'http/1.1'],
        tlsCertificates: [
          {
            certificateChain: write('cert-chain.pem', certificate.certificateChain),
            privateKey: write('key.pem', certificate.privateKey),
          },
        ],
        validationContext: {
          trustedCa: write('root-cert.pem', certificate.rootCertificates),
          matchTypedSubjectAltNames: [{ sanType: 'URI', matcher: { exact: client } }],
        },
      },
    },
  };
  const chain = (alpn: string, codecType: string, action: object) => ({
    filterChainMatch: { applicationProtocols: [alpn] },
    transportSocket,
    filters: [
      {
        name: 'http',
        typedConfig: {
          '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
          statPrefix: 'http',
          codecType,
          routeConfig: {
            name: 'routes',
            responseHeadersToAdd: Object.entries({ ...SEEN, 'x-alpn': alpn }).map(([key, value]) => ({
              header: { key, value },
            })),
            virtualHosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, ...action }] }],
          },
          httpFilters: [
            {
              name: 'envoy.filters.http.router',
              typedConfig: { '@type': `${type}.filters.http.router.v3.Router` },
            },
          ],
        },
      },
    ],
  });
  const config = {
    staticResources: {
      listeners: [
        {
          name: 'inbound',
          address: { socketAddress: { address: '127.0.0.1', portValue: port } },
          listenerFilters: [
            {
              name: 'envoy.filters.listener.tls_inspector',
              typedConfig: { '@type': `${type}.filters.listener.tls_inspector.v3.TlsInspector` },
            },
          ],
          filterChains: [
            chain('istio-http/1.1', 'HTTP1', { directResponse: { status: 200 } }),
            chain('istio-h2', 'HTTP2', { route: { cluster: 'app' } }),
            chain('http/1.1', 'HTTP1', { directResponse: { status: 200 } }),
          ],
        },
      ],
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          typedExtensionProtocolOptions: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
              explicitHttpConfig: { http2ProtocolOptions: {} },
            },
          },
          loadAssignment: {
            clusterName: 'app',
            endpoints: [
              {
                lbEndpoints: [
                  { endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: grpcPort } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
  return startEnvoy(findPeer('envoy')!, folder, config, await closedPort());
}
