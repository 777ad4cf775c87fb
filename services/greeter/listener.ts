/**
 * One plaintext port for HTTP/1.1 and h2c on node's own servers: the first bytes of a connection say which of
 * the two it is handed to. Stock parts only, and nothing of the gateway's, for the stand-alone greeter is the
 * independent peer that the gateway is tested against. Imports node:http, node:http2 and node:net.
 */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';

/** What answers a request; connectNodeAdapter makes one. */
export type Handler = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => void;

export interface ListenOptions {
  /** Undefined: every interface, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly handler: Handler;
  /** False: each HTTP/1.1 response closes its connection. */
  readonly http1KeepAlive: boolean;
}

export interface Listener {
  /** The address that is listened on, with the real port where any was asked for. */
  readonly host: string;
  readonly port: number;
  /**
   * Stops accepting, sends every client elsewhere (GOAWAY, `connection: close`) and lets running calls finish.
   * Resolves when the last connection is closed, with the number of calls that were cut off because they
   * took longer than `limitMs`.
   */
  drain(limitMs: number): Promise<number>;
}

/** Every HTTP/2 connection begins so (RFC 9113, 3.4), and no HTTP/1.1 method does. */
const prefaceStart = 'PRI';

/** A new connection that sends nothing for this long is closed; node allows a request's head as much. */
const firstBytesTimeoutMs = 60_000;

/** Resolves when the port is open; rejects with node's error when it cannot be opened. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const sockets = new Set<net.Socket>();
  const http2Sockets = new WeakSet<net.Socket>();
  const sessions = new Set<http2.Http2Session>();
  const callsBySocket = new Map<net.Socket, number>();
  let calls = 0;
  let draining = false;

  const handle: Handler = (request, response) => {
    calls += 1;
    response.once('close', () => {
      calls -= 1;
    });
    if (request.httpVersionMajor === 1) {
      const { socket } = request;
      if (draining || !options.http1KeepAlive) response.setHeader('connection', 'close');
      callsBySocket.set(socket, (callsBySocket.get(socket) ?? 0) + 1);
      response.once('close', () => {
        // A socket that closed first is forgotten already, and must stay so.
        if (callsBySocket.has(socket)) callsBySocket.set(socket, (callsBySocket.get(socket) ?? 1) - 1);
        // The response may have promised keep-alive before the drain began.
        if (draining && callsBySocket.get(socket) === 0) socket.end();
      });
    }
    options.handler(request, response);
  };

  const server1 = http.createServer(handle);
  const server2 = http2.createServer(handle);
  server2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    if (draining) session.close();
  });
  // A peer that breaks the protocol ends its own session only.
  server2.on('sessionError', () => {});

  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      callsBySocket.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    handOver(socket, (isHttp2) => {
      if (isHttp2) http2Sockets.add(socket);
      (isHttp2 ? server2 : server1).emit('connection', socket);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const host = options.host === undefined ? {} : { host: options.host };
    server.listen({ port: options.port, ...host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port } = server.address() as net.AddressInfo;

  return {
    host: address,
    port,
    async drain(limitMs) {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // GOAWAY with the id of the last stream that came: a client may safely send a later one elsewhere. An
      // announcement before it (RFC 9113, 6.8) would do no good: after any GOAWAY, node reads on only while a
      // call runs.
      for (const session of sessions) session.close();
      for (const socket of sockets) {
        const busy = (callsBySocket.get(socket) ?? 0) > 0;
        if (!busy && !http2Sockets.has(socket)) socket.destroy();
      }
      let cutOff = 0;
      const limit = setTimeout(() => {
        cutOff = calls;
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }, limitMs);
      await closed;
      clearTimeout(limit);
      return cutOff;
    },
  };
}

/** Reads a connection's first bytes, puts them back, and says whether they begin HTTP/2. */
function handOver(socket: net.Socket, decided: (isHttp2: boolean) => void): void {
  let first = Buffer.alloc(0);
  const timedOut = () => socket.destroy();
  const read = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) first = Buffer.concat([first, chunk]);
    const start = first.toString('latin1', 0, prefaceStart.length);
    if (start.length < prefaceStart.length && prefaceStart.startsWith(start)) return;
    socket.off('readable', read);
    socket.off('timeout', timedOut);
    socket.setTimeout(0);
    socket.unshift(first);
    decided(start === prefaceStart);
  };
  socket.setTimeout(firstBytesTimeoutMs);
  socket.on('timeout', timedOut);
  socket.on('readable', read);
}
