/**
 * How a listener's call and the Hono app hand each other what the web's types lose: beside the `Request`, which
 * normalises paths and joins headers, goes the raw head; beside the `Response`, which has no trailers, come the trailers.
 */
import type { RouteRequest } from '../router/table/request.ts';
import type { RequestBody } from '../upstream/request-body.ts';
import type { FieldList } from '../wire/stream.ts';

/** Hono's bindings of a call that came through `listen()`. Of one that came through `fetch`, those of the edge. */
export interface GatewayBindings {
  readonly exchange?: ListenerExchange;
}

/** A call as a listener has it. */
export interface ListenerExchange {
  /** `port` is the listener's own; the gateway puts the service port in its place. */
  readonly head: RouteRequest;
  /** As given with `listen`; absent: the gateway's choice. */
  readonly servicePort: number | undefined;
  /** The body of a method that a `Request` gives none to (GET, HEAD); absent for all others. */
  readonly body?: RequestBody;
  /** Set by the gateway before the body ends: what to send after it. */
  trailers?: FieldList;
}
