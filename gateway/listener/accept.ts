/** Ports that accept sockets: Bun's own for plaintext on Bun, else node:net and node:tls. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { ServerTls } from '../../router/table/server-tls.ts';
import { bun, bunHandlers } from '../../upstream/socket/bun.ts';
import { NodeSocket } from '../../upstream/socket/node.ts';
import type { Socket } from '../../upstream/socket/socket.ts';
import { DEFAULT_MAX_CONNECTIONS, type ListenerOptions } from './listening.ts';
import { HANDSHAKE_TIMEOUT_MS, type PortServers, SOCKET_OPTIONS, Termination } from './termination.ts';

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
  const { tls: secure, portServers, unix } = options;
  if (!bun || secure || (portServers && unix !== undefined)) return acceptNode(options, opened, warn);
  if (!portServers) return acceptBun(options, opened);
  return portServers.servers().length > 0
    ? acceptNode(options, opened, warn)
    : acceptUntilTls(options, portServers, opened, warn);
}

/** Bun's own, until the port is to speak TLS: then it is opened again by node:net. */
function acceptUntilTls(
  options: ListenerOptions,
  portServers: PortServers,
  opened: (socket: Socket, server?: ServerTls) => void,
  warn: (message: string) => void,
): Acceptor {
  const isTls = () => portServers.servers().length > 0;
  let current = acceptBun(options, (socket) => {
    if (isTls()) socket.destroy();
    else opened(socket);
  });
  const { port } = current;
  let isStopped = false;
  const reopen = async (): Promise<void> => {
    await current.stop();
    while (!isStopped)
      try {
        current = await acceptNode({ ...options, port }, opened, warn);
        return;
      } catch (error) {
        warn(`Cannot open port ${port} again: ${(error as Error).message}`);
        await new Promise((done) => setTimeout(done, REOPEN_MS));
      }
  };
  let reopening: Promise<void> | undefined;
  const unfollow = portServers.follow(() => {
    if (isTls()) reopening ??= reopen();
  });
  return {
    port,
    async stop() {
      isStopped = true;
      unfollow();
      await reopening;
      await current.stop();
    },
  };
}

/** A port that cannot be opened again is tried so often. */
const REOPEN_MS = 100;

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
