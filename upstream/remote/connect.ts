/** Opens sockets: Bun's own for plaintext on Bun, else node:net and node:tls. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { bun, bunHandlers } from '../socket/bun.ts';
import { NodeSocket } from '../socket/node.ts';
import type { Socket } from '../socket/socket.ts';
import type { RemoteAddress, UpstreamTls } from './address.ts';

/** How long a connection may take. Source: Envoy's default connect_timeout under Istio, 10 s. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** What becomes of a connection that is asked for. One of the two is told, once. */
export interface ConnectEvents {
  opened(socket: Socket): void;
  failed(reason: 'remote-connection-failure' | 'connection-timeout', detail: string): void;
}

/** Asks for a connection. `alpn` is offered over TLS. */
export function connect(
  address: RemoteAddress,
  events: ConnectEvents,
  options: { readonly tls?: UpstreamTls; readonly alpn: string; readonly timeoutMs?: number },
): void {
  const { tls: secure, alpn, timeoutMs = CONNECT_TIMEOUT_MS } = options;
  let isSettled = false;
  let giveUp = (): void => {};
  const timer = setTimeout(() => {
    failed('connection-timeout', `No connection to ${textOf(address)} within ${timeoutMs} ms`);
    giveUp();
  }, timeoutMs);
  const opened = (socket: Socket): void => {
    if (isSettled) return socket.destroy();
    isSettled = true;
    clearTimeout(timer);
    events.opened(socket);
  };
  const failed: ConnectEvents['failed'] = (reason, detail) => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    events.failed(reason, detail);
  };
  const refused = (error: Error): void =>
    failed('remote-connection-failure', `Cannot connect to ${textOf(address)}: ${error.message}`);
  try {
    if (bun && !secure) {
      const handlers = bunHandlers(opened);
      const target =
        address.kind === 'unix' ? { unix: address.path } : { hostname: address.address, port: address.port };
      bun
        .connect({
          ...target,
          allowHalfOpen: true,
          socket: { ...handlers, connectError: (_socket, error) => refused(error) },
        })
        .catch(refused);
      return;
    }
    const socket = secure ? connectTls(address, secure, alpn) : connectPlain(address);
    giveUp = () => void socket.destroy();
    socket.on('error', refused);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.off('error', refused);
      if (isSettled) return void socket.destroy();
      opened(new NodeSocket(socket));
    });
    socket.once('close', () => refused(new Error('the connection was closed')));
  } catch (error) {
    queueMicrotask(() => refused(error as Error));
  }
}

function connectPlain(address: RemoteAddress): net.Socket {
  const target =
    address.kind === 'unix' ? { path: address.path } : { host: address.address, port: address.port };
  return net.connect({ ...target, noDelay: true, allowHalfOpen: true });
}

function connectTls(address: RemoteAddress, secure: UpstreamTls, alpn: string): tls.TLSSocket {
  const { serverName, ca, cert, key, skipVerification = false, subjectAltNames } = secure;
  const target =
    address.kind === 'unix' ? { path: address.path } : { host: address.address, port: address.port };
  const name = serverName ?? (address.kind === 'socket' ? address.address : '');
  return tls.connect({
    ...target,
    ALPNProtocols: [alpn],
    rejectUnauthorized: !skipVerification,
    // SNI is a name, never an address.
    ...(name !== '' && net.isIP(name) === 0 && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(subjectAltNames && {
      checkServerIdentity: (_host, certificate) => identityError(subjectAltNames, certificate),
    }),
  });
}

function identityError(names: readonly string[], certificate: tls.PeerCertificate): Error | undefined {
  const errors = names.map((name) => tls.checkServerIdentity(name, certificate));
  return errors.some((error) => error === undefined) ? undefined : errors[0];
}

function textOf(address: RemoteAddress): string {
  return address.kind === 'unix' ? address.path : `${address.address}:${address.port}`;
}
