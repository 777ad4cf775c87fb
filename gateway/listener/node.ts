/**
 * One plaintext port for HTTP/1.1 and h2c on node's modules, as Node and Bun have them: the first bytes of a
 * connection say which engine takes it. Imports node:net.
 */
import * as net from 'node:net';
import type { Answer } from '../exchange.ts';
import { createHttp1 } from './http1.ts';
import { createHttp2 } from './http2.ts';
import { DEFAULT_GRACE_MS, type ListenerOptions, type Listening } from './listening.ts';

/** What an engine is told of the port it serves. */
export interface ServerContext {
  /** The one listened on. */
  readonly port: number;
  readonly servicePort?: number;
  /** A call has begun; the function returned says that it has ended. */
  began(): () => void;
  warn(message: string): void;
}

/** An engine for one protocol. */
export interface ConnectionServer {
  /** Serves a connection of which nothing has been read. */
  take(socket: net.Socket): void;
  /** Closes idle connections, and the others after their last call. */
  drain(): void;
  /** Closes all at once. */
  cut(): void;
}

/** Every HTTP/2 connection begins so (RFC 9113, 3.4), and no HTTP/1.1 method does. */
const PREFACE_START = 'PRI';
/** A new connection that sends nothing for this long is closed. */
const FIRST_BYTES_TIMEOUT_MS = 60_000;

/** Opens the port. Rejects with node's error when it cannot be opened. */
export async function listen(
  options: ListenerOptions,
  answer: Answer,
  warn: (message: string) => void,
): Promise<Listening> {
  const undecided = new Set<net.Socket>();
  let calls = 0;
  const context = {
    port: options.port,
    ...(options.servicePort !== undefined && { servicePort: options.servicePort }),
    warn,
    began() {
      calls++;
      let isRunning = true;
      return () => {
        if (isRunning) calls--;
        isRunning = false;
      };
    },
  };
  const http1 = createHttp1(context, answer);
  const http2 = createHttp2(context, answer);
  const server = net.createServer({ noDelay: true }, (socket) => {
    undecided.add(socket);
    socket.once('close', () => undecided.delete(socket));
    socket.on('error', () => socket.destroy());
    readStart(socket, (isHttp2) => {
      undecided.delete(socket);
      (isHttp2 ? http2 : http1).take(socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.hostname }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => warn(`Cannot accept a connection: ${error.message}`));
  context.port = (server.address() as net.AddressInfo).port;
  return {
    hostname: options.hostname,
    port: context.port,
    protocols: ['HTTP/1.1', 'h2c'],
    async close(graceMs = DEFAULT_GRACE_MS) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of undecided) socket.destroy();
      http1.drain();
      http2.drain();
      let cutOff = 0;
      const limit = setTimeout(() => {
        cutOff = calls;
        http1.cut();
        http2.cut();
      }, graceMs);
      await closed;
      clearTimeout(limit);
      return cutOff;
    },
  };
}

/** Reads a connection's first bytes, puts them back, and says whether they begin HTTP/2. */
function readStart(socket: net.Socket, decided: (isHttp2: boolean) => void): void {
  let start = Buffer.alloc(0);
  const timedOut = (): void => void socket.destroy();
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) start = Buffer.concat([start, chunk]);
    const text = start.toString('latin1', 0, PREFACE_START.length);
    if (text.length < PREFACE_START.length && PREFACE_START.startsWith(text)) return;
    socket.off('readable', read).off('timeout', timedOut);
    socket.setTimeout(0);
    socket.unshift(start);
    decided(text === PREFACE_START);
  };
  socket.setTimeout(FIRST_BYTES_TIMEOUT_MS);
  socket.on('timeout', timedOut).on('readable', read);
}
