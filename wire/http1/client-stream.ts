/** A request of HTTP/1 that is being sent: what is written to it. Imports the wire's types and the writer of bodies. */
import type { ByteWriter } from '../byte-writer.ts';
import { ChunkQueue } from '../chunk-queue.ts';
import type { FieldList, RequestHead, ResponseReceiver, Stream } from '../stream.ts';
import { BODY, type BodyWriter } from './body-writer.ts';
import { LENGTH, LINE, writeField, writeFields, writeRequestLine } from './head-writer.ts';
import { isHost } from './request-reader.ts';

/** What a stream needs of its connection. */
export interface RequestOwner {
  readonly output: ByteWriter;
  /** Where the request's body goes. */
  readonly request: BodyWriter;
  /** Output was written. */
  wroteRequest(wasEmpty: boolean): void;
  /** The request has been written to its end, or a tunnel's this side. */
  requestEnded(stream: Http1ClientStream): void;
  /** The connection cannot go on; `isTold`: the receiver gets to know. */
  breakOff(stream: Http1ClientStream, detail: string, isTold: boolean): void;
  /** So many bytes of the answer were consumed. */
  consumedAnswer(stream: Http1ClientStream, bytes: number): void;
}

/** Methods that say nothing of a body that they do not have. Source: as recorded of Envoy 1.40. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE']);

/** A request and its answer. */
export class Http1ClientStream implements Stream {
  readonly receiver: ResponseReceiver;
  readonly isHead: boolean;
  /** A tunnel is asked for: what is written waits for the answer. */
  readonly wantsTunnel: boolean;
  /** The request has been written to its end. */
  hasEnded: boolean;
  readonly #owner: RequestOwner;
  /** What is written before a tunnel opens. */
  readonly #early = new ChunkQueue();
  #isTunnel = false;
  /** Nothing can be written: the stream is over. */
  #isOver = false;

  constructor(owner: RequestOwner, head: RequestHead, hasEnded: boolean, receiver: ResponseReceiver) {
    this.#owner = owner;
    this.receiver = receiver;
    this.isHead = head.method === 'HEAD';
    this.wantsTunnel = head.upgrade !== undefined;
    this.hasEnded = hasEnded && !this.wantsTunnel;
  }

  /** Writes the head. Returns why it cannot be sent, and then has written nothing. */
  start(head: RequestHead, hasEnded: boolean): string | undefined {
    const { output, request } = this.#owner;
    const before = output.length;
    const refused = this.#writeHead(head, hasEnded, output, request);
    if (refused !== undefined) output.end = output.start + before;
    else this.#owner.wroteRequest(before === 0);
    return refused;
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver || this.hasEnded) return;
    if (this.wantsTunnel && !this.#isTunnel) {
      this.#early.push(chunk);
      return;
    }
    const { output, request } = this.#owner;
    const wasEmpty = output.length === 0;
    if (request.write(chunk)) this.#owner.wroteRequest(wasEmpty);
    else this.#owner.breakOff(this, 'Request longer than its Content-Length', true);
  }

  end(trailers: FieldList): void {
    if (this.#isOver || this.hasEnded) return;
    this.hasEnded = true;
    if (this.wantsTunnel && !this.#isTunnel) return;
    const { output, request } = this.#owner;
    const wasEmpty = output.length === 0;
    if (!request.end(trailers)) {
      const detail = 'Request shorter than its Content-Length, or with a trailer that cannot be sent';
      this.#owner.breakOff(this, detail, true);
      return;
    }
    this.#owner.wroteRequest(wasEmpty);
    this.#owner.requestEnded(this);
  }

  consumed(bytes: number): void {
    this.#owner.consumedAnswer(this, bytes);
  }

  /** Breaks the request off; the connection ends with it. */
  reset(_code: number): void {
    if (!this.#isOver) this.#owner.breakOff(this, 'Reset by this side', false);
  }

  /** The stream is over. */
  finish(): void {
    this.#isOver = true;
    this.#early.takeAll();
  }

  /** The answer opens the tunnel: what waited is sent. */
  openTunnel(): void {
    const { output, request } = this.#owner;
    this.#isTunnel = true;
    const wasEmpty = output.length === 0;
    request.start(BODY.RAW, 0);
    for (const chunk of this.#early.takeAll()) request.write(chunk);
    this.#owner.wroteRequest(wasEmpty);
    if (this.hasEnded) this.#owner.requestEnded(this);
  }

  #writeHead(
    head: RequestHead,
    hasEnded: boolean,
    output: ByteWriter,
    request: BodyWriter,
  ): string | undefined {
    const { method, authority, path, headers, upgrade } = head;
    const isPath = path.charCodeAt(0) === 0x2f || (path === '*' && method === 'OPTIONS');
    if (
      method === 'CONNECT' ||
      !isPath ||
      !isHost(authority) ||
      !writeRequestLine(output, method, path, authority)
    ) {
      return 'Request with a method, path or authority that cannot be sent';
    }
    const length = writeFields(output, headers, true);
    if (length === LENGTH.UNSAFE) return 'Request with a field that cannot be sent';
    if (length === LENGTH.WRONG || (length > 0 && (hasEnded || this.wantsTunnel))) {
      return 'Request with a wrong Content-Length';
    }
    if (upgrade !== undefined) {
      output.append(LINE.UPGRADE);
      if (!writeField(output, 'upgrade', upgrade)) return 'Request with an Upgrade that cannot be sent';
    } else if (hasEnded) {
      // A method that may have a body says that there is none (RFC 9110, 8.6).
      if (length < 0 && !BODILESS.has(method)) output.append(LINE.NO_LENGTH);
    } else if (length >= 0) request.start(BODY.LENGTH, length);
    else {
      output.append(LINE.CHUNKED);
      request.start(BODY.CHUNKED, 0);
    }
    output.append(LINE.END);
    return undefined;
  }
}
