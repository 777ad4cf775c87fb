/** A server's HTTP/2 connection: requests come, answers go (RFC 9113, 8). */
import { ERROR_CODE, type ServerEvents } from '../stream.ts';
import type { ConnectionState } from './connection.ts';
import { Http2Error } from './error.ts';
import { MAX_31, PREFACE } from './frame.ts';
import { type DecodedRequest, RequestFields, ResponseFields } from './head.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limit.ts';
import { ReceivingConnection } from './receiving-connection.ts';
import { RequestMemo } from './request-memo.ts';
import { SETTING, writeSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';

/** See the fields. */
export interface Http2ServerOptions {
  readonly limits?: Partial<Http2Limits>;
  /** Now, on the clock of `tick`. */
  readonly nowMs: number;
}

/** What the PING of a drain begins with, to know its answer. */
const DRAIN_PING = 1;

/** See the module. What it says first waits in its output from the start. */
export class Http2ServerConnection extends ReceivingConnection {
  readonly #events: ServerEvents;
  readonly #request = new RequestFields();
  readonly #trailers = new ResponseFields();
  readonly #memo = new RequestMemo();
  #isDraining = false;
  /** The client has said that it goes away. */
  #isLeft = false;
  /** Streams beyond were told by GOAWAY that nobody looks at them. Undefined: they were told nothing yet. */
  #lastServedId: number | undefined;
  #drainUntilMs: number | undefined;

  constructor(events: ServerEvents, { limits = {}, nowMs }: Http2ServerOptions) {
    super(events, { ...DEFAULT_HTTP2_LIMITS, ...limits }, nowMs);
    this.#events = events;
    const { maxConcurrentStreams, streamWindowBytes, maxHeaderListBytes, connectionWindowBytes } =
      this.limits;
    writeSettings(this.output, [
      [SETTING.MAX_CONCURRENT_STREAMS, maxConcurrentStreams],
      [SETTING.INITIAL_WINDOW_SIZE, streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, maxHeaderListBytes],
      [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
    ]);
    if (connectionWindowBytes > 65_535) this.sendWindowUpdate(0, connectionWindowBytes - 65_535);
  }

  drain(): void {
    if (this.#isDraining || this.state === 'closed') return;
    this.#isDraining = true;
    if (this.state === 'open') this.state = 'draining';
    // First that no new streams are wanted, and after a round trip which was the last one (RFC 9113, 6.8).
    this.writer.goaway(MAX_31, ERROR_CODE.NO_ERROR, '');
    this.writer.ping(DRAIN_PING);
    this.#drainUntilMs = this.nowMs + this.limits.drainGraceMs;
  }

  protected override get lastServedId(): number {
    return this.#lastServedId ?? this.lastPeerId;
  }

  protected override began(): ConnectionState {
    return this.#isDraining ? 'draining' : 'open';
  }

  protected override pinged(number: number): void {
    if (number === DRAIN_PING && this.#drainUntilMs !== undefined) this.#endDrain();
  }

  protected override ticked(): void {
    if (this.#drainUntilMs !== undefined && this.nowMs >= this.#drainUntilMs) this.#endDrain();
  }

  #endDrain(): void {
    this.#drainUntilMs = undefined;
    this.#lastServedId = this.lastPeerId;
    this.writer.goaway(this.lastPeerId, ERROR_CODE.NO_ERROR, '');
    this.settle();
  }

  protected override emptied(): void {
    if (this.#isLeft || this.#lastServedId !== undefined) this.close('Drained');
  }

  /** The client needs the connection no longer than for what is under way. */
  protected override wentAway(): void {
    this.#isLeft = true;
    this.state = 'draining';
    this.settle();
  }

  override preface(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, PREFACE.length);
    for (let at = 0; at < count; at++) {
      if (bytes[at] !== PREFACE.charCodeAt(at))
        throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'The preface is not that of HTTP/2');
    }
    return count < PREFACE.length ? -1 : PREFACE.length;
  }

  /** Who does not read answers is asked for no more of what they answer. A client's side does read on, so that two of ours never wait for each other. */
  override get takesFrames(): boolean {
    return super.takesFrames && this.output.length <= this.limits.outputHighWaterBytes;
  }

  protected override isIdle(id: number): boolean {
    return id > this.lastPeerId || (id & 1) === 0;
  }

  protected override headers(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    hasEnded: boolean,
  ): void {
    const stream = this.streams.get(id);
    if (stream) return this.#trailersOf(stream, bytes, start, end, hasEnded);
    if ((id & 1) === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A client opened an even stream');
    if (id <= this.lastPeerId) {
      this.#pass(bytes, start, end);
      if (this.closedStreams.wasReset(id)) return;
      const code = this.closedStreams.has(id) ? ERROR_CODE.STREAM_CLOSED : ERROR_CODE.PROTOCOL_ERROR;
      throw new Http2Error(code, 'HEADERS on a stream that is over');
    }
    this.lastPeerId = id;
    if (this.#lastServedId !== undefined) {
      this.closedStreams.add(id, true);
      return this.#pass(bytes, start, end);
    }
    const request = this.#decode(bytes, start, end);
    if (!request && this.decoder.isTooLarge) return this.#answer(id, hasEnded, 431);
    if (!request || (hasEnded && request.contentLength > 0))
      return this.refuse(id, ERROR_CODE.PROTOCOL_ERROR);
    if (this.streams.size >= this.limits.maxConcurrentStreams)
      return this.refuse(id, ERROR_CODE.REFUSED_STREAM);
    this.guard.request();
    const opened = this.#open(id, hasEnded);
    opened.expectedBytes = request.contentLength;
    const receiver = this.#events.request(opened, request.head, hasEnded);
    if (opened.isClosed) return;
    opened.receiver = receiver;
    if (opened.sentEarly > 0) receiver.sent(opened.sentEarly);
  }

  #open(id: number, hasEnded: boolean): Http2Stream {
    const stream = new Http2Stream(this, id, this.peer.initialWindowBytes, this.receiveWindowBytes);
    stream.remoteEnded = hasEnded;
    this.streams.set(id, stream);
    return stream;
  }

  /** An answer without a body to a request that nobody sees. */
  #answer(id: number, hasEnded: boolean, status: number): void {
    if (this.streams.size >= this.limits.maxConcurrentStreams)
      return this.refuse(id, ERROR_CODE.REFUSED_STREAM);
    this.#open(id, hasEnded).respond(status, [], true);
  }

  /** Undefined for a malformed request. */
  #decode(bytes: Uint8Array, start: number, end: number): DecodedRequest | undefined {
    const { decoder } = this;
    const { version } = decoder;
    const known = this.#memo.find(bytes, start, end, version);
    if (known) return known;
    const fields = this.#request;
    fields.clear();
    decoder.decode(bytes, start, end, fields);
    const request = decoder.isMalformed || decoder.isTooLarge ? undefined : fields.finish();
    if (request && decoder.version === version) this.#memo.remember(bytes, start, end, version, request);
    return request;
  }

  #trailersOf(stream: Http2Stream, bytes: Uint8Array, start: number, end: number, hasEnded: boolean): void {
    const fields = this.#trailers;
    fields.clear();
    this.decoder.decode(bytes, start, end, fields);
    if (stream.remoteEnded) return this.breach(stream, ERROR_CODE.STREAM_CLOSED, 'HEADERS after the end');
    const trailers = this.decoder.isMalformed || this.decoder.isTooLarge ? undefined : fields.trailers();
    if (!hasEnded || !trailers) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'Malformed trailers');
    const { expectedBytes, receivedBytes } = stream;
    if (expectedBytes !== -1 && expectedBytes !== receivedBytes)
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says');
    this.remoteEnd(stream, trailers);
  }

  /** Decodes a block that nobody wants, as the table must follow. */
  #pass(bytes: Uint8Array, start: number, end: number): void {
    this.#trailers.clear();
    this.decoder.decode(bytes, start, end, this.#trailers);
  }
}
