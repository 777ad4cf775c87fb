/** Opens sockets: Bun's own for plaintext on Bun, else node:net and node:tls. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { bun, bunHandlers } from '../socket/bun.ts';
import { NodeSocket } from '../socket/node.ts';
import type { Socket } from '../socket/socket.ts';
import type { ConnectionOptions, RemoteAddress, UpstreamTls } from './address.ts';

/** How long a connection may take. Source: Envoy's default connect_timeout under Istio, 10 s. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What becomes of a connection that is asked for. One of the two is told, once. */
export interface ConnectEvents {
  opened(socket: Socket): void;
  failed(reason: 'remote-connection-failure' | 'connection-timeout', detail: string): void;
}

/** Asks for a connection. `alpn` is offered over TLS. */
export function connect(
  address: RemoteAddress,
  events: ConnectEvents,
  alpn: string,
  { tls: readTls, pool }: ConnectionOptions,
): void {
  const timeoutMs = pool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  let isSettled = false;
  let giveUp = (): void => {};
  const timer = setTimeout(() => {
    failed('connection-timeout', `No connection to ${textOf(address)} within ${timeoutMs} ms`);
    giveUp();
  }, timeoutMs);
  const opened = (socket: Socket): void => {
    if (isSettled) {
      socket.destroy();
      return;
    }
    isSettled = true;
    clearTimeout(timer);
    if (pool?.tcpKeepalive) socket.keepAlive(pool.tcpKeepalive.timeMs ?? 0);
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
  const connectNode = (socket: net.Socket, readyEvent: string): void => {
    giveUp = () => void socket.destroy();
    socket.on('error', refused);
    socket.once(readyEvent, () => {
      socket.off('error', refused);
      if (isSettled) return void socket.destroy();
      opened(new NodeSocket(socket));
    });
    socket.once('close', () => refused(new Error('the connection was closed')));
  };
  if (readTls) {
    readTls()
      .then((secure) => {
        if (!isSettled) connectNode(connectTls(address, secure, alpn), 'secureConnect');
      })
      .catch(refused);
    return;
  }
  try {
    if (!bun) {
      connectNode(connectPlain(address), 'connect');
      return;
    }
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
  const { serverName, ca, crl, cert, key, skipVerification = false, subjectAltNames = [], isInMesh } = secure;
  const target =
    address.kind === 'unix' ? { path: address.path } : { host: address.address, port: address.port };
  const name = serverName ?? (address.kind === 'socket' ? address.address : '');
  const names = subjectAltNames.length > 0 ? subjectAltNames : isInMesh ? [] : [name];
  return tls.connect({
    ...target,
    ALPNProtocols: isInMesh ? [`istio-${alpn}`, 'istio', alpn] : [alpn],
    rejectUnauthorized: !skipVerification,
    // SNI is a name, never an address.
    ...(name !== '' && net.isIP(name) === 0 && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(crl !== undefined && { crl }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    checkServerIdentity: (_host, certificate) => identityError(names, certificate),
  });
}

/**
 * Of no names, none is asked for. A name may be a certificate's own wildcard, to the letter.
 *
 * Source: Envoy `source/common/tls/cert_validator/san_matcher.cc` (exact names, wildcards in certificates' DNS names alone).
 */
function identityError(names: readonly string[], certificate: tls.PeerCertificate): Error | undefined {
  if (names.length === 0) return undefined;
  const { subjectaltname = '' } = certificate;
  const own = namesOf(subjectaltname);
  // Without any the runtimes would take the subject's common name, which Envoy does not.
  const hasHosts = own.some(({ kind }) => kind === 'DNS' || kind === 'IP Address');
  const isFor = (name: string) =>
    own.some(({ kind, value }) => (kind === 'URI' || kind === 'DNS') && value === name) ||
    (hasHosts && tls.checkServerIdentity(name, certificate) === undefined);
  if (names.some(isFor)) return undefined;
  return new Error(
    `the endpoint's certificate is for ${subjectaltname || 'no name'}, want one for ${names.join(' or ')}`,
  );
}

/** Of `DNS:a.example, URI:spiffe://x`; a name that could be read as several stands in quotes, and is left out. */
function namesOf(subjectAltName: string): { readonly kind: string; readonly value: string }[] {
  const found = subjectAltName.matchAll(/([^:,"]+):(?:"(?:[^"\\]|\\.)*"|([^,"]*))(?:, |$)/gy);
  return [...found].flatMap(([, kind, value]) =>
    kind === undefined || value === undefined ? [] : [{ kind, value }],
  );
}

function textOf(address: RemoteAddress): string {
  return address.kind === 'unix' ? address.path : `${address.address}:${address.port}`;
}
