/** Ports that accept sockets: Bun's own for plaintext on Bun, else node:net and node:tls. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { ServerTls } from '../../router/table/server-tls.ts';
import { bun, bunHandlers } from '../../upstream/socket/bun.ts';
import { NodeSocket } from '../../upstream/socket/node.ts';
import type { Socket } from '../../upstream/socket/socket.ts';
import { DEFAULT_MAX_CONNECTIONS, type ListenerOptions } from './listening.ts';
import { HANDSHAKE_TIMEOUT_MS, SOCKET_OPTIONS, Termination } from './termination.ts';

/** A port that accepts. */
export interface Acceptor {
  /** 0 of a Unix socket. */
  readonly port: number;
  /** Accepts no more; what was accepted stays open. Resolves when nothing that has come in can still be handed over. */
  stop(): Promise<void>;
}

/** Begins to accept. Rejects with the runtime's error when the port cannot be opened. */
export async function accept(
  options: ListenerOptions,
  opened: (socket: Socket, server?: ServerTls) => void,
  warn: (message: string) => void,
): Promise<Acceptor> {
  return bun && !options.tls && !options.portServers
    ? acceptBun(options, opened)
    : acceptNode(options, opened, warn);
}

function acceptBun({ port, hostname, unix }: ListenerOptions, opened: (socket: Socket) => void): Acceptor {
  const server = bun!.listen({
    ...(unix === undefined ? { hostname, port } : { unix }),
    allowHalfOpen: true,
    socket: bunHandlers(opened),
  });
  return { port: unix === undefined ? server.port : 0, stop: async () => server.stop(false) };
}

async function acceptNode(
  options: ListenerOptions,
  opened: (socket: Socket, server?: ServerTls) => void,
  warn: (message: string) => void,
): Promise<Acceptor> {
  const { port, hostname, unix, tls: secure, portServers } = options;
  const termination =
    portServers && new Termination(portServers, (socket, server) => opened(new NodeSocket(socket), server));
  const accepted = (socket: net.Socket): void => {
    if (termination?.isNeeded) termination.take(socket);
    else opened(new NodeSocket(socket));
  };
  const server = secure
    ? tls.createServer(
        {
          ...SOCKET_OPTIONS,
          cert: secure.cert,
          key: secure.key,
          ALPNProtocols: ['h2', 'http/1.1'],
          handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
          ...(secure.clientCa !== undefined && {
            ca: secure.clientCa,
            requestCert: true,
            rejectUnauthorized: true,
          }),
        },
        accepted,
      )
    : net.createServer(SOCKET_OPTIONS, accepted);
  // Counts what is not accepted yet, too: a client may stay in its handshake.
  server.maxConnections = options.limits?.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(unix === undefined ? { port, host: hostname } : { path: unix }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => warn(`Cannot accept a connection: ${error.message}`));
  return {
    port: unix === undefined ? (server.address() as net.AddressInfo).port : 0,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
