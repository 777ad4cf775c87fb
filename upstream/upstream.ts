/**
 * What answers requests for one endpoint, whatever carries them: a connection, a handler in this process, or
 * `fetch`. Imports the wire's stream types.
 */
import type { RequestHead, ResponseReceiver, Stream, StreamResetReason } from '../wire/stream.ts';

/** How an exchange with an endpoint broke off, in Envoy's words with dashes. */
export type ResetReason =
  | StreamResetReason
  | 'remote-connection-failure'
  | 'connection-timeout'
  /** Circuit breaking refused the request: the endpoint has not seen it, and is not to blame. */
  | 'overflow';

/** Told of the answer. Events never come from within {@link Upstream.open} itself, and none follows `reset`. */
export interface UpstreamReceiver extends Omit<ResponseReceiver, 'reset'> {
  /** No answer, or none to the end. `detail` is what the transport said, for logs: `connect ECONNREFUSED 127.0.0.1:3000`. */
  reset(reason: ResetReason, detail: string): void;
}

/** An endpoint that can be asked. */
export interface Upstream {
  /**
   * Sends a request; connects first where that is needed. With `hasEnded` it has no body, else the body and its
   * end are written to the stream returned.
   */
  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream;
  /**
   * Gives idle connections back and lets running exchanges finish, or with `isNow` breaks them off. Default false. Absent:
   * there is nothing to close.
   */
  close?(isNow?: boolean): void;
}
