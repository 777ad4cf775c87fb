/** What a peer may ask of an HTTP/2 connection. Types and defaults only. */

/** Each on by default. Rates are counted from one tick to the next, about a second. */
export interface Http2Limits {
  /** A header list, decoded, as SETTINGS_MAX_HEADER_LIST_SIZE counts. Default 60 KiB, as Envoy. More is answered 431. */
  readonly maxHeaderListBytes: number;
  /** Streams at a time that the peer may open. Default 100, as Envoy advises at an edge. More are refused. */
  readonly maxConcurrentStreams: number;
  /** What a stream may send before any of it is passed on. Default 64 KiB. */
  readonly streamWindowBytes: number;
  /** The same for all streams of the connection together. Default 1 MiB. */
  readonly connectionWindowBytes: number;
  /** CONTINUATION frames of one header block. Default 32. */
  readonly maxContinuations: number;
  /** Coded bytes of one header block. Default 64 KiB. */
  readonly maxHeaderBlockBytes: number;
  /** Streams ended by RST_STREAM, by the peer or for its errors, per tick. Default 500 for servers, 10,000 for clients. */
  readonly maxResets: number;
  /** PING frames per tick. Default 10,000: gRPC measures by PING, once each round trip while much is sent. */
  readonly maxPings: number;
  /** SETTINGS frames per tick. Default 100. */
  readonly maxSettings: number;
  /**
   * Frames that say nothing, per tick: DATA without a byte, PRIORITY, acknowledgements, unknown types; of each of
   * these by itself WINDOW_UPDATE beyond two for each DATA frame sent, and DATA cut small by a window. Default 1,000.
   */
  readonly maxEmptyFrames: number;
  /**
   * What is dealt with in one turn of the event loop before others have theirs, so that who sends much at once keeps
   * nobody waiting: a frame counts 1, a header block 1 for each 128 bytes of it, a request 12, a stream that is reset
   * 64. Default 512 for servers (32 requests with a body), no limit for clients.
   */
  readonly maxWorkPerTurn: number;
  /** Output that a peer lets pile up. Default 4 MiB. */
  readonly maxOutputBytes: number;
  /** Output is not filled beyond this while the socket is slow. Default 256 KiB. */
  readonly outputHighWaterBytes: number;
  /** For the preface with its SETTINGS, and for any frame but DATA and any header block once it has begun. Default 10 s. */
  readonly headTimeoutMs: number;
  /** For a connection without streams. Default 1 h, as Envoy. */
  readonly idleTimeoutMs: number;
  /** For output that does not move, by socket or window. Default 5 min, as Envoy's `stream_idle_timeout`, which Istio turns off. */
  readonly writeTimeoutMs: number;
  /** For a stream on which nothing moves in either direction. Default 1 h. */
  readonly streamIdleTimeoutMs: number;
  /**
   * A peer that was silent so long while streams are open is asked by PING. 0: never. Default 0 for servers, for
   * clients 5 min: gRPC's servers send away who asks more often (its `min_ping_interval_without_data`).
   */
  readonly pingAfterMs: number;
  /** For the answer to a PING. Default 20 s, gRPC's. */
  readonly pingTimeoutMs: number;
  /** From the first GOAWAY to the one that names the last stream, at most. Default 1 s. */
  readonly drainGraceMs: number;
}

/** See {@link Http2Limits}. */
export const DEFAULT_HTTP2_LIMITS: Http2Limits = {
  maxHeaderListBytes: 60 * 1024,
  maxConcurrentStreams: 100,
  streamWindowBytes: 64 * 1024,
  connectionWindowBytes: 1024 * 1024,
  maxContinuations: 32,
  maxHeaderBlockBytes: 64 * 1024,
  maxResets: 500,
  maxPings: 10_000,
  maxSettings: 100,
  maxEmptyFrames: 1000,
  maxWorkPerTurn: 512,
  maxOutputBytes: 4 * 1024 * 1024,
  outputHighWaterBytes: 256 * 1024,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
  writeTimeoutMs: 300_000,
  streamIdleTimeoutMs: 3_600_000,
  pingAfterMs: 0,
  pingTimeoutMs: 20_000,
  drainGraceMs: 1000,
};
