/**
 * The transport for a target: the stock one of @connectrpc/connect-node for an address, with the protocol and HTTP
 * version that were asked for, or one that routes by rules in this process. Imports @connectrpc, node:net and the
 * routing client.
 */
import * as net from 'node:net';
import type { Interceptor, Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import type { Target } from './target.ts';

/** `tri` is dubbo-go's name for what is gRPC on the wire. */
export const protocols = ['grpc', 'tri', 'grpc-web', 'connect'] as const;
export type Protocol = (typeof protocols)[number];

export const httpVersions = ['1.1', '2'] as const;
export type HttpVersion = (typeof httpVersions)[number];

export interface TransportOptions {
  readonly target: Target;
  readonly protocol: Protocol;
  /** Undefined: HTTP/2, and for a routed target what the rules say. */
  readonly httpVersion: HttpVersion | undefined;
  readonly interceptors: Interceptor[];
  /** The deadline of each call in milliseconds; 0: none. */
  readonly timeoutMs: number;
  /** For a routed target: where its rules come from, and who asks. */
  readonly routing: {
    /** Absent: gRPC's bootstrap says it. */
    readonly config?: readonly string[];
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    log(level: 'WARN' | 'ERROR', message: string): void;
  };
}

/** Resolves with the transport, or rejects with a TypeError for what cannot work, such as gRPC over HTTP/1.1. */
export async function createTransport(options: TransportOptions): Promise<Transport> {
  const { target, timeoutMs } = options;
  if (target.kind === 'address') return createAddressTransport(target, options);
  if (options.httpVersion !== undefined)
    throw new TypeError(
      `Cannot choose the HTTP version for ${target.name}: leave out --http-version, as the port's protocol says it`,
    );
  // Who calls an address is a stock Connect program, and loads nothing else.
  const { createRoutedTransport } = await import('../../client/index.ts');
  return createRoutedTransport({
    ...options.routing,
    baseUrl: target.name,
    protocol: options.protocol === 'tri' ? 'grpc' : options.protocol,
    interceptors: options.interceptors,
    ...(timeoutMs > 0 && { defaultTimeoutMs: timeoutMs }),
  });
}

function createAddressTransport(
  target: Extract<Target, { kind: 'address' }>,
  options: TransportOptions,
): Transport {
  const { httpVersion = '2' } = options;
  const connect = `${target.connect.host.includes(':') ? `[${target.connect.host}]` : target.connect.host}:${target.connect.port}`;
  const grpc = options.protocol === 'grpc' || options.protocol === 'tri';
  if (grpc && httpVersion === '1.1') {
    throw new TypeError(
      `Cannot speak ${options.protocol} over HTTP/1.1, which clients give no trailers: use --protocol grpc-web or connect, or --http-version 2`,
    );
  }
  const shared = {
    interceptors: options.interceptors,
    ...(options.timeoutMs > 0 ? { defaultTimeoutMs: options.timeoutMs } : {}),
  };
  // An HTTP/2 session takes its authority from the URL, so there the connection is redirected; in HTTP/1.1 it
  // is the other way round, for an agent shares connections by the URL.
  const http2 = {
    baseUrl: `${target.scheme}://${target.authority ?? connect}`,
    ...(target.authority === undefined
      ? {}
      : { nodeOptions: { createConnection: () => net.connect(target.connect) } }),
  };
  const http1 = {
    baseUrl: `${target.scheme}://${connect}`,
    ...(target.authority === undefined ? {} : { nodeOptions: { headers: { host: target.authority } } }),
  };
  if (grpc) return createGrpcTransport({ ...shared, ...http2 });
  const create = options.protocol === 'grpc-web' ? createGrpcWebTransport : createConnectTransport;
  return httpVersion === '2'
    ? create({ ...shared, ...http2, httpVersion: '2' })
    : create({ ...shared, ...http1, httpVersion: '1.1' });
}
