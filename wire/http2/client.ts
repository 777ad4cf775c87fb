/** A client's HTTP/2 connection: requests go, answers come (RFC 9113, 8). */
import {
  type ClientConnection,
  type ConnectionEvents,
  ERROR_CODE,
  type RequestHead,
  type ResponseReceiver,
  type Stream,
} from '../stream.ts';
import { Http2Connection } from './connection.ts';
import { Http2Error } from './error.ts';
import { MAX_31, PREFACE } from './frame.ts';
import { ResponseFields } from './head.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limit.ts';
import { SETTING, writeSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';

/** See the fields. */
export interface Http2ClientOptions {
  readonly limits?: Partial<Http2Limits>;
  /** Now, on the clock of `tick`. */
  readonly nowMs: number;
}

const CLIENT_LIMITS: Http2Limits = { ...DEFAULT_HTTP2_LIMITS, pingAfterMs: 30_000 };

/** See the module. The preface and what follows it wait in its output from the start. */
export class Http2ClientConnection extends Http2Connection implements ClientConnection {
  readonly #fields = new ResponseFields();
  #nextId = 1;

  constructor(events: ConnectionEvents, { limits = {}, nowMs }: Http2ClientOptions) {
    super(events, { ...CLIENT_LIMITS, ...limits }, nowMs);
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
    if (this.state === 'draining' || this.state === 'closed' || this.#nextId > MAX_31) return 0;
    return Math.max(0, this.peer.maxConcurrentStreams - this.streams.size);
  }

  open(head: RequestHead, hasEnded: boolean, receiver: ResponseReceiver): Stream {
    if (this.room === 0) throw new RangeError('Cannot open a stream: the connection has no room');
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new Http2Stream(this, id, this.peer.initialWindowBytes, this.receiveWindowBytes);
    stream.receiver = receiver;
    stream.isBodiless = head.method === 'HEAD';
    stream.isTunnel = head.upgrade !== undefined;
    this.streams.set(id, stream);
    const at = this.beginBlock();
    this.encode(':method', stream.isTunnel ? 'CONNECT' : head.method);
    this.encode(':scheme', head.scheme);
    if (head.authority !== '') this.encode(':authority', head.authority);
    this.encode(':path', head.path);
    if (head.upgrade !== undefined) this.encode(':protocol', head.upgrade);
    this.encodeAll(head.headers);
    this.endBlock(at, id, hasEnded);
    stream.localEnded = hasEnded;
    return stream;
  }

  drain(): void {
    if (this.state === 'closed') return;
    this.state = 'draining';
    this.emptied();
  }

  protected override emptied(): void {
    if (this.state === 'draining' && this.streamCount === 0) this.close('Drained');
  }

  /** Streams beyond the last one were not looked at: they can be sent elsewhere. */
  protected override wentAway(lastId: number): void {
    if (this.isClosed) return;
    this.state = 'draining';
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastId) continue;
      const { receiver } = stream;
      this.remove(stream, true);
      receiver.reset('remote-refused-stream-reset', 'The peer went away before it looked at the stream');
    }
    this.emptied();
  }

  protected override preface(): number {
    return 0;
  }

  protected override isIdle(id: number): boolean {
    return id >= this.#nextId || (id & 1) === 0;
  }

  protected override headers(id: number, bytes: Uint8Array, start: number, end: number, hasEnded: boolean): void {
    const fields = this.#fields;
    fields.clear();
    this.decoder.decode(bytes, start, end, fields);
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.isIdle(id)) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS on an idle stream');
      if (!this.closedStreams.wasReset(id)) this.refuse(id, ERROR_CODE.STREAM_CLOSED);
      return;
    }
    stream.movedMs = this.nowMs;
    if (stream.remoteEnded) return this.breach(stream, ERROR_CODE.STREAM_CLOSED, 'HEADERS after the end');
    const isBad = this.decoder.isMalformed || fields.isMalformed;
    if (isBad) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'A malformed head');
    if (this.decoder.isTooLarge) return this.breach(stream, ERROR_CODE.CANCEL, 'A head that is too large');
    if (stream.hasAnswer) return this.#trailers(stream, hasEnded);
    this.#answer(stream, hasEnded);
  }

  #answer(stream: Http2Stream, hasEnded: boolean): void {
    const { headers, contentLength } = this.#fields;
    let { status } = this.#fields;
    if (status === 0 || status === 101) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'No valid status');
    const receiver = stream.receiver as ResponseReceiver;
    if (status < 200) {
      if (hasEnded) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'An informational answer that ends');
      return receiver.inform(status, headers);
    }
    if (stream.isTunnel && status === 200) status = 101;
    stream.hasAnswer = true;
    const isBodiless = stream.isBodiless || status === 204 || status === 304;
    if (!isBodiless) stream.expectedBytes = contentLength;
    if (hasEnded && stream.expectedBytes > 0)
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says');
    if (hasEnded) {
      stream.remoteEnded = true;
      if (stream.localEnded) this.remove(stream, false);
    }
    receiver.response(status, headers, hasEnded);
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
