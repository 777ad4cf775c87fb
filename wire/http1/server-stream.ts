/** The answer to one request of HTTP/1: its head, framing and body. Imports the wire's types and the writers. */
import type { ByteWriter } from '../byte-writer.ts';
import type { FieldList, ServerStream, StreamReceiver } from '../stream.ts';
import { BODY, type BodyWriter } from './body-writer.ts';
import { LENGTH, LINE, writeField, writeFields, writeStatusLine } from './head-writer.ts';
import type { Request } from './request-reader.ts';

/** What a stream needs of its connection. */
export interface AnswerOwner {
  readonly output: ByteWriter;
  /** Where the answer's body goes. */
  readonly answer: BodyWriter;
  /** Whether the connection can go on after this answer, for all that it knows. */
  mayGoOn(): boolean;
  /** Output was written. */
  wroteAnswer(wasEmpty: boolean): void;
  /** The answer has status 101: from now on both sides send what they like. */
  openTunnel(): void;
  /** The answer to a request that wanted a tunnel has another status. */
  declineTunnel(): void;
  /** The answer has been written to its end. */
  answered(stream: Http1ServerStream, keepAlive: boolean): void;
  /** The connection cannot go on. */
  breakOff(stream: Http1ServerStream, detail: string): void;
  /** So many bytes of the request were consumed. */
  consumedRequest(bytes: number): void;
}

/** How far an answer is. */
export type AnswerState = 'awaited' | 'sending' | 'complete';

/** A request and its answer. */
export class Http1ServerStream implements ServerStream {
  state: AnswerState = 'awaited';
  /** The client has been asked for the body, or did not wait to be asked. */
  hasContinued: boolean;
  readonly request: Request;
  readonly #owner: AnswerOwner;
  #keepAlive = false;
  #receiver: StreamReceiver | undefined = undefined;
  /** What was to be said before it was known to whom. */
  #early: ((receiver: StreamReceiver) => void) | undefined = undefined;
  /** This side has reset the stream: nothing more is told. */
  #isMuted = false;

  constructor(owner: AnswerOwner, request: Request) {
    this.#owner = owner;
    this.request = request;
    this.hasContinued = !request.expectsContinue;
  }

  inform(status: number, headers: FieldList): void {
    if (this.state !== 'awaited' || this.request.isOld || status < 100 || status > 199 || status === 101)
      return;
    if (status === 100) {
      this.#askForBody();
      return;
    }
    const { output } = this.#owner;
    const before = output.length;
    writeStatusLine(output, status);
    if (writeFields(output, headers, false) === LENGTH.UNSAFE) output.end = output.start + before;
    else output.append(LINE.END);
    this.#owner.wroteAnswer(before === 0);
  }

