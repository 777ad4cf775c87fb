/** What a listener is asked for and gives back, whatever the runtime. Types only. */
import type { ServerTls } from '../../router/table/server-tls.ts';
import type { Http1Limits } from '../../wire/http1/limit.ts';
import type { Http2Limits } from '../../wire/http2/limit.ts';
import type { RequestHead, ServerStream, StreamReceiver } from '../../wire/stream.ts';
import type { PortServers } from './termination.ts';

/** Where to listen. */
export interface ListenerOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly hostname: string;
  /** Path of a Unix socket, in place of hostname and port. */
  readonly unix?: string;
  /** See `ListenOptions` of the gateway. */
  readonly servicePort?: number;
  /** Absent: plaintext. With it HTTP/2 and HTTP/1.1 are offered by ALPN. */
  readonly tls?: ListenerTls;
  /** In place of {@link tls}: servers of the rules, each with certificates of its own; plaintext while there are none. */
  readonly portServers?: PortServers;
  /** See `ListenOptions` of the gateway. */
  readonly limits?: ListenerLimits;
  /** True: each connection begins with a PROXY header, version 2, that says who the client is. Default false. */
  readonly proxyProtocol?: boolean;
  /** True: who sends what is no HTTP is told what is wrong with it. Default false. */
  readonly explains?: boolean;
  /** See `ListenOptions` of the gateway. */
  readonly useOriginalDst?: boolean;
}

/** PEM texts. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  /** Who may have signed clients' certificates; with it each client must have one. */
  readonly clientCa?: string;
}

/** What clients may ask of a listener. */
export interface ListenerLimits {
  /** Connections at a time, those in a TLS handshake among them; further ones are closed at once. Default 20,000. */
  readonly maxConnections?: number;
  /** Of each HTTP/1.1 connection. */
  readonly http1?: Partial<Http1Limits>;
  /** Of each HTTP/2 connection. */
  readonly http2?: Partial<Http2Limits>;
}

/** What is known of the connection that a request came on. */
export interface ConnectionFacts {
  /** Of the listener. */
  readonly port: number;
  readonly servicePort: number | undefined;
  readonly sourceAddress: string | undefined;
  /** Of the connection's other end, be it the client or a proxy in front that names it. */
  readonly sourcePort: number | undefined;
  /** Where the client dialled, `10.1.2.3:80`, where the listener is told and believes it. */
  readonly originalDestination: string | undefined;
  readonly http2: boolean;
  readonly tls: boolean;
  /** Whether the port speaks TLS is for the rules to say. */
  readonly isByRules: boolean;
  /** Which of the rules' servers ended its TLS. */
  readonly server: ServerTls | undefined;
}

/** Answers a request; as {@link ServerEvents.request} with the connection beside it. Must not throw. */
export type Serve = (
  stream: ServerStream,
  head: RequestHead,
  hasEnded: boolean,
  connection: ConnectionFacts,
) => StreamReceiver;

/** Told of what a connection has answered itself; see {@link ServerEvents.refused}. Must not throw. */
export type Refused = (
  connection: ConnectionFacts,
  status: number,
  detail: string,
  bodyBytes: number,
) => void;

/** An open port. */
export interface Listening {
  /** The Unix socket's path where there is no port. */
  readonly hostname: string;
  /** The real one where any was asked for; 0 of a Unix socket. */
  readonly port: number;
  /** `HTTP/1.1`, `h2c`; over TLS `HTTP/1.1`, `h2`. */
  readonly protocols: readonly string[];
  /**
   * Stops accepting, sends every client elsewhere (GOAWAY, `connection: close`) and lets running calls finish, at
   * most `graceMs`. Resolves when the last connection is closed, with the number of calls cut off. Default 30,000.
   */
  close(graceMs?: number): Promise<number>;
}

/** Connections at a time where nothing else is said. */
export const DEFAULT_MAX_CONNECTIONS = 20_000;

/** How long a drain waits for what runs, in milliseconds. */
export const DEFAULT_GRACE_MS = 30_000;
