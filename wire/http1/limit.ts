/** What one HTTP/1 connection may cost. Imports nothing. */

/** The limits of a connection, of servers and clients alike where nothing else is said. */
export interface Http1Limits {
  /** Bytes of a head, from the first of its start line to the blank line, and of a trailer section. Default of requests 60 KiB, of answers 80 KiB, as Envoy's `max_request_headers_kb` and `max_response_headers_kb`. */
  readonly maxHeadBytes: number;
  /** Whether a request may have a method that Envoy does not know; else it is answered 400. Default false, as Envoy's `allow_custom_methods`. */
  readonly allowCustomMethods: boolean;
  /** Fields of a head, and of a trailer section. Default 100, as Envoy's `max_headers_count`. */
  readonly maxHeaders: number;
  /** Bytes of chunk extensions in one message; they are read over. Default 16 KiB, as Node's. */
  readonly maxChunkExtensionBytes: number;
  /** Bytes that are held, of a body that nobody has consumed and of requests that wait for their turn, before input is paused. Default 64 KiB. */
  readonly maxBufferedBytes: number;
  /**
   * Requests that are begun in one turn of the event loop; those behind them wait for the next, so that who sends many
   * at once keeps nobody waiting. Servers only. Default 1, as nginx.
   */
  readonly maxRequestsPerTurn: number;
  /** From the first byte of a head to its last. A request that takes longer is answered with 408; answers may take as long as whoever waits for them. Servers only. Default 10 s, as HAProxy's guide advises. */
  readonly headTimeoutMs: number;
  /** A connection without a request is closed after this long. Default 1 h, as Envoy's `idle_timeout`. */
  readonly idleTimeoutMs: number;
  /** Without a byte of a request's body while one is waited for. Default 5 min, as Envoy's `stream_idle_timeout`. Not of answers. */
  readonly bodyTimeoutMs: number;
  /** Output waits and the peer takes none of it. Default 5 min, as Envoy's `stream_idle_timeout`, which Istio turns off. */
  readonly writeTimeoutMs: number;
  /** An idle connection that is drained is kept this long, for a request that is on its way. Servers only. Default 1 s. */
  readonly drainGraceMs: number;
  /** After an answer that came before the request had ended, input is read over for this long before the connection is closed, so that the client gets to read it. Servers only. Default 1 s, as Envoy's `delayed_close_timeout`. */
  readonly lingerMs: number;
  /** The most bytes that are read over so. Default 256 KiB. */
  readonly maxLingerBytes: number;
}

/** The limits of a server where nothing else is said. */
export const HTTP1_LIMITS: Http1Limits = {
  maxHeadBytes: 60 * 1024,
  allowCustomMethods: false,
  maxHeaders: 100,
  maxChunkExtensionBytes: 16 * 1024,
  maxBufferedBytes: 64 * 1024,
  maxRequestsPerTurn: 1,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
  bodyTimeoutMs: 300_000,
  writeTimeoutMs: 300_000,
  drainGraceMs: 1_000,
  lingerMs: 1_000,
  maxLingerBytes: 256 * 1024,
};

/** {@link Http1Limits.maxHeadBytes} of a client where nothing else is said. */
export const MAX_ANSWER_HEAD_BYTES: number = 80 * 1024;
