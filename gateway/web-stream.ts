/**
 * The web's `Response` as the stream that an exchange answers on, and its `Request`'s body as what an exchange reads.
 * Credit goes by what the reader of each has asked for. Imports the wire's types.
 */
import { type FieldList, NO_FIELDS, type ServerStream, type StreamReceiver } from '../wire/stream.ts';

/** Bytes of a request that nobody has consumed when no more are read. */
const HELD_BYTES = 64 * 1024;

/** An answer waits for so long for the rest of a request that it comes before. Source: Envoy's `delayed_close_timeout`, 1 s. */
const LINGER_MS = 1000;

/** Statuses whose `Response` must have no body. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** One answer. Its receiver is set once the exchange has begun. */
export class WebStream implements ServerStream {
  /** Rejects when the answer broke off before its head. */
  readonly response: Promise<Response>;
  receiver: StreamReceiver = { data() {}, end() {}, reset() {}, sent() {} };
  readonly #ended: (trailers: FieldList) => void;
  readonly #lingers: boolean;
  readonly #head = Promise.withResolvers<Response>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #queue: Uint8Array[] = [];
  #trailers: FieldList | undefined;
  #isAsked = false;
  #isOver = false;
  #heldBytes = 0;
  #wake: (() => void) | undefined;
  #isReading = false;
  #bodyRead: (() => void) | undefined;

  /**
   * `ended` is told the trailers, before the body of the answer ends. With `lingers` an answer that is complete before its
   * request has come is held back until that has, or is too large, or too slow: runtimes close the connection behind an
   * answer, and clients who still write see no more of it than that.
   */
  constructor(ended: (trailers: FieldList) => void, lingers: boolean) {
    this.#ended = ended;
    this.#lingers = lingers;
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
      const response = new Response(body, { status, headers: list });
      // Whether more is to be read, and whether this is the whole answer, is known a moment later.
      if (this.#lingers) queueMicrotask(() => this.#deliver(response));
      else this.#head.resolve(response);
    } catch (error) {
      this.#head.reject(error);
    }
  }

  /** The answer is complete. */
  get #isAnswered(): boolean {
    return this.#isOver || this.#trailers !== undefined;
  }

  #deliver(response: Response): void {
    if (!this.#isReading || !this.#isAnswered) return this.#head.resolve(response);
    const deliver = (): void => {
      clearTimeout(timer);
      this.#head.resolve(response);
    };
    const timer = setTimeout(deliver, LINGER_MS);
    this.#bodyRead = deliver;
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
          this.receiver.reset('connection-termination', 'The reader of the answer has gone');
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

  /**
   * Reads the request's body to its end, no faster than it is consumed. Of one that is answered before, so many bytes more
   * as may be held.
   */
  async readBody(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    const reader = body.getReader();
    const stop = (): void => void reader.cancel().catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    this.#isReading = true;
    try {
      let unwantedBytes = 0;
      while (this.#lingers ? unwantedBytes < HELD_BYTES : !this.#isOver) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (this.#isOver) {
          if (done) return;
          unwantedBytes += value.length;
          continue;
        }
        if (done) return this.receiver.end(NO_FIELDS);
        if (this.#isAnswered) unwantedBytes += value.length;
        this.#heldBytes += value.length;
        this.receiver.data(value);
        if (this.#heldBytes >= HELD_BYTES) await this.#room();
      }
    } catch {
      if (!this.#isOver) this.receiver.reset('connection-termination', 'The request broke off');
    } finally {
      signal.removeEventListener('abort', stop);
      this.#isReading = false;
      this.#bodyRead?.();
      if (this.#isAnswered) stop();
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
    const error = new Error('The client has gone');
    this.#head.reject(error);
    this.#controller?.error(error);
    this.#wake?.();
    this.receiver.reset('connection-termination', error.message);
  }
}
