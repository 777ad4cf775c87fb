/** One port for HTTP/1.1 and HTTP/2 on the wire's engines: the first bytes of a connection say which engine takes it. */
import { Driver, nowMs } from '../../upstream/socket/driver.ts';
import type { Socket } from '../../upstream/socket/socket.ts';
import { Http1ServerConnection } from '../../wire/http1/server.ts';
import { Http2ServerConnection } from '../../wire/http2/server.ts';
import type { Connection, RequestHead, ServerEvents, ServerStream, StreamReceiver } from '../../wire/stream.ts';
import { accept } from './accept.ts';
import { FirstBytes } from './first-bytes.ts';
import {
  type ConnectionFacts,
  DEFAULT_GRACE_MS,
  type ListenerLimits,
  type ListenerOptions,
  type Listening,
  type Serve,
} from './listening.ts';

const DEFAULT_LIMITS: ListenerLimits = { maxConnections: 20_000, maxRequests: 20_000 };

/** Opens the port. Rejects with the runtime's error when it cannot. */
export async function listen(
  options: ListenerOptions,
  serve: Serve,
  warn: (message: string) => void,
): Promise<Listening> {
  const { maxConnections } = { ...DEFAULT_LIMITS, ...options.limits };
  const connections = new Set<ServerConnection>();
  let wake: (() => void) | undefined;
  const opened = (socket: Socket): void => {
    if (connections.size >= maxConnections) {
      socket.destroy();
      return;
    }
    const facts = {
      port,
      servicePort: options.servicePort,
      sourceAddress: socket.remoteAddress,
      http2: false,
      tls: options.tls !== undefined,
    };
    const connection = new ServerConnection(socket, facts, serve, () => {
      connections.delete(connection);
      if (connections.size === 0) wake?.();
    });
    connections.add(connection);
  };
  let port = options.port;
  const acceptor = await accept(options, opened, warn);
  port = acceptor.port;
  return {
    hostname: options.unix ?? options.hostname,
    port,
    protocols: ['HTTP/1.1', options.tls ? 'h2' : 'h2c'],
    async close(graceMs = DEFAULT_GRACE_MS) {
      acceptor.stop();
      for (const connection of connections) connection.drain();
      if (connections.size === 0) return 0;
      let cutOff = 0;
      await new Promise<void>((resolve) => {
        const limit = setTimeout(() => {
          for (const connection of connections) {
            cutOff += connection.streamCount;
            connection.destroy();
          }
          resolve();
        }, graceMs);
        wake = () => {
          clearTimeout(limit);
          resolve();
        };
      });
      return cutOff;
    },
  };
}

/** A client's connection, from accepting it to its end. */
class ServerConnection implements ServerEvents {
  readonly #driver: Driver;
  readonly #serve: Serve;
  #facts: ConnectionFacts;
  #engine: Connection;

  constructor(socket: Socket, facts: ConnectionFacts, serve: Serve, closed: () => void) {
    this.#serve = serve;
    this.#facts = facts;
    this.#driver = new Driver(socket, closed);
    this.#engine = new FirstBytes(this, nowMs(), (isHttp2, bytes) => this.#decided(isHttp2, bytes));
    this.#driver.start(this.#engine);
  }

  #decided(isHttp2: boolean, bytes: Uint8Array): void {
    this.#facts = { ...this.#facts, http2: isHttp2 };
    const options = { nowMs: nowMs(), scheme: this.#facts.tls ? ('https' as const) : ('http' as const) };
    this.#engine = isHttp2
      ? new Http2ServerConnection(this, options)
      : new Http1ServerConnection(this, options);
    this.#driver.start(this.#engine);
    this.#engine.receive(bytes);
  }

  get streamCount(): number {
    return this.#engine.streamCount;
  }

  drain(): void {
    this.#engine.drain();
  }

  destroy(): void {
    this.#driver.destroy();
  }

  request(stream: ServerStream, head: RequestHead, hasEnded: boolean): StreamReceiver {
    return this.#serve(stream, head, hasEnded, this.#facts);
  }

  wake(): void {
    this.#driver.wake();
  }

  pauseInput(isPaused: boolean): void {
    this.#driver.pauseInput(isPaused);
  }

  close(detail: string): void {
    this.#driver.close(detail);
  }
}
