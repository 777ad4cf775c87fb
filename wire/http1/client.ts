/**
 * HTTP/1.1 from the client's side: one request at a time. docs/http1-connection.md draws the states, whose names
 * are those of {@link ClientState}. Source: RFC 9112.
 */
import type {
  ClientConnection,
  ConnectionEvents,
  RequestHead,
  ResponseReceiver,
  Stream,
  StreamResetReason,
} from '../stream.ts';
import { NO_FIELDS } from '../stream.ts';
import type { BodyWriter } from './body-writer.ts';
import { Http1ClientStream, type RequestOwner } from './client-stream.ts';
import { Http1Connection } from './connection.ts';
import { type Http1Limits, MAX_ANSWER_HEAD_BYTES } from './limit.ts';
import { MessageError } from './message-error.ts';
import { ResponseReader } from './response-reader.ts';

/** Where a client's connection stands. */
export type ClientState =
  /** No request under way: one may be sent. */
  | 'idle'
  /** A request is being sent or has been, and no byte of an answer has come. */
  | 'wait'
  /** A part of an answer's head has come. */
  | 'head'
  /** The answer's body is being read. */
  | 'body'
  /** Bytes go through both ways as they are. */
  | 'tunnel'
  | 'closed';

/**
 * A client's connection. What is wrong in an answer resets the stream with `protocol-error`. A connection that ends
 * before its answer resets it with `connection-termination`, also one that was used before, which the server may have
 * closed as idle: whether the request is sent again is for the rule's retries to say, as in Envoy.
 */
export class Http1ClientConnection extends Http1Connection implements ClientConnection, RequestOwner {
  readonly #events: ConnectionEvents;
  readonly #reader: ResponseReader;
  #state: ClientState = 'idle';
  #stream: Http1ClientStream | undefined = undefined;
  #keepAlive = true;
  #isDraining = false;
  /** The server has ended its side of a tunnel. */
  #hasTunnelEnded = false;

  constructor(events: ConnectionEvents, options: { limits?: Partial<Http1Limits>; nowMs?: number } = {}) {
    super(events, { maxHeadBytes: MAX_ANSWER_HEAD_BYTES, ...options.limits }, options.nowMs ?? 0);
    this.#events = events;
    this.#reader = new ResponseReader(this.limits);
  }

