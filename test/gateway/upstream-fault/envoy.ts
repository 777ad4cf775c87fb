/** Real Envoy with a route and a cluster for each case, as Istio would have written them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort } from '../../closed-port.ts';
import { startEnvoy } from '../../peer/envoy.ts';
import { type FaultCase, UNKNOWN_NAME } from './case.ts';

/** Istio's own, where a rule has none. Source: Istio `pilot/pkg/networking/core/route/retry/retry.go` (DefaultPolicy). */
const DEFAULT_RETRIES = {
  attempts: 2,
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
};

/** An Envoy that listens. */
export interface RunningEnvoy {
  readonly port: number;
  /** The flags of a call that is over. */
  flagsOf(id: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts it before the ports, one for each case; `c0` is the host of the first. Throws what it says against its configuration. */
export async function startFaultEnvoy(
  program: string,
  cases: readonly FaultCase[],
  ports: readonly number[],
): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-envoy-'));
  const log = join(folder, 'access.log');
  const port = await closedPort();
  const type = 'type.googleapis.com/envoy.extensions';
  const virtualHosts = cases.map(({ timeoutMs = 0, retries = DEFAULT_RETRIES }, index) => ({
    name: `c${index}`,
    domains: [`c${index}`],
    includeRequestAttemptCount: true,
    routes: [
      {
        match: { prefix: '/' },
        route: {
          cluster: `c${index}`,
          timeout: `${timeoutMs / 1000}s`,
          ...(retries.attempts > 0 && {
            retryPolicy: {
              retryOn: retries.retryOn,
              numRetries: retries.attempts,
              retryBackOff: { baseInterval: '0.001s' },
            },
          }),
        },
      },
    ],
  }));
  const clusters = cases.map(({ endpoint, protocol, tlsConnectTimeoutMs }, index) => ({
    name: `c${index}`,
    type: endpoint === 'nameless' ? 'STRICT_DNS' : 'STATIC',
    connectTimeout: `${(tlsConnectTimeoutMs ?? 10_000) / 1000}s`,
    ...(protocol && {
      typedExtensionProtocolOptions: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
          explicitHttpConfig: { http2ProtocolOptions: {} },
        },
      },
    }),
    ...(tlsConnectTimeoutMs && {
      transportSocket: {
        name: 'envoy.transport_sockets.tls',
        typedConfig: { '@type': `${type}.transport_sockets.tls.v3.UpstreamTlsContext` },
      },
    }),
    loadAssignment: {
      clusterName: `c${index}`,
      endpoints: [
        {
          lbEndpoints: [
            {
              endpoint: {
                address: {
                  socketAddress: {
                    address: endpoint === 'nameless' ? UNKNOWN_NAME : '127.0.0.1',
                    portValue: ports[index],
                  },
                },
              },
            },
          ],
        },
      ],
    },
  }));
  const manager = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    statPrefix: 'http',
    routeConfig: { name: 'routes', virtualHosts },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        typedConfig: { '@type': `${type}.filters.http.router.v3.Router` },
      },
    ],
    accessLog: [
      {
        name: 'file',
        typedConfig: {
          '@type': `${type}.access_loggers.file.v3.FileAccessLog`,
          path: log,
          logFormat: { textFormatSource: { inlineString: '%REQ(X-ID)% %RESPONSE_FLAGS%\n' } },
        },
      },
    ],
  };
  const listener = {
    name: 'listener',
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'http', typedConfig: manager }] }],
  };
  const bootstrap = { staticResources: { listeners: [listener], clusters } };
  const envoy = await startEnvoy(program, folder, bootstrap, await closedPort());
  return {
    port,
    async flagsOf(id) {
      for (let count = 0; count < 200; count++) {
        const line = readFileSync(log, 'utf8')
          .split('\n')
          .find((each) => each.startsWith(`${id} `));
        if (line) return line.split(' ')[1]!;
        await new Promise((done) => setTimeout(done, 10));
      }
      return 'not logged';
    },
    async stop() {
      await envoy.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
