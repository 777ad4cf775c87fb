/**
 * `pointsman/client`: a Connect transport whose calls are routed in this process by Istio's rules, straight to the
 * endpoints, without a gateway or sidecar in between. The protocols are Connect's own; rules, balancing, retries and
 * connections are those of the gateway. Runs wherever Connect does; on runtimes without sockets it calls by `fetch`.
 */
import type { Transport } from '@connectrpc/connect';
import { type CommonTransportOptions, validateReadWriteMaxBytes } from '@connectrpc/connect/protocol';
import { createTransport as createConnectTransport } from '@connectrpc/connect/protocol-connect';
import { createTransport as createGrpcTransport } from '@connectrpc/connect/protocol-grpc';
import { createTransport as createGrpcWebTransport } from '@connectrpc/connect/protocol-grpc-web';
import { bootstrapSource } from '../config/named.ts';
import { gzip } from '../upstream/compression.ts';
import { createRouting, type Routing, type RoutingOptions } from './routing.ts';
import { targetOf } from './target.ts';

export type { SourceName } from '../config/named.ts';
export type { ConfigSource } from '../config/source.ts';
export { textSource } from '../config/text.ts';
export type { ClusterState } from '../upstream/cluster-state.ts';
export { gzip as compressionGzip } from '../upstream/compression.ts';
export { createRouting, type Routing, type RoutingOptions } from './routing.ts';

/** Connect's own options for a transport; each has its default there, but for compression. */
export interface TransportOptions extends Partial<Omit<CommonTransportOptions, 'baseUrl' | 'httpClient'>> {
  /**
   * The host that rules know, and its port: `http://greeter:8080`, or as gRPC has it `xds:///greeter:8080`. Without a
   * port it is the only one that the host has, else 80. Whether endpoints are reached over TLS is for rules to say.
   */
  readonly baseUrl: string;
  /** What endpoints are spoken to in. `grpc` is always over HTTP/2, others as the port's name says. Default `grpc`. */
  readonly protocol?: 'grpc' | 'grpc-web' | 'connect';
}

/** What calls are routed by: options of one's own, or what other transports share. */
export type RoutedTransportOptions = TransportOptions & (RoutingOptions | { readonly routing: Routing });

/** A Connect transport for any service. */
export interface RoutedTransport extends Transport {
  /** What its calls are routed by. */
  readonly routing: Routing;
  /** Resolves when the first rules are in effect; calls before wait for it. Rejects when a source cannot start. */
  ready(): Promise<void>;
  /** Lets calls under way finish and closes connections. Routing that was given is left alone. */
  close(): Promise<void>;
}

/**
 * A transport whose calls go where the rules say. Throws a TypeError for a `baseUrl` that names no host, or sources that are none or do not go together, and Connect's
 * error for limits beyond its own.
 *
 * ```ts
 * const transport = createRoutedTransport({ config: 'rules.yaml', baseUrl: 'http://greeter:8080' });
 * const greeter = createClient(Greeter, transport);
 * ```
 */
export function createRoutedTransport(options: RoutedTransportOptions): RoutedTransport {
  const { protocol = 'grpc', readMaxBytes, writeMaxBytes, compressMinBytes } = options;
  const { baseUrl, isXds } = targetOf(options.baseUrl);
  const limits = validateReadWriteMaxBytes(readMaxBytes, writeMaxBytes, compressMinBytes);
  const isOwn = !('routing' in options);
  const routing = isOwn ? createRouting(isXds ? withBootstrap(options) : options) : options.routing;
  const create = CREATE[protocol];
  const { unary, stream } = create({
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [gzip],
    sendCompression: null,
    ...options,
    ...limits,
    baseUrl,
    httpClient: routing.httpClient(protocol === 'grpc'),
  });
  return {
    unary,
    stream,
    routing,
    ready: () => routing.ready(),
    close: async () => {
      if (isOwn) await routing.close();
    },
  };
}

/** gRPC's own way: what the URL names is known to the control plane that the environment names. */
function withBootstrap(options: RoutingOptions): RoutingOptions {
  const { config, xds, services, namespace, labels } = options;
  if (config !== undefined || xds !== undefined || services !== undefined) return options;
  const identity = { ...(namespace !== undefined && { namespace }), ...(labels && { labels }) };
  return { ...options, config: bootstrapSource(identity) };
}

const CREATE = {
  grpc: createGrpcTransport,
  'grpc-web': createGrpcWebTransport,
  connect: createConnectTransport,
} as const;
