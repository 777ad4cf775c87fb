/**
 * Ends TLS for the servers of one port, each with certificates of its own: the client's greeting says which of them is
 * meant. Rules and certificates of the moment count, for each connection anew.
 */
import type * as net from 'node:net';
import * as tls from 'node:tls';
import type { ServerTls } from '../../router/table/server-tls.ts';
import { readClientHello } from '../../wire/client-hello.ts';
import { contextOf, keyOf, type ServerCredential, type ServerCredentials } from './server-credential.ts';
import { serverFor } from './server-name.ts';

/** A greeting and handshake that take longer are given up. Source: Envoy's advice for an edge, `transport_socket_connect_timeout` 10 s. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The servers of a port. */
export interface PortServers {
  /** Those in effect; none: the port speaks plaintext. */
  servers(): readonly ServerTls[];
  /** Calls the listener when they may have changed. Returns the function that ends it. */
  follow(changed: () => void): () => void;
  /** Connections begin with a PROXY header, behind which TLS is not understood: they are closed where TLS is needed. */
  readonly hasProxyHeader: boolean;
  readonly credentials: ServerCredentials;
}

/** Settings of sockets, whatever is spoken on them. */
export const SOCKET_OPTIONS = { noDelay: true, allowHalfOpen: true, highWaterMark: 64 * 1024 };

/** Hands over each connection after its handshake, with the server that it is to. */
export class Termination {
  readonly #port: PortServers;
  readonly #accepted: (socket: tls.TLSSocket, server: ServerTls) => void;
  readonly #inner = new WeakMap<ServerCredential, tls.Server>();

  constructor(port: PortServers, accepted: (socket: tls.TLSSocket, server: ServerTls) => void) {
    this.#port = port;
    this.#accepted = accepted;
  }

  /** True where the port speaks TLS now. */
  get isNeeded(): boolean {
    return this.#port.servers().length > 0;
  }

  /** Takes a connection of which nothing has been read. */
  take(socket: net.Socket): void {
    if (this.#port.hasProxyHeader) return void socket.destroy();
    const giveUp = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT_MS);
    socket.on('error', () => {});
    socket.once('close', () => clearTimeout(giveUp));
    let bytes: Buffer = Buffer.alloc(0);
    const readable = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const hello = readClientHello(bytes);
        if (!hello) return;
        socket.off('readable', readable);
        const server = serverFor(this.#port.servers(), hello.serverName);
        // No server for it: Envoy finds no filter chain, and closes, too.
        if (!server) return void socket.destroy();
        this.#handOver(socket, server, bytes)
          .catch(() => socket.destroy())
          .finally(() => clearTimeout(giveUp));
      } catch {
        socket.destroy();
      }
    };
    socket.on('readable', readable);
  }

  async #handOver(socket: net.Socket, server: ServerTls, bytes: Buffer): Promise<void> {
    const credential = await this.#port.credentials.of(server);
    if (!credential || socket.destroyed) return void socket.destroy();
    let inner = this.#inner.get(credential);
    if (!inner) {
      inner = this.#createServer(server, credential);
      this.#inner.set(credential, inner);
    }
    socket.unshift(bytes);
    inner.emit('connection', socket);
  }

  #createServer(server: ServerTls, credential: ServerCredential): tls.Server {
    const { mode } = server;
    const key = keyOf(server);
    const inner = tls.createServer({
      ...SOCKET_OPTIONS,
      ...contextOf(server, credential),
      // Those of a mesh's workloads stand for the same.
      ALPNProtocols:
        mode === 'ISTIO_MUTUAL' ? ['istio-h2', 'h2', 'istio-http/1.1', 'http/1.1'] : ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ...(credential.root !== undefined && {
        requestCert: true,
        rejectUnauthorized: mode !== 'OPTIONAL_MUTUAL',
      }),
    });
    inner.on('secureConnection', (socket) => {
      // The rules may have changed meanwhile: who was let in by one server is not another's.
      const own = serverFor(
        this.#port.servers(),
        socket.servername ? socket.servername.toLowerCase() : undefined,
      );
      if (own && keyOf(own) === key && isLetIn(socket, mode)) this.#accepted(socket, own);
      else socket.destroy();
    });
    inner.on('tlsClientError', (_, socket) => socket.destroy());
    return inner;
  }
}

/** Without a certificate clients are let in where they need none; with one that nobody known has signed nowhere. */
function isLetIn(socket: tls.TLSSocket, mode: ServerTls['mode']): boolean {
  if (mode === 'SIMPLE' || socket.authorized) return true;
  return mode === 'OPTIONAL_MUTUAL' && Object.keys(socket.getPeerCertificate() ?? {}).length === 0;
}