  /** Streams that are not over: one or none. */
  get streamCount(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  /** 1 while idle, else 0. */
  get room(): number {
    return this.canReuse ? 1 : 0;
  }

  /** Idle, and nothing says that it will not be kept. */
  get canReuse(): boolean {
    return this.#state === 'idle' && !this.#isDraining;
  }

  /**
   * Sends a request. One that cannot be sent (a field, path or authority that would be read as something else, a
   * Content-Length that is wrong) is reset with `local-reset` at once, from within, and the connection can be used on;
   * without {@link room} it is reset with `connection-termination`.
   */
  open(head: RequestHead, hasEnded: boolean, receiver: ResponseReceiver): Stream {
    const stream = new Http1ClientStream(this, head, hasEnded, receiver);
    const hasRoom = this.room > 0;
    const refused = hasRoom ? stream.start(head, hasEnded) : 'No room for a request';
    if (refused !== undefined) {
      stream.finish();
      receiver.reset(hasRoom ? 'local-reset' : 'connection-termination', refused);
      return stream;
    }
    this.#stream = stream;
    this.#state = 'wait';
    this.#keepAlive = true;
    this.#reader.restart();
    return stream;
  }

  /**
   * The server sends no more, or the socket is gone. An answer that ends too early is a wrong one; one whose length was
   * not said ends with the connection, unless that broke.
   *
   * Source: Envoy `source/common/http/codec_client.cc` (CodecClient::onEvent), which takes a broken one for an end, too.
   */
  inputEnded(isBroken = false): void {
    switch (this.#state) {
      case 'closed':
        return;
      case 'tunnel':
        if (this.#hasTunnelEnded) return;
        this.#hasTunnelEnded = true;
        this.#stream?.receiver.end(NO_FIELDS);
        return;
      case 'body':
        if (this.body.endsWithConnection && !isBroken) {
          const { receiver } = this.#stream!;
          this.#leave('closed');
          receiver.end(NO_FIELDS);
          this.#events.close('Closed by the server');
          return;
        }
        break;
      default:
    }
    const isAmid = this.#state === 'head' || (this.#state === 'body' && !this.body.endsWithConnection);
    if (isAmid) this.#fail('protocol-error', 'Closed by the server amid its answer');
    else this.#fail('connection-termination', 'Closed by the server');
  }

  /** Closes the connection when it is idle, else after the exchange. */
  drain(): void {
    this.#isDraining = true;
    if (this.#state === 'idle') this.#fail('local-reset', 'Drained');
  }

  /** The state: `body, request sending`. */
  describe(): string {
    const stream = this.#stream;
    const request = stream === undefined ? '' : `, request ${stream.hasEnded ? 'sent' : 'sending'}`;
    return `${this.#state}${request}${this.#isDraining && this.#state !== 'closed' ? ', draining' : ''}`;
  }

  /** For streams: where the request's body goes. */
  get request(): BodyWriter {
    return this.writer;
  }

  /** For streams: output was written. */
  wroteRequest(wasEmpty: boolean): void {
    this.wrote(wasEmpty);
  }

  /** For streams: the request has been written. */
  requestEnded(stream: Http1ClientStream): void {
    if (stream !== this.#stream || this.#state !== 'tunnel') return;
    const hasEnded = this.#hasTunnelEnded;
    this.#leave('closed');
    if (!hasEnded) stream.receiver.end(NO_FIELDS);
    this.#events.close('Tunnel ended');
  }

  /** For streams: the request cannot be completed. */
  breakOff(stream: Http1ClientStream, detail: string, isTold: boolean): void {
    if (stream !== this.#stream) return;
    this.#leave('closed');
    if (isTold) stream.receiver.reset('local-reset', detail);
    this.#events.close(detail);
  }

  /** For streams: so many bytes of the answer were consumed. */
  consumedAnswer(stream: Http1ClientStream, bytes: number): void {
    if (stream === this.#stream) this.takeBack(bytes);
  }

  protected override get isClosed(): boolean {
    return this.#state === 'closed';
  }

  protected override mayRead(): boolean {
    return this.#state !== 'closed' && !this.#hasTunnelEnded;
  }

  protected override readSome(bytes: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'wait':
      case 'head':
        return this.#readHead(bytes, at);
      case 'body':
        return this.#readBody(bytes, at);
      case 'tunnel': {
        const chunk = at === 0 ? bytes : bytes.subarray(at);
        this.handedOver(chunk.length);
        this.#stream!.receiver.data(chunk);
        return bytes.length;
      }
      default:
        this.#fail('protocol-error', 'Bytes that answer no request');
        return bytes.length;
    }
  }

  protected override refuse(error: MessageError): void {
    this.#fail('protocol-error', error.message);
  }

  protected override fail(detail: string): void {
    this.#fail('local-reset', detail);
  }

  protected override tellSent(bytes: number): void {
    this.#stream?.receiver.sent(bytes);
  }

  protected override ticked(): void {
    const passedMs = this.nowMs - this.sinceMs;
    if (this.#state === 'idle' && passedMs >= this.limits.idleTimeoutMs) this.fail('Idle for too long');
  }

  #readHead(bytes: Uint8Array, start: number): number {
    const reader = this.#reader;
    this.#state = 'head';
    const at = reader.read(bytes, start, bytes.length);
    if (reader.isDone) this.#answered(this.unreadBytes - (at - start));
    return at;
  }

  /** A head has been read; so many bytes have come behind it. */
  #answered(behind: number): void {
    const reader = this.#reader;
    const stream = this.#stream!;
    const { status, fields, contentLength, isChunked } = reader;
    reader.check();
    if (status < 200) {
      if (status === 101) {
        if (!stream.wantsTunnel) throw new MessageError(400, 'Answer that switches protocols unasked');
        this.#state = 'tunnel';
        stream.receiver.response(101, fields, false);
        if (this.#stream === stream) stream.openTunnel();
        return;
      }
      reader.restart();
      this.#state = 'wait';
      stream.receiver.inform(status, fields);
      return;
    }
    if (status === 204 && (isChunked || contentLength > 0)) throw new MessageError(400, 'Body of a 204');
    this.#keepAlive = reader.keepAlive;
    if (stream.wantsTunnel) stream.hasEnded = true;
    if (stream.isHead || status === 204 || status === 304) this.body.startLength(0);
    else if (isChunked) this.body.startChunked();
    else if (contentLength >= 0) this.body.startLength(contentLength);
    else this.body.startUntilClose();
    if (this.body.isDone) {
      const isKept = this.#complete(behind);
      stream.receiver.response(status, fields, true);
      if (!isKept) this.#events.close('Last answer read');
      return;
    }
    this.#state = 'body';
    stream.receiver.response(status, fields, false);
  }

  #readBody(bytes: Uint8Array, start: number): number {
    const { body } = this;
    const stream = this.#stream!;
    const at = body.read(bytes, start, bytes.length);
    const { piece } = body;
    if (piece !== undefined) {
      this.handedOver(piece.length);
      stream.receiver.data(piece);
      if (this.#stream !== stream) return at;
    }
    if (body.isDone) {
      const isKept = this.#complete(this.unreadBytes - (at - start));
      stream.receiver.end(body.trailers);
      if (!isKept) this.#events.close('Last answer read');
    }
    return at;
  }

  /**
   * The answer is complete. Returns whether the connection is kept: not when the request has not been sent whole, nor
   * when more bytes have come already, which would be taken for the answer to the next request.
   */
  #complete(behind: number): boolean {
    const isKept = this.#stream!.hasEnded && this.#keepAlive && behind === 0 && !this.#isDraining;
    this.#leave(isKept ? 'idle' : 'closed');
    return isKept;
  }

  #leave(state: 'idle' | 'closed'): void {
    this.#stream?.finish();
    this.#stream = undefined;
    this.#state = state;
    this.sinceMs = this.nowMs;
    this.writer.unsent = 0;
    this.forgetConsumer();
    if (state === 'closed') this.dropInput();
  }

  #fail(reason: StreamResetReason, detail: string): void {
    if (this.#state === 'closed') return;
    const stream = this.#stream;
    this.#leave('closed');
    stream?.receiver.reset(reason, detail);
    this.#events.close(detail);
  }
}
