/** Gateways, upstreams and clients for tests: all on ephemeral ports, all closed at the end. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { ConnectRouter, Transport } from '@connectrpc/connect';
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/index.ts';
import type { Service } from '../../router/index.ts';

export const isDeno = 'Deno' in globalThis;
/**
 * Why a test with a stock HTTP/2 client is not run. The listener speaks h2c on Deno as elsewhere: the tutorial's test
 * asks it with grpcurl.
 */
export const noH2 = isDeno
  ? 'node:http2 of Deno 2.9.6 now and then ends the process with a segmentation fault as its client'
  : false;

/** Something that listens. */
export interface Server {
  readonly port: number;
  /** Cuts every connection, so that its clients notice. */
  kill(): Promise<void>;
}

/** Listens on the port, 0 for any. */
export async function start(server: NetServer, port = 0): Promise<Server> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', () => done());
  });
  return {
    port: (server.address() as AddressInfo).port,
    async kill() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A stock Connect server, as a peer that has nothing of ours. */
export function connectServer(
  protocol: 'http1' | 'http2',
  routes: (router: ConnectRouter) => void,
  port = 0,
): Promise<Server> {
  const handler = connectNodeAdapter({ routes });
  return start(protocol === 'http1' ? http.createServer(handler) : http2.createServer(handler), port);
}

/** A service at a port of this machine. */
export function remoteService(
  host: string,
  ports: readonly { readonly port: number; readonly labels?: Record<string, string> }[],
  protocol: 'http1' | 'http2' = 'http1',
): Service {
  return {
    host: `${host}.default.svc.cluster.local`,
    namespace: 'default',
    ports: [{ name: 'main', number: 80, protocol: protocol === 'http2' ? 'GRPC' : 'HTTP' }],
    endpoints: ports.map(({ port, labels = {} }) => ({
      id: `127.0.0.1:${port}`,
      labels,
      target: { kind: 'socket', address: '127.0.0.1', ports: { main: port } },
    })),
  };
}

/** A gateway that listens; for service port 80 unless there is a default host to tell. */
export async function openGateway(
  options: GatewayOptions,
  prepare: (gateway: Gateway) => void = () => {},
): Promise<{ readonly gateway: Gateway; readonly port: number; readonly baseUrl: string }> {
  const gateway = createGateway(options);
  prepare(gateway);
  const { port } = await gateway.listen({ port: 0, ...(!options.defaultHost && { servicePort: 80 }) });
  return { gateway, port, baseUrl: `http://127.0.0.1:${port}` };
}

/** How a client speaks; the stock transports of @connectrpc/connect-node. */
export const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  'Connect JSON over HTTP/1.1': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  'Connect GET over HTTP/1.1': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useHttpGet: true }),
  'Connect proto over HTTP/1.1': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: true }),
  'gRPC-Web over HTTP/1.1': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  ...(!noH2 && {
    'Connect JSON over h2c': (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2' }),
    'Connect GET over h2c': (baseUrl: string) =>
      createConnectTransport({ baseUrl, httpVersion: '2', useHttpGet: true, useBinaryFormat: true }),
    'gRPC-Web over h2c': (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'gRPC over h2c': (baseUrl: string) => createGrpcTransport({ baseUrl }),
  }),
};

/** One plain HTTP request, told as the wire says it. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Sends one request over HTTP/1.1; headers in node's flat list. */
export function ask(
  port: number,
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: readonly string[];
    readonly body?: string | Uint8Array;
    readonly agent?: http.Agent;
  } = {},
): Promise<PlainAnswer> {
  return new Promise((done, fail) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        method: options.method ?? 'GET',
        path: options.path ?? '/',
        headers: options.headers ?? ['host', 'echo'],
        setHost: false,
        ...(options.agent && { agent: options.agent }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text) => {
          body += text;
        });
        response.on('error', fail);
        response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    request.on('error', fail);
    request.end(options.body);
  });
}
