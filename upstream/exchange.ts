/**
 * One request and its answer on the way to an endpoint, whatever carries them: a handler in this process,
 * a socket, or `fetch`. Imports only the router's header list.
 */
import type { HeaderList } from '../router/table/request.ts';

/** A request ready to be sent to one endpoint. */
export interface UpstreamRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** Path with query, exactly as it goes on the wire. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Null: no body at all (a GET), which is not the same as an empty one. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Aborts when the caller has gone or the deadline has passed. */
  readonly signal: AbortSignal;
}

/** An endpoint's answer. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: HeaderList;
  /** Null: no body (HEAD, 204, 304). Cancelling it resets the upstream's stream; it errors when the upstream breaks off. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Resolves once {@link body} has ended; empty where the protocol has none. Never rejects. */
  readonly trailers: Promise<HeaderList>;
}

/** Something that answers requests for one endpoint. Rejects with {@link UpstreamError} when it gives no answer. */
export interface Upstream {
  send(request: UpstreamRequest): Promise<UpstreamResponse>;
  /** True: it holds the whole body of a request that is no stream, so that the body needs a limit. */
  readonly buffers?: boolean;
  /** Gives idle connections back and lets running exchanges finish. Absent: there is nothing to close. */
  close?(): void;
}

/** How an exchange came to no answer, in Envoy's words with dashes. */
export type ResetReason =
  | 'remote-connection-failure'
  | 'connection-timeout'
  | 'connection-termination'
  | 'remote-reset'
  | 'remote-refused-stream-reset'
  | 'protocol-error'
  | 'local-reset';

/** An upstream that gave no answer, or broke off in the middle of one. */
export class UpstreamError extends Error {
  readonly reason: ResetReason;

  /** `detail` is what the transport said, for logs: `connect ECONNREFUSED 127.0.0.1:3000`. */
  constructor(reason: ResetReason, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'UpstreamError';
    this.reason = reason;
  }
}
