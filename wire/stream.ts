/**
 * The seam between protocol engines and whoever moves calls: a stream is one request and its answer on one
 * connection, of HTTP/1.1 and HTTP/2 alike. Engines know no socket, clock or runtime: bytes come in by `receive`,
 * go out by {@link Connection.output}, and time passes by `tick`. Types and constants only.
 *
 * Back pressure is credit. What an engine hands over by `data` is held against its sender until the receiver says
 * `consumed`; what is given to `write` is always taken, and `sent` says when it has left. Who passes bytes on ties the
 * two together, so that no more than one stream window is ever held in between.
 */
import type { ByteWriter } from './byte-writer.ts';

/** A header's name, in lower case, and its value; each character is one byte (ISO 8859-1). */
export type Field = readonly [name: string, value: string];

/** Fields in the order in which they arrived, repeats kept. */
export type FieldList = readonly Field[];

/** The list without fields, also of trailers where there are none. */
export const NO_FIELDS: FieldList = [];

/** A request's head as it arrived. */
export interface RequestHead {
  /** As sent, case kept. Of a WebSocket over HTTP/2 (extended CONNECT) `GET`, as over HTTP/1.1. */
  readonly method: string;
  /** HTTP/2's `:scheme`; of HTTP/1.1 what an absolute request target says, else what the connection is: `http` or `https`. */
  readonly scheme: string;
  /** An absolute request target said the scheme. */
  readonly hasScheme?: boolean;
  /** HTTP/2's `:authority`, else Host; of an absolute request target its own. Empty where there is none. */
  readonly authority: string;
  /** Path and query as on the wire, `*` of `OPTIONS *`. Of an absolute request target what follows the authority: `/`, or what may begin with `?`. */
  readonly path: string;
  /** Without pseudo headers and `host`. Hop-by-hop fields of HTTP/1.1 that frame the message are in it. */
  readonly headers: FieldList;
  /** The protocol that the client wants to go on with (`websocket`); an answer with status 101 opens the tunnel. */
  readonly upgrade?: string;
}

/** An answer's head, or an informational one before it. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: FieldList;
}

/** How a stream came to no end, in Envoy's words with dashes. */
export type StreamResetReason =
  /** The peer reset this stream (RST_STREAM). */
  | 'remote-reset'
  /** The peer has not looked at the request, which may be sent again (REFUSED_STREAM, or beyond GOAWAY's last stream). */
  | 'remote-refused-stream-reset'
  /** The connection went away; of HTTP/1.1 within a message too. */
  | 'connection-termination'
  /** The peer broke the protocol. */
  | 'protocol-error'
  /** A limit or timeout of this side ended it. */
  | 'local-reset';

/** What an engine tells the owner of a stream. After `end` and `reset` no more `data` comes; after `reset` nothing does. */
export interface StreamReceiver {
  /** A piece of the body, which now belongs to the receiver. It is held against the sender until `consumed`. */
  data(chunk: Uint8Array): void;
  /** The body has ended as it should. */
  end(trailers: FieldList): void;
  /** The stream is broken, in both directions. `detail` is for logs. */
  reset(reason: StreamResetReason, detail: string): void;
  /** So many bytes given to `write` have left. */
  sent(bytes: number): void;
}

/** The same for a client's stream, whose answer has a head. */
export interface ResponseReceiver extends StreamReceiver {
  /** An informational answer (100, 103); not 101. */
  inform(status: number, headers: FieldList): void;
  /** The answer's head. With `hasEnded` neither `data` nor `end` follow. */
  response(status: number, headers: FieldList, hasEnded: boolean): void;
}

/** Both kinds of stream: the direction that is written to. Calls on a stream that is over have no effect. */
export interface Stream {
  /** Takes the chunk, which must not be changed afterwards, and sends it when windows and the socket allow. */
  write(chunk: Uint8Array): void;
  /** Ends this direction once everything written has left. Trailers that the protocol cannot carry are left out. */
  end(trailers: FieldList): void;
  /** Gives so many received bytes back to the peer's window. */
  consumed(bytes: number): void;
  /** Breaks the stream off in both directions, with a code of {@link ERROR_CODE}; no event follows. */
  reset(code: number): void;
}

/** A request that a client sent, to be answered. */
export interface ServerStream extends Stream {
  /** An informational answer. Left out where the protocol or the client cannot take it. */
  inform(status: number, headers: FieldList): void;
  /** The answer's head, once. With `hasEnded` there is no body, and neither `write` nor `end` follow. */
  respond(status: number, headers: FieldList, hasEnded: boolean): void;
}

/** What a server's connection tells its owner. */
export interface ServerEvents extends ConnectionEvents {
  /** A request has come. With `hasEnded` it has no body, and neither `data` nor `end` follow. Returns who is told the rest. */
  request(stream: ServerStream, head: RequestHead, hasEnded: boolean): StreamReceiver;
  /** What has come is no request, or none that can be read: the connection has answered that itself, with so many bytes. */
  refused?(status: number, detail: string, bodyBytes: number): void;
}

/** What any connection tells its owner. */
export interface ConnectionEvents {
  /** There is output where there was none, or input that waits: send it soon, once for everything that happens in this turn of the loop, and say {@link Connection.turned}. */
  wake(): void;
  /** Input should stop (`true`) or go on: more has come than may be held. */
  pauseInput(isPaused: boolean): void;
  /** No more input is wanted: send what output is left, then close the socket. Told once; streams were told before. */
  close(detail: string): void;
}

/** A protocol engine on one connection. */
export interface Connection {
  /** Bytes to send. Its owner takes them and says {@link flushed}. */
  readonly output: ByteWriter;
  /** Bytes from the peer, which now belong to the engine. */
  receive(chunk: Uint8Array): void;
  /**
   * The peer sends no more: it has closed its side, or with `isBroken` the socket is gone before it did. Every stream that
   * is not over is told. Default false.
   */
  inputEnded(isBroken?: boolean): void;
  /** The socket has taken output, so that what waits for room goes on. */
  flushed(): void;
  /** Input has come that waits for {@link turned}. */
  readonly hasWaiting: boolean;
  /** A turn of the loop that the engine woke its owner in is over: of what has come, the next part is dealt with. */
  turned(): void;
  /** Time is now so many milliseconds on a clock that never goes back; called about once a second. */
  tick(nowMs: number): void;
  /** Asks the peer to send no new requests here and closes the connection after the last one under way. */
  drain(): void;
  /** Streams that are not over. */
  readonly streamCount: number;
  /** State in words, for people and tests. */
  describe(): string;
}

/** A client's connection. */
export interface ClientConnection extends Connection {
  /** How many more streams may be opened now; 0 for a connection that is going away. */
  readonly room: number;
  /** Sends a request. With `hasEnded` it has no body. Needs {@link room}. */
  open(head: RequestHead, hasEnded: boolean, receiver: ResponseReceiver): Stream;
}

/** Error codes of HTTP/2 (RFC 9113, 7), used for streams of every protocol. */
export const ERROR_CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;
