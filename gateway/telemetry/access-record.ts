/** What an access log can tell of a request. Imports the header list. */
import type { HeaderList } from '../../router/table/request.ts';

/** One request that is over. */
export interface AccessRecord {
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  /** From the end of the request to the head of the upstream's answer; undefined where there was none. */
  readonly serviceMs: number | undefined;
  readonly method: string;
  /** As it went upstream. */
  readonly path: string;
  /** As it came, where a rule has rewritten it. */
  readonly originalPath: string | undefined;
  readonly authority: string;
  readonly scheme: string;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** After the rule's changes. */
  readonly requestHeaders: HeaderList;
  /** As the client got them. */
  readonly responseHeaders: HeaderList;
  readonly trailers: HeaderList;
  /** 0: the client got no answer. */
  readonly status: number;
  /** Of a gRPC request. */
  readonly grpcStatus: number | undefined;
  /** `URX,UF`. */
  readonly flag: string | undefined;
  readonly details: string | undefined;
  /** Why no connection came about, as the transport said it. */
  readonly failureReason: string | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** `10.0.0.1:8080`, of the endpoint that was asked last. */
  readonly upstreamHost: string | undefined;
  readonly cluster: string | undefined;
  readonly routeName: string | undefined;
  readonly attempts: number;
  /** The client's, as those before it tell where they are believed. */
  readonly remoteAddress: string | undefined;
  /** The connection's. */
  readonly directRemoteAddress: string | undefined;
  /** Of the span, where there is one. */
  readonly traceId: string | undefined;
}
