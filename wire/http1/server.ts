/**
 * HTTP/1.1 and HTTP/1.0 from the server's side. One request at a time: the next is read when the answer before it
 * is complete, and waits in the meantime. docs/http1-connection.md draws the states, whose names are those of
 * {@link ServerState}. Source: RFC 9112.
 */
import type { Connection, ServerEvents, StreamReceiver, StreamResetReason } from '../stream.ts';
import { NO_FIELDS } from '../stream.ts';
import type { BodyWriter } from './body-writer.ts';
import { Http1Connection } from './connection.ts';
import { HeadMemo } from './head-memo.ts';
import { LINE, writeField, writeStatusLine } from './head-writer.ts';
import type { Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';
import { reasonOf } from './reason.ts';
import { type Request, RequestReader } from './request-reader.ts';
import { type AnswerOwner, Http1ServerStream } from './server-stream.ts';

/** Where a server's connection stands. */
export type ServerState =
  /** No request under way. */
  | 'idle'
  /** A part of a head has come. */
  | 'head'
  /** A request's body is being read. */
  | 'body'
  /** A request has been read, and its answer is not complete. */
  | 'answer'
  /** A request that wants a tunnel has been read, and there is no answer yet. */
  | 'upgrade'
  /** Bytes go through both ways as they are. */
  | 'tunnel'
  /** The last answer is complete, but not the request: what still comes is read over for a while. */
  | 'linger'
  | 'closed';

/**
 * A server's connection. Errors of the client are answered by itself: 400, 408, 414, 431, 501 or 505 with
 * `connection: close`. An answer that comes before its request has ended is the last one of the connection, whose
 * rest of the request nobody is told of.
 */
export class Http1ServerConnection extends Http1Connection implements Connection, AnswerOwner {
  readonly #events: ServerEvents;
  readonly #scheme: string;
  readonly #explains: boolean;
  readonly #reader: RequestReader;
  readonly #memo = new HeadMemo();
  #state: ServerState = 'idle';
  #stream: Http1ServerStream | undefined = undefined;
  /** Who is told that the last bytes of a complete answer have left. */
  #flushing: StreamReceiver | undefined = undefined;
  #isDraining = false;
  /** The client has ended its side of a tunnel. */
  #hasTunnelEnded = false;
  /** Requests begun in this turn of the loop. */
  #begun = 0;
  #lingeredBytes = 0;
  #lingerDetail = '';

  constructor(
    events: ServerEvents,
    options: {
      scheme: 'http' | 'https';
      limits?: Partial<Http1Limits>;
      nowMs: number;
      /** True: answers to what is wrong say what that is. Default false, as with Envoy. */
      explains?: boolean;
    },
  ) {
    super(events, options.limits, options.nowMs);
    this.#events = events;
    this.#scheme = options.scheme;
    this.#explains = options.explains ?? false;
    this.#reader = new RequestReader(this.limits);
  }

  /** Streams that are not over: one or none. */
  get streamCount(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  override turned(): void {
    this.#begun = 0;
    super.turned();
  }

  /** The client sends no more, or the socket is gone. As with Envoy, a client that ends its side gets no answer. */
  inputEnded(): void {
    const stream = this.#stream;
    switch (this.#state) {
      case 'closed':
        return;
      case 'tunnel':
        if (this.#hasTunnelEnded) return;
        this.#hasTunnelEnded = true;
        stream?.tell((receiver) => receiver.end(NO_FIELDS));
        return;
      case 'linger':
        this.#close(this.#lingerDetail);
        return;
      default: {
        const detail =
          stream === undefined ? 'Closed by the client' : 'Closed by the client within an exchange';
        this.#breakOff('connection-termination', detail);
      }
    }
  }

  /** The next answers say `connection: close`. An idle connection is closed after a while, if no request comes. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#state === 'idle') this.sinceMs = this.nowMs;
  }

  /** The state: `body, answer awaited`. */
  describe(): string {
    const stream = this.#stream;
    const drains = this.#isDraining && this.#state !== 'closed' ? ', draining' : '';
    return `${this.#state}${stream === undefined ? '' : `, answer ${stream.state}`}${drains}`;
  }

  /** For streams: where the answer's body goes. */
  get answer(): BodyWriter {
    return this.writer;
  }

  /** For streams: whether this answer need not be the last. */
  mayGoOn(): boolean {
    return !this.#isDraining && this.#state !== 'body';
  }

  /** For streams: output was written. */
  wroteAnswer(wasEmpty: boolean): void {
    this.wrote(wasEmpty);
  }

  /** For streams: both sides may send what they like. */
  openTunnel(): void {
    this.#state = 'tunnel';
    this.read();
  }

  /** For streams: the request has no body after all. */
  declineTunnel(): void {
    this.#state = 'answer';
    this.#stream?.tell((receiver) => receiver.end(NO_FIELDS));
  }

  /** For streams: the answer is complete. */
  answered(stream: Http1ServerStream, keepAlive: boolean): void {
    if (stream !== this.#stream) return;
    const state = this.#state;
    const endsWithConnection = this.writer.endsWithConnection;
    this.#leave();
    this.#flushing = this.writer.unsent > 0 ? stream.receiver : undefined;
    if (state === 'body' && !endsWithConnection) {
      this.#linger('Answered before the request had ended');
      return;
    }
    if (!keepAlive) {
      if (state === 'tunnel' && !this.#hasTunnelEnded) stream.tell((receiver) => receiver.end(NO_FIELDS));
      this.#close(state === 'tunnel' ? 'Tunnel ended' : 'Last answer sent');
      return;
    }
    this.#state = 'idle';
    this.sinceMs = this.nowMs;
    this.read();
  }

  /** For streams: the answer cannot be completed. */
  breakOff(stream: Http1ServerStream, detail: string): void {
    if (stream === this.#stream) this.fail(detail);
  }

  /** For streams: so many bytes of the request were consumed. */
  consumedRequest(bytes: number): void {
    this.takeBack(bytes);
  }

  protected override get isClosed(): boolean {
    return this.#state === 'closed';
  }

  protected override mayRead(): boolean {
    switch (this.#state) {
      case 'idle':
        // Whoever does not read answers gets no more of them.
        if (this.output.length > this.limits.maxBufferedBytes) return false;
        if (this.#begun < this.limits.maxRequestsPerTurn) return true;
        this.#events.wake();
        return false;
      case 'tunnel':
        return !this.#hasTunnelEnded;
      case 'answer':
      case 'upgrade':
      case 'closed':
        return false;
      default:
        return true;
    }
  }

  protected override readSome(bytes: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'idle':
      case 'head':
        return this.#readHead(bytes, at);
      case 'body':
        return this.#readBody(bytes, at);
      case 'tunnel': {
        const chunk = at === 0 ? bytes : bytes.subarray(at);
        this.handedOver(chunk.length);
        this.#stream!.tell((receiver) => receiver.data(chunk));
        return bytes.length;
      }
      default:
        this.#lingeredBytes += bytes.length - at;
        if (this.#lingeredBytes > this.limits.maxLingerBytes) this.#close(this.#lingerDetail);
        return bytes.length;
    }
  }

  protected override refuse(error: MessageError): void {
    const stream = this.#stream;
    const { status, message } = error;
    const reason = status === 408 ? 'local-reset' : 'protocol-error';
    if (stream !== undefined && stream.state !== 'awaited') {
      this.#breakOff(reason, message); // an answer is under way, which ends here
      return;
    }
    this.#leave();
    const bodyBytes = this.#answerError(status, message, stream?.request.head.method === 'HEAD');
    if (stream === undefined) this.#events.refused?.(status, message, bodyBytes);
    else stream.tell((receiver) => receiver.reset(reason, message));
  }

  protected override fail(detail: string): void {
    this.#breakOff('local-reset', detail);
  }

  protected override tellSent(bytes: number): void {
    if (this.#flushing !== undefined) this.#flushing.sent(bytes);
    else this.#stream?.receiver?.sent(bytes);
  }

  protected override ticked(): void {
    const { limits } = this;
    const passedMs = this.nowMs - this.sinceMs;
    switch (this.#state) {
      case 'idle':
        if (this.#isDraining && passedMs >= limits.drainGraceMs) this.#close('Drained');
        else if (passedMs >= limits.idleTimeoutMs) this.#close('Idle for too long');
        return;
      case 'head':
        if (passedMs >= limits.headTimeoutMs) this.refuse(new MessageError(408, 'Head took too long'));
        return;
      case 'body':
        if (this.isPaused) this.sinceMs = this.nowMs;
        else if (passedMs >= limits.bodyTimeoutMs) this.refuse(new MessageError(408, 'Body took too long'));
        return;
      case 'linger':
        if (passedMs >= limits.lingerMs) this.#close(this.#lingerDetail);
        return;
      default:
    }
  }

  #readHead(bytes: Uint8Array, start: number): number {
    const reader = this.#reader;
    const isFresh = this.#state === 'idle';
    if (isFresh) {
      const known = this.#memo.find(bytes, start);
      if (known !== undefined) {
        const end = start + this.#memo.length;
        this.#begin(known);
        return end;
      }
      this.#state = 'head';
      this.sinceMs = this.nowMs;
    }
    const at = reader.read(bytes, start, bytes.length);
    if (!reader.isDone) return at;
    const request = reader.request(this.#scheme);
    reader.restart();
    if (isFresh) this.#memo.keep(bytes, start, at, request);
    this.#begin(request);
    return at;
  }

  #begin(request: Request): void {
    const { unsent } = this.writer;
    if (unsent > 0) {
      // What is left of the answer before is told no later than now.
      this.writer.unsent = 0;
      this.#flushing?.sent(unsent);
    }
    this.#flushing = undefined;
    this.#begun++;
    if (request.isChunked) this.body.startChunked();
    else this.body.startLength(Math.max(0, request.contentLength));
    const hasBody = !this.body.isDone;
    this.#state = hasBody ? 'body' : request.wantsTunnel ? 'upgrade' : 'answer';
    this.sinceMs = this.nowMs;
    const stream = new Http1ServerStream(this, request);
    this.#stream = stream;
    stream.listen(this.#events.request(stream, request.head, !hasBody && !request.wantsTunnel));
  }

  #readBody(bytes: Uint8Array, start: number): number {
    const { body } = this;
    const stream = this.#stream!;
    const at = body.read(bytes, start, bytes.length);
    this.sinceMs = this.nowMs;
    const { piece } = body;
    if (piece !== undefined) {
      this.handedOver(piece.length);
      stream.receiver!.data(piece);
      if (this.#stream !== stream) return at;
    }
    if (body.isDone) {
      this.#state = 'answer';
      stream.receiver!.end(body.trailers);
    }
    return at;
  }

  /** Ends the connection; a stream that is not over is told. */
  #breakOff(reason: StreamResetReason, detail: string): void {
    const stream = this.#stream;
    this.#leave();
    this.#state = 'closed';
    this.dropInput();
    stream?.tell((receiver) => receiver.reset(reason, detail));
    this.#events.close(detail);
  }

  /** The stream is over: calls on it have no effect. */
  #leave(): void {
    if (this.#stream !== undefined) this.#stream.state = 'complete';
    this.#stream = undefined;
    this.forgetConsumer();
  }

  /** Returns how many bytes the answer's body has. */
  #answerError(status: number, detail: string, isHead: boolean): number {
    const { output } = this;
    const wasEmpty = output.length === 0;
    const text = this.#explains ? `${reasonOf(status)}: ${detail}\n` : reasonOf(status);
    writeStatusLine(output, status);
    writeField(output, 'content-type', 'text/plain');
    writeField(output, 'content-length', String(text.length));
    output.append(LINE.CLOSE);
    output.append(LINE.END);
    if (!isHead) output.latin1(text);
    this.wrote(wasEmpty);
    this.#linger(detail);
    return isHead ? 0 : text.length;
  }

  #linger(detail: string): void {
    this.#state = 'linger';
    this.#lingerDetail = detail;
    this.sinceMs = this.nowMs;
    this.dropInput();
    this.read();
  }

  #close(detail: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.dropInput();
    this.#events.close(detail);
  }
}
