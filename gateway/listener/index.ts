/** One port for HTTP/1.1 and HTTP/2 on the wire's engines: the first bytes of a connection say which engine takes it. */
import type { ServerTls } from '../../router/table/server-tls.ts';
import { discard } from '../../traffic/forward/discard.ts';
import { Driver, nowMs } from '../../upstream/socket/driver.ts';
import type { Socket } from '../../upstream/socket/socket.ts';
import { Http1ServerConnection } from '../../wire/http1/server.ts';
import { Http2ServerConnection } from '../../wire/http2/server.ts';
import {
  type Connection,
  ERROR_CODE,
  NO_FIELDS,
  type RequestHead,
  type ServerEvents,
  type ServerStream,
  type StreamReceiver,
} from '../../wire/stream.ts';
import { accept } from './accept.ts';
import { type Decided, FirstBytes } from './first-bytes.ts';
import {
  type ConnectionFacts,
  DEFAULT_GRACE_MS,
  DEFAULT_MAX_CONNECTIONS,
  type ListenerOptions,
  type Listening,
  type Refused,
  type Serve,
} from './listening.ts';

/**
 * Opens the port. New connections are closed at once where there are too many, or while `isShort` says so. Rejects
 * with the runtime's error when the port cannot be opened.
 */
export async function listen(
  options: ListenerOptions,
  serve: Serve,
  warn: (message: string) => void,
  isShort: () => boolean = () => false,
  refused: Refused = () => {},
): Promise<Listening> {
  const { maxConnections = DEFAULT_MAX_CONNECTIONS } = options.limits ?? {};
  const connections = new Set<ServerConnection>();
  let wake: (() => void) | undefined;
  let isDraining = false;
  const opened = (socket: Socket, server?: ServerTls): void => {
    if (connections.size >= maxConnections || isShort()) {
      socket.destroy();
      return;
    }
    const facts = {
      port,
      servicePort: options.servicePort,
      sourceAddress: socket.remoteAddress,
      sourcePort: socket.remotePort,
      originalDestination: undefined,
      http2: false,
      tls: options.tls !== undefined || server !== undefined,
      isByRules: options.portServers !== undefined,
      server,
    };
    const connection = new ServerConnection(socket, facts, options, serve, refused, warn, () => {
      connections.delete(connection);
      wake?.();
    });
    connections.add(connection);
    if (isDraining) connection.drain();
  };
  let port = options.port;
  const acceptor = await accept(options, opened, warn);
  port = acceptor.port;
  return {
    hostname: options.unix ?? options.hostname,
    port,
    get protocols() {
      const isTls = options.tls !== undefined || (options.portServers?.servers() ?? []).length > 0;
      return ['HTTP/1.1', isTls ? 'h2' : 'h2c'];
    },
    async close(graceMs = DEFAULT_GRACE_MS) {
      isDraining = true;
      // Over TLS a connection is known only after its handshake: until all that came in are gone, one may follow.
      let isAccepting = true;
      acceptor.stop().then(() => {
        isAccepting = false;
        wake?.();
      });
      for (const connection of connections) connection.drain();
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
          if (isAccepting || connections.size > 0) return;
          clearTimeout(limit);
          resolve();
        };
        wake();
      });
      return cutOff;
    },
  };
}

/** A client's connection, from accepting it to its end. */
class ServerConnection implements ServerEvents {
  readonly #driver: Driver;
  readonly #serve: Serve;
  readonly #refused: Refused;
  readonly #warn: (message: string) => void;
  readonly #options: ListenerOptions;
  #facts: ConnectionFacts;
  #isDraining = false;
  #engine: Connection;

  constructor(
    socket: Socket,
    facts: ConnectionFacts,
    options: ListenerOptions,
    serve: Serve,
    refused: Refused,
    warn: (message: string) => void,
    closed: () => void,
  ) {
    this.#serve = serve;
    this.#refused = refused;
    this.#warn = warn;
    this.#facts = facts;
    this.#options = options;
    this.#driver = new Driver(socket, closed);
    const { proxyProtocol = false } = options;
    this.#engine = new FirstBytes(this, nowMs(), proxyProtocol, (decided) => this.#decided(decided));
    this.#driver.start(this.#engine);
  }

  #decided({ isHttp2, bytes, sourceAddress = this.#facts.sourceAddress, ...told }: Decided): void {
    const { limits = {}, useOriginalDst = false } = this.#options;
    const originalDestination = useOriginalDst ? told.originalDestination : undefined;
    this.#facts = { ...this.#facts, http2: isHttp2, sourceAddress, originalDestination };
    const { http1 = {}, http2 = {} } = limits;
    this.#engine = isHttp2
      ? new Http2ServerConnection(this, { nowMs: nowMs(), limits: http2 })
      : new Http1ServerConnection(this, {
          nowMs: nowMs(),
          limits: http1,
          scheme: this.#facts.tls ? 'https' : 'http',
          explains: this.#options.explains ?? false,
        });
    this.#driver.start(this.#engine);
    if (bytes.length > 0) this.#engine.receive(bytes);
    if (this.#isDraining) this.#engine.drain();
  }

  get streamCount(): number {
    return this.#engine.streamCount;
  }

  drain(): void {
    this.#isDraining = true;
    // From now on, not from when the engine was last told the time.
    this.#engine.tick(nowMs());
    this.#engine.drain();
  }

  destroy(): void {
    this.#driver.destroy();
  }

  request(stream: ServerStream, head: RequestHead, hasEnded: boolean): StreamReceiver {
    try {
      return this.#serve(stream, head, hasEnded, this.#facts);
    } catch (error) {
      // A fault of ours costs this call alone.
      this.#warn(
        `Cannot answer ${head.method} ${head.path}: ${error instanceof Error ? error.stack : error}`,
      );
      stream.respond(500, NO_FIELDS, true);
      stream.reset(ERROR_CODE.INTERNAL_ERROR);
      return discard(stream);
    }
  }

  refused(status: number, detail: string, bodyBytes: number): void {
    this.#refused(this.#facts, status, detail, bodyBytes);
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
