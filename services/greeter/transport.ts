/**
 * The stock Connect transport for a target: @connectrpc/connect-node with the protocol and HTTP version that
 * were asked for. Imports @connectrpc and node:net.
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
  readonly target: Extract<Target, { kind: 'address' }>;
  readonly protocol: Protocol;
  readonly httpVersion: HttpVersion;
  readonly interceptors: Interceptor[];
  /** The deadline of each call in milliseconds; 0: none. */
  readonly timeoutMs: number;
}

/** Returns the transport, or throws a TypeError for gRPC over HTTP/1.1, which cannot work. */
export function createTransport(options: TransportOptions): Transport {
  const { target, httpVersion } = options;
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
