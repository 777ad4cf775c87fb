/**
 * One call as it passes through, whatever carries it: a connection, the web's `fetch`, or a client in process. It
 * is the stream that the answer is written to, and remembers what became of it, for whoever counts or logs it.
 * Imports the wire's stream types.
 */
import { firstHeader } from '../router/route/header.ts';
import type { Decision, ResponseFlag } from '../router/table/decision.ts';
import type { RouteRequest } from '../router/table/request.ts';
import type { RunningEndpoint } from '../upstream/cluster.ts';
import {
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type ServerStream,
  type StreamResetReason,
} from '../wire/stream.ts';
import { withDate } from './filter/date.ts';

/** When what happened, on the clock of `performance.now()`; 0 where it did not. */
export interface ExchangeTiming {
  /** The request's last byte has come. */
  requestEndedMs: number;
  /** An upstream's answer has begun. */
  answeredMs: number;
}

/** The span of an exchange, in hexadecimal digits. */
export interface ExchangeTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly isSampled: boolean;
}

/** Source: Envoy `source/common/http/conn_manager_impl.cc` (onResetStream, onStreamIdleTimeout), `http2/codec_impl.cc`. */
const GONE: Readonly<Partial<Record<StreamResetReason, readonly [ResponseFlag, string]>>> = {
  'remote-reset': ['DR', 'http2.remote_reset'],
  'local-reset': ['SI', 'stream_idle_timeout'],
};

/** Told once when an exchange is over. */
export type ExchangeEnded = (exchange: Exchange) => void;

/** Lives from a request's head to the end of its answer. */
export class Exchange implements ServerStream {
  /** As the rules see it: hop-by-hop headers gone, nothing normalised. */
  readonly head: RouteRequest;
  /** True: the request has no body. */
  readonly hasEnded: boolean;
  /** The protocol to go on with, if the client asks for one: `websocket`. */
  readonly upgrade: string | undefined;
  /** Of the answer, as the client sees it; 0 before there is one. */
  status = 0;
  /** Of a gRPC answer. */
  grpcStatus: number | undefined;
  /** Envoy's response flags, where something went wrong, in the order in which they were raised: `URX,UF`. */
  flag: string | undefined;
  /** Envoy's word for where the answer comes from, `%RESPONSE_CODE_DETAILS%`: `via_upstream`, `route_not_found`. */
  details: string | undefined;
  isOver = false;
  /** What the router decided; undefined where the request was refused before it was asked. */
  decision: Decision | undefined;
  /** On the clock of `performance.now()`; 0 where nobody asks. */
  startedMs = 0;
  /** Its span; undefined where nothing is traced. */
  trace: ExchangeTrace | undefined;
  /** Undefined where nobody asks. */
  timing: ExchangeTiming | undefined;
  /** The endpoint that was asked last. */
  endpoint: RunningEndpoint | undefined;
  /** Tries; 1 also where there was no endpoint for the first. */
  attempts = 0;
  /** Why the last try came to no connection, as the transport said it. */
  failureReason: string | undefined;
  /** Of the request's body, when it comes from the client and goes to an upstream. */
  receivedBytes = 0;
  /** Of the answer's body. */
  sentBytes = 0;
  /** Of the answer; empty before there is one. */
  responseHeaders: FieldList = NO_FIELDS;
  trailers: FieldList = NO_FIELDS;
  /** Added to the answer's head. Default: none. */
  extraHeaders: FieldList | undefined;
  readonly #stream: ServerStream;
  readonly #ended: ExchangeEnded | undefined;

  constructor(
    stream: ServerStream,
    head: RouteRequest,
    hasEnded: boolean,
    upgrade: string | undefined,
    ended: ExchangeEnded | undefined,
    extraHeaders: FieldList | undefined,
  ) {
    this.#stream = stream;
    this.head = head;
    this.hasEnded = hasEnded;
    this.upgrade = upgrade;
    this.#ended = ended;
    this.extraHeaders = extraHeaders;
  }

  inform(status: number, headers: FieldList): void {
    if (!this.isOver) this.#stream.inform(status, headers);
  }

  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.isOver || this.status !== 0) return;
    this.status = status;
    const { extraHeaders } = this;
    const list = extraHeaders ? [...headers, ...extraHeaders] : headers;
    this.responseHeaders = list;
    this.#stream.respond(status, withDate(list, Date.now()), hasEnded);
    if (!hasEnded) return;
    // gRPC calls this Trailers-Only.
    this.#readGrpcStatus(headers);
    this.#over();
  }

  write(chunk: Uint8Array): void {
    if (this.isOver) return;
    this.sentBytes += chunk.length;
    this.#stream.write(chunk);
  }

  end(trailers: FieldList): void {
    if (this.isOver) return;
    this.#readGrpcStatus(trailers);
    this.trailers = trailers;
    this.#stream.end(trailers);
    this.#over();
  }

  consumed(bytes: number): void {
    this.#stream.consumed(bytes);
  }

  /** Breaks the answer off: the client must see that it is none, or not the whole. */
  reset(code: number = ERROR_CODE.INTERNAL_ERROR): void {
    if (this.isOver) return;
    this.#stream.reset(code);
    this.#over();
  }

  /** Raises a flag, beside those that are raised. */
  raise(flag: ResponseFlag): void {
    this.flag = this.flag === undefined ? flag : `${this.flag},${flag}`;
  }

  /** The client's side is over before the answer is: it has left, given the call up, or taken none of it for too long. */
  gone(reason: StreamResetReason): void {
    if (this.isOver) return;
    const [flag, details] = GONE[reason] ?? ['DC', 'downstream_remote_disconnect'];
    this.raise(flag);
    this.details = details;
    this.#over();
  }

  #readGrpcStatus(fields: FieldList): void {
    if (fields.length === 0) return;
    const value = firstHeader(fields, 'grpc-status');
    if (value !== undefined) this.grpcStatus = Number(value);
  }

  #over(): void {
    this.isOver = true;
    this.#ended?.(this);
  }
}
