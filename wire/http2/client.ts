/** A client's HTTP/2 connection: requests go, answers come (RFC 9113, 8). */
import {
  type ClientConnection,
  type ConnectionEvents,
  ERROR_CODE,
  type RequestHead,
  type ResponseReceiver,
  type Stream,
} from '../stream.ts';
import type { ConnectionState } from './connection.ts';
import { Http2Error } from './error.ts';
import { MAX_31, PREFACE } from './frame.ts';
import { ResponseFields } from './head.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limit.ts';
import { ReceivingConnection } from './receiving-connection.ts';
import { SETTING, writeSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';

/** See the fields. */
export interface Http2ClientOptions {
  readonly limits?: Partial<Http2Limits>;
  /** Now, on the clock of `tick`. */
  readonly nowMs: number;
  /** The first stream's id, an odd number; higher ones come sooner to the last. Default 1. */
  readonly firstStreamId?: number;
}

/** Servers reset streams for reasons of their own: each request, say, that they answer before its end. */
const CLIENT_LIMITS: Http2Limits = {
  ...DEFAULT_HTTP2_LIMITS,
  pingAfterMs: 300_000,
  maxResets: 10_000,
  maxWorkPerTurn: Number.POSITIVE_INFINITY,
};

/** See the module. The preface and what follows it wait in its output from the start. */
export class Http2ClientConnection extends ReceivingConnection implements ClientConnection {
  readonly #fields = new ResponseFields();
  #isDraining = false;
  #nextId: number;

  constructor(events: ConnectionEvents, { limits = {}, nowMs, firstStreamId = 1 }: Http2ClientOptions) {
    super(events, { ...CLIENT_LIMITS, ...limits }, nowMs);
    this.#nextId = firstStreamId;
    const { streamWindowBytes, maxHeaderListBytes, connectionWindowBytes } = this.limits;
    this.output.latin1(PREFACE);
    writeSettings(this.output, [
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.INITIAL_WINDOW_SIZE, streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, maxHeaderListBytes],
    ]);
    if (connectionWindowBytes > 65_535) this.sendWindowUpdate(0, connectionWindowBytes - 65_535);
  }

  get room(): number {
    if (this.#isDraining || this.state === 'closed') return 0;
    return Math.max(0, this.peer.maxConcurrentStreams - this.streams.size);
  }

  open(head: RequestHead, hasEnded: boolean, receiver: ResponseReceiver): Stream {
    if (this.room === 0) throw new RangeError('Cannot open a stream: the connection has no room');
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new Http2Stream(this, id, this.peer.initialWindowBytes, this.receiveWindowBytes);
    stream.receiver = receiver;
    stream.awaitsHead = true;
    stream.isBodiless = head.method === 'HEAD';
    stream.isTunnel = head.upgrade !== undefined;
    this.streams.set(id, stream);
    const at = this.writer.beginBlock();
    this.writer.field(':method', stream.isTunnel ? 'CONNECT' : head.method);
    // A CONNECT to another host has neither scheme nor path (RFC 9113, 8.5).
    const hasPath = stream.isTunnel || head.method !== 'CONNECT';
    if (hasPath) this.writer.field(':scheme', head.scheme);
    if (head.authority !== '') this.writer.field(':authority', head.authority);
    if (hasPath) this.writer.field(':path', head.path);
    if (head.upgrade !== undefined) this.writer.field(':protocol', head.upgrade);
    this.writer.fields(head.headers);
    this.writer.endBlock(at, id, hasEnded);
    stream.localEnded = hasEnded;
    // That was the last id: further requests need another connection (RFC 9113, 5.1.1).
    if (this.#nextId > MAX_31) this.drain();
    return stream;
  }

  drain(): void {
    if (this.state === 'closed') return;
    this.#isDraining = true;
    if (this.state === 'open') this.state = 'draining';
    this.settle();
  }

  protected override began(): ConnectionState {
    return this.#isDraining ? 'draining' : 'open';
  }

  protected override emptied(): void {
    if (this.#isDraining) this.close('Drained');
  }

  /** Streams beyond the last one were not looked at: they can be sent elsewhere. */
  protected override wentAway(lastId: number): void {
    this.#isDraining = true;
    this.state = 'draining';
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastId) continue;
      const { receiver } = stream;
      this.remove(stream, true);
      receiver.reset('remote-refused-stream-reset', 'The peer went away before it looked at the stream');
    }
    this.settle();
  }

  override preface(): number {
    return 0;
  }

  protected override isIdle(id: number): boolean {
    return id >= this.#nextId || (id & 1) === 0;
  }

  protected override headers(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    hasEnded: boolean,
  ): void {
    const fields = this.#fields;
    fields.clear();
    this.decoder.decode(bytes, start, end, fields);
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.isIdle(id)) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS on an idle stream');
      // One that is over, or was: many may be, so the oldest are not known any more.
      if (this.closedStreams.has(id) && !this.closedStreams.wasReset(id))
        this.refuse(id, ERROR_CODE.STREAM_CLOSED);
      else this.guard.emptyFrame();
      return;
    }
    stream.movedMs = this.nowMs;
    if (stream.remoteEnded) return this.breach(stream, ERROR_CODE.STREAM_CLOSED, 'HEADERS after the end');
    const isBad = this.decoder.isMalformed || fields.isMalformed;
    if (isBad) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'A malformed head');
    if (this.decoder.isTooLarge) return this.breach(stream, ERROR_CODE.CANCEL, 'A head that is too large');
    if (!stream.awaitsHead) return this.#trailers(stream, hasEnded);
    this.#answer(stream, hasEnded);
  }

  #answer(stream: Http2Stream, hasEnded: boolean): void {
    const { headers, contentLength } = this.#fields;
    let { status } = this.#fields;
    if (status === 0 || status === 101)
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'No valid status');
    const receiver = stream.receiver as ResponseReceiver;
    if (status < 200) {
      if (hasEnded)
        return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'An informational answer that ends');
      this.guard.emptyFrame();
      return receiver.inform(status, headers);
    }
    stream.awaitsHead = false;
    if (stream.isBodiless || status === 204 || status === 304) stream.expectedBytes = 0;
    else if (!stream.isTunnel || status >= 300) stream.expectedBytes = contentLength;
    // The tunnel is open (RFC 8441, 5), which HTTP/1.1 says with 101.
    if (stream.isTunnel && status < 300) status = 101;
    if (hasEnded && stream.expectedBytes > 0)
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says');
    if (hasEnded) {
      stream.remoteEnded = true;
      if (stream.localEnded) this.remove(stream, false);
    }
    receiver.response(status, headers, hasEnded);
    this.settle();
  }

  #trailers(stream: Http2Stream, hasEnded: boolean): void {
    const trailers = this.#fields.trailers();
    if (!hasEnded || !trailers) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'Malformed trailers');
    const { expectedBytes, receivedBytes } = stream;
    if (expectedBytes !== -1 && expectedBytes !== receivedBytes)
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says');
    this.remoteEnd(stream, trailers);
  }
}
