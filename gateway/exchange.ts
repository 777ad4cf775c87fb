/**
 * How a listener and the Hono app hand a call to each other: beside the `Request`, which normalises paths and
 * joins headers, goes the raw head; beside the `Response`, which has no trailers, come the trailers.
 */
import type { HeaderList, RouteRequest } from '../router/table/request.ts';

/** Hono's bindings of a call that came through `listen()`. Of one that came through `fetch`, those of the edge. */
export interface GatewayBindings {
  readonly exchange?: ListenerExchange;
}

/** A call as a listener has it. */
export interface ListenerExchange {
  /** `port` is the listener's own; the gateway puts the service port in its place. */
  readonly head: RouteRequest;
  /** As given with `listen`; absent: the gateway's choice. */
  readonly servicePort?: number;
  /** False where the runtime sends none: native gRPC is then refused. */
  readonly sendsTrailers: boolean;
  /** The body of a method that a `Request` gives none to (GET, HEAD); null for all others. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** Set by the gateway: what to send after the body. The listener reads it once the body has ended. */
  trailers?: Promise<HeaderList>;
}

/** Answers a request; the app's `fetch`. */
export type Answer = (request: Request, exchange: ListenerExchange) => Response | Promise<Response>;
