/**
 * A unary call on the shortest way: bytes to message to handler to bytes, without a web stream. A request that
 * turns out to be unusual before its handler has run goes to Connect's handlers with all that has come. Imports
 * @connectrpc/connect.
 */
import { create } from '@bufbuild/protobuf';
import { ENVELOPE_HEAD_BYTES, readEnvelopeLength } from '../../wire/grpc/envelope.ts';
import type { FieldList, RequestHead, Stream } from '../../wire/stream.ts';
import type { Universal } from '../in-process.ts';
import type { ProgramStream } from '../program-stream.ts';
import type { UpstreamReceiver } from '../upstream.ts';
import { type Answer, answerError, answerMessage } from './lean-answer.ts';
import { LeanContext } from './lean-context.ts';
import type { LeanMethod } from './lean-method.ts';
import type { LeanRequest } from './lean-request.ts';
import { serviceFailure } from './service.ts';

/** The stream of such a call. */
export class LeanCall implements Stream {
  readonly #method: LeanMethod;
  readonly #head: RequestHead;
  readonly #request: LeanRequest;
  readonly #receiver: UpstreamReceiver;
  readonly #universal: Universal;
  readonly #context: LeanContext;
  readonly #isEnveloped: boolean;
  #first: Uint8Array | undefined;
  /** What came after the first piece, which is all of most requests. */
  #more: Uint8Array[] | undefined;
  #bytes = 0;
  #creditedBytes = 0;
  /** How long the body will be; -1 when it does not say. */
  #wantedBytes: number;
  #hasEnded = false;
  #isScheduled = false;
  #isOver = false;
  #handedOn: ProgramStream | undefined;

  constructor(
    method: LeanMethod,
    head: RequestHead,
    request: LeanRequest,
    receiver: UpstreamReceiver,
    universal: Universal,
  ) {
    this.#method = method;
    this.#head = head;
    this.#request = request;
    this.#receiver = receiver;
    this.#universal = universal;
    this.#isEnveloped = request.format.protocol !== 'connect';
    this.#wantedBytes = request.contentLength;
    this.#context = new LeanContext(method, head, request);
  }

  write(chunk: Uint8Array): void {
    if (this.#handedOn) {
      this.#handedOn.write(chunk);
      return;
    }
    if (this.#hasEnded || chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (this.#first === undefined) this.#first = chunk;
    else {
      this.#more ??= [];
      this.#more.push(chunk);
    }
    if (!this.#isRegular()) {
      this.#handOn();
      return;
    }
    this.#schedule();
  }

  end(trailers: FieldList): void {
    if (this.#handedOn) {
      this.#handedOn.end(trailers);
      return;
    }
    if (this.#hasEnded) return;
    const isWhole = this.#wantedBytes < 0 ? !this.#isEnveloped : this.#bytes === this.#wantedBytes;
    if (!isWhole) {
      this.#handOn();
      this.#handedOn!.end(trailers);
      return;
    }
    this.#hasEnded = true;
    this.#schedule();
  }

  consumed(bytes: number): void {
    this.#handedOn?.consumed(bytes);
  }

  reset(code: number): void {
    if (this.#handedOn) {
      this.#handedOn.reset(code);
      return;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hasEnded = true;
    this.#context.finish();
  }

  /** False: there is more than one message, or none that may be read without further ado. */
  #isRegular(): boolean {
    if (this.#isEnveloped && this.#wantedBytes < 0) {
      if (this.#bytes < ENVELOPE_HEAD_BYTES) return true;
      const envelope = this.#whole();
      const length = readEnvelopeLength(envelope, 0);
      if (envelope[0] !== 0 || length > this.#method.maxMessageBytes) return false;
      this.#wantedBytes = ENVELOPE_HEAD_BYTES + length;
    }
    return this.#bytes <= (this.#wantedBytes < 0 ? this.#method.maxMessageBytes : this.#wantedBytes);
  }

  /** What has come, as one piece. */
  #whole(): Uint8Array {
    if (this.#more) {
      const whole = new Uint8Array(this.#bytes);
      whole.set(this.#first!);
      let at = this.#first!.length;
      for (const chunk of this.#more) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      this.#first = whole;
      this.#more = undefined;
    }
    return this.#first ?? NOTHING;
  }

  /** What comes next is not for within a call of the owner's, and a body mostly ends in the turn in which it begins. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#isOver || this.#handedOn) return;
    const bytes = this.#bytes - this.#creditedBytes;
    this.#creditedBytes = this.#bytes;
    if (bytes > 0) this.#receiver.sent(bytes);
    // The owner may have broken off now.
    if (this.#hasEnded && !this.#isOver) this.#run();
  }

  /** Nothing has run yet: Connect's handlers begin at the beginning. */
  #handOn(): void {
    const stream = this.#universal(this.#head, this.#receiver, this.#creditedBytes);
    this.#handedOn = stream;
    this.#context.finish();
    if (this.#first) stream.write(this.#first);
    for (const chunk of this.#more ?? []) stream.write(chunk);
    this.#first = undefined;
    this.#more = undefined;
  }

  #run(): void {
    const { spec, serialization } = this.#method;
    const whole = this.#whole();
    const message = this.#isEnveloped ? whole.subarray(ENVELOPE_HEAD_BYTES) : whole;
    this.#first = undefined;
    let result: ReturnType<typeof spec.impl>;
    try {
      const input = serialization.getI(this.#request.format.isBinary).parse(message);
      result = spec.impl(input, this.#context.forHandler());
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (isThenable(result))
      Promise.resolve(result).then(
        (value) => this.#answered(value),
        (error) => this.#failed(error),
      );
    else this.#answered(result);
  }

  #answered(value: unknown): void {
    const { spec, serialization } = this.#method;
    let message: Uint8Array;
    try {
      const output = create(spec.method.output, value as never);
      message = serialization.getO(this.#request.format.isBinary).serialize(output);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#context.finish();
    this.#tell(() => answerMessage(message, this.#request, this.#context));
  }

  #failed(error: unknown): void {
    this.#context.finish(error);
    this.#tell(() => answerError(error, this.#request, this.#context));
  }

  /** Connect's handlers fail, too, where an error cannot be written. */
  #tell(make: () => Answer | Promise<Answer>): void {
    if (this.#isOver) return;
    let answer: Answer | Promise<Answer>;
    try {
      answer = make();
    } catch (cause) {
      this.#broken(cause);
      return;
    }
    if (answer instanceof Promise)
      answer.then(
        (made) => this.#send(made),
        (cause) => this.#broken(cause),
      );
    else this.#send(answer);
  }

  #send({ status, headers, body, trailers }: Answer): void {
    if (this.#isOver) return;
    this.#receiver.response(status, headers, false);
    if (body && body.length > 0 && !this.#isOver) this.#receiver.data(body);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.end(trailers);
  }

  #broken(cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { reason, detail } = serviceFailure(cause);
    this.#receiver.reset(reason, detail);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

const NOTHING = new Uint8Array(0);
