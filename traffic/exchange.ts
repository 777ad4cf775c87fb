/**
 * One call as it passes through: what the client sent, and what it gets. Shared by sockets, `fetch` and whoever
 * else carries calls. Imports the router's data types.
 */
import type { ResponseFlag } from '../router/table/decision.ts';
import type { HeaderList, RouteRequest } from '../router/table/request.ts';

/** A call from a client. */
export interface DownstreamRequest {
  /** As the rules see it: hop-by-hop headers gone, nothing normalised. */
  readonly head: RouteRequest;
  /** Null: no body at all. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** What the client gets. */
export interface DownstreamResponse {
  readonly status: number;
  readonly headers: HeaderList;
  /** Errors when the answer breaks off: the client must then see a reset, not an end. */
  readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
  /** Resolves once the body has ended, whatever the outcome. Never rejects. */
  readonly trailers: Promise<HeaderList>;
  /** Resolves when the exchange is over, with Envoy's response flag where it went wrong. Never rejects. */
  readonly ended: Promise<ResponseFlag | undefined>;
}
