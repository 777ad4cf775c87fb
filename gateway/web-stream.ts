/**
 * The web's `Response` as the stream that an exchange answers on, and its `Request`'s body as what an exchange reads.
 * Credit goes by what the reader of each has asked for. Imports the wire's types.
 */
import { type FieldList, NO_FIELDS, type ServerStream, type StreamReceiver } from '../wire/stream.ts';

/** Bytes of a request that nobody has consumed when no more are read. */
const HELD_BYTES = 64 * 1024;

/** Statuses whose `Response` must have no body. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** One answer. Its receiver is set once the exchange has begun. */
export class WebStream implements ServerStream {
  /** Rejects when the answer broke off before its head. */
  readonly response: Promise<Response>;
  receiver: StreamReceiver = { data() {}, end() {}, reset() {}, sent() {} };
  readonly #ended: (trailers: FieldList) => void;
  readonly #head = Promise.withResolvers<Response>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #queue: Uint8Array[] = [];
  #trailers: FieldList | undefined;
  #isAsked = false;
  #isOver = false;
  #heldBytes = 0;
  #wake: (() => void) | undefined;

  /** `ended` is told the trailers, before the body of the answer ends. */
  constructor(ended: (trailers: FieldList) => void) {
    this.#ended = ended;
    this.response = this.#head.promise;
  }

  inform(): void {}

  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    const body = hasEnded || BODILESS.has(status) ? null : this.#body();
    if (hasEnded) {
      this.#isOver = true;
      this.#wake?.();
      this.#ended(NO_FIELDS);
    }
    try {
      const list = new Headers();
      for (const [name, value] of headers) list.append(name, value);
      this.#head.resolve(new Response(body, { status, headers: list }));
    } catch (error) {
      this.#head.reject(error);
    }
  }

  #body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isAsked = true;
          this.#pass();
        },
        cancel: () => {
          if (this.#isOver) return;
          this.#isOver = true;
          this.#wake?.();
          this.#queue = [];
          this.receiver.reset('remote-reset', 'The reader of the answer has gone');
        },
      },
      { highWaterMark: 0 },
    );
  }

  #pass(): void {
    if (!this.#isAsked || this.#isOver) return;
    const chunk = this.#queue.shift();
    if (chunk) {
      this.#isAsked = false;
      this.#controller?.enqueue(chunk);
      this.receiver.sent(chunk.length);
    } else if (this.#trailers) {
      this.#isOver = true;
      this.#wake?.();
      this.#ended(this.#trailers);
      this.#controller?.close();
    }
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver || chunk.length === 0) return;
    if (!this.#controller) return this.receiver.sent(chunk.length);
    this.#queue.push(chunk);
    this.#pass();
  }

  end(trailers: FieldList): void {
    this.#trailers = trailers;
    if (this.#controller) this.#pass();
    else this.#ended(trailers);
  }

  reset(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const error = new Error('The answer broke off');
    this.#head.reject(error);
    this.#controller?.error(error);
    this.#wake?.();
  }

  consumed(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#heldBytes < HELD_BYTES) this.#wake?.();
  }

  /** Reads the request's body to its end, no faster than it is consumed. */
  async readBody(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    const reader = body.getReader();
    const stop = (): void => void reader.cancel().catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!this.#isOver) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) return this.receiver.end(NO_FIELDS);
        this.#heldBytes += value.length;
        this.receiver.data(value);
        if (this.#heldBytes >= HELD_BYTES) await this.#room();
      }
    } catch {
      if (!this.#isOver) this.receiver.reset('remote-reset', 'The request broke off');
    } finally {
      signal.removeEventListener('abort', stop);
      if (this.#isOver) stop();
    }
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** The caller of `fetch` has gone. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#head.reject(new Error('The client has gone'));
    this.#controller?.error(new Error('The client has gone'));
    this.#wake?.();
    this.receiver.reset('remote-reset', 'The client has gone');
  }
}