  /** Says that the client may send the body, once, if it waits for that. */
  #askForBody(): void {
    if (this.hasContinued || this.state !== 'awaited') return;
    this.hasContinued = true;
    const { output } = this.#owner;
    const wasEmpty = output.length === 0;
    output.append(LINE.CONTINUE);
    this.#owner.wroteAnswer(wasEmpty);
  }

  /**
   * Takes an answer's head. One that cannot be sent (a name or value that would be read as something else, a
   * status that is none, a Content-Length that is wrong) is replaced by 502, and the stream is reset.
   */
  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.state !== 'awaited') return;
    const owner = this.#owner;
    const { output } = owner;
    const { request } = this;
    const before = output.length;
    if (!isFinal(status) && !(status === 101 && request.wantsTunnel)) {
      this.#refuse(before, 'Answer with a wrong status');
      return;
    }
    if (request.head.method === 'CONNECT' && status < 300) {
      this.#refuse(before, 'CONNECT opens no tunnel');
      return;
    }
    writeStatusLine(output, status);
    const hasNoBody = request.head.method === 'HEAD' || status === 204 || status === 304;
    const length = writeFields(output, headers, status !== 204 && status !== 101);
    if (length === LENGTH.UNSAFE) {
      this.#refuse(before, 'Answer with a field that cannot be sent');
      return;
    }
    if (length === LENGTH.WRONG || (hasEnded && length > 0 && !hasNoBody)) {
      this.#refuse(before, 'Answer with a wrong Content-Length');
      return;
    }
    if (status === 101) {
      this.#openTunnel(before, headers);
      return;
    }
    this.#keepAlive = request.keepAlive && owner.mayGoOn();
    let kind: number = BODY.NONE;
    if (!hasNoBody) {
      if (hasEnded) {
        if (length < 0) output.append(LINE.NO_LENGTH);
      } else if (length >= 0) kind = BODY.LENGTH;
      else if (!request.isOld) {
        kind = BODY.CHUNKED;
        output.append(LINE.CHUNKED);
      } else {
        kind = BODY.RAW;
        this.#keepAlive = false;
      }
    }
    if (!this.#keepAlive) output.append(LINE.CLOSE);
    else if (request.isOld) output.append(LINE.KEEP_ALIVE);
    output.append(LINE.END);
    owner.answer.start(kind, length);
    this.state = 'sending';
    owner.wroteAnswer(before === 0);
    if (request.wantsTunnel) owner.declineTunnel();
    if (hasEnded) this.#complete();
  }

  write(chunk: Uint8Array): void {
    if (this.state !== 'sending' || chunk.length === 0) return;
    const { answer, output } = this.#owner;
    const wasEmpty = output.length === 0;
    if (!answer.write(chunk)) {
      this.#owner.breakOff(this, 'Answer longer than its Content-Length');
      return;
    }
    // Of an answer without a body nothing waits: it is as good as sent.
    if (output.length === 0) this.tell((receiver) => receiver.sent(answer.takeSent()));
    else this.#owner.wroteAnswer(wasEmpty);
  }

  end(trailers: FieldList): void {
    if (this.state !== 'sending') return;
    const { answer, output } = this.#owner;
    const wasEmpty = output.length === 0;
    if (!answer.end(trailers)) {
      const detail = 'Answer shorter than its Content-Length, or with a trailer that cannot be sent';
      this.#owner.breakOff(this, detail);
      return;
    }
    this.#owner.wroteAnswer(wasEmpty);
    this.#complete();
  }

  consumed(bytes: number): void {
    if (this.state !== 'complete') this.#owner.consumedRequest(bytes);
  }

  /** Breaks the answer off; the connection ends with it, as it has no other way to say so. */
  reset(_code: number): void {
    if (this.state === 'complete') return;
    this.#isMuted = true;
    this.#owner.breakOff(this, 'Reset by this side');
  }

  /** Who is told of the request. */
  get receiver(): StreamReceiver | undefined {
    return this.#receiver;
  }

  /** Says who is told; what was to be told before is told now. */
  listen(receiver: StreamReceiver): void {
    this.#receiver = receiver;
    const early = this.#early;
    this.#early = undefined;
    early?.(receiver);
  }

  /** Tells the receiver, as soon as it is known, unless this side has reset the stream. */
  tell(what: (receiver: StreamReceiver) => void): void {
    if (this.#isMuted) return;
    if (this.#receiver !== undefined) what(this.#receiver);
    else this.#early = what;
  }

  #openTunnel(before: number, headers: FieldList): void {
    const { answer, output } = this.#owner;
    const given = headers.find(([name]) => name.toLowerCase() === 'upgrade')?.[1];
    output.append(LINE.UPGRADE);
    if (!writeField(output, 'upgrade', given ?? this.request.head.upgrade ?? '')) {
      this.#refuse(before, 'Answer with a field that cannot be sent');
      return;
    }
    output.append(LINE.END);
    answer.start(BODY.RAW, 0);
    this.state = 'sending';
    this.#owner.wroteAnswer(before === 0);
    this.#owner.openTunnel();
  }

  #refuse(before: number, detail: string): void {
    const owner = this.#owner;
    const { output } = owner;
    output.end = output.start + before;
    writeStatusLine(output, 502);
    output.append(LINE.NO_LENGTH);
    output.append(LINE.CLOSE);
    output.append(LINE.END);
    owner.wroteAnswer(before === 0);
    this.#keepAlive = false;
    this.#complete();
    this.tell((receiver) => receiver.reset('local-reset', detail));
  }

  #complete(): void {
    this.state = 'complete';
    this.#owner.answered(this, this.#keepAlive);
  }
}

function isFinal(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 999;
}
