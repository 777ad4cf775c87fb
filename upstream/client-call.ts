/**
 * One HTTP request of Connect's as an exchange, and the exchange's answer as Connect reads it. Credit goes by what each
 * reader has asked for. Knows nothing of rules: where the request goes is for whoever begins the exchange. Imports
 * Connect's types and the wire's.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import type { UniversalClientRequest, UniversalClientResponse } from '@connectrpc/connect/protocol';
import {
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ServerStream,
  type StreamReceiver,
} from '../wire/stream.ts';
import { RequestBody } from './request-body.ts';
import { fieldsOf, headersOf } from './web-program.ts';

/** Bytes of a request that have not left when no more are read from its sender. */
const HELD_BYTES = 64 * 1024;

/** Begins the exchange of a request: who is returned hears its body. With `hasEnded` there is none. */
export type Begin = (head: RequestHead, hasEnded: boolean) => StreamReceiver;

/** See the module. Lives from the request's head to the end of its answer. */
export class ClientCall implements ServerStream {
  readonly #head = Promise.withResolvers<UniversalClientResponse>();
  readonly #trailer = new Headers();
  #receiver: StreamReceiver | undefined;
  #body: RequestBody | undefined;
  #signal: AbortSignal | undefined;
  #isOver = false;
  #heldBytes = 0;
  #wake: (() => void) | undefined;

  /** Sends the request. Resolves at the answer's head; rejects with a ConnectError, or the signal's reason. */
  send(
    head: RequestHead,
    { body, signal }: Pick<UniversalClientRequest, 'body' | 'signal'>,
    begin: Begin,
  ): Promise<UniversalClientResponse> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#receiver = begin(head, body === undefined);
    if (!this.#isOver && signal) {
      this.#signal = signal;
      signal.addEventListener('abort', this.#aborted);
    }
    if (body) void this.#sendBody(body[Symbol.asyncIterator](), this.#receiver);
    return this.#head.promise;
  }

  /** The answer is none that a client of RPCs can read: this stands for it. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#over();
    this.#head.reject(error);
    this.#body?.fail(error);
  }

  // From the exchange.

  inform(): void {}

  respond(status: number, fields: FieldList, hasEnded: boolean): void {
    if (this.#isOver) return;
    let header: Headers;
    try {
      header = headersOf(fields);
    } catch (cause) {
      this.#giveUp(new ConnectError(`Cannot read the headers of the answer: ${cause}`, Code.Internal));
      return;
    }
    const body = new RequestBody({ sent: (bytes) => this.#receiver?.sent(bytes) }, hasEnded);
    this.#body = body;
    if (hasEnded) this.#over();
    this.#head.resolve({ status, header, body: new AnswerBody(body, this.#left), trailer: this.#trailer });
  }

  write(chunk: Uint8Array): void {
    if (!this.#isOver) this.#body?.write(chunk);
  }

  end(trailers: FieldList): void {
    if (this.#isOver) return;
    this.#over();
    try {
      for (const [name, value] of trailers) this.#trailer.append(name, value);
    } catch (cause) {
      this.#body?.fail(new ConnectError(`Cannot read the trailers of the answer: ${cause}`, Code.Internal));
      return;
    }
    this.#body?.end();
  }

  reset(): void {
    this.fail(new ConnectError('The answer broke off', Code.Internal));
  }

  consumed(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#heldBytes < HELD_BYTES) this.#wake?.();
  }

  // From the client.

  readonly #aborted = (): void => this.#giveUp(this.#signal?.reason);

  /** Nobody reads the answer any more. */
  readonly #left = (): void =>
    this.#giveUp(new ConnectError('The answer was not read to its end', Code.Canceled));

  #giveUp(error: unknown): void {
    if (this.#isOver) return;
    this.fail(error);
    this.#receiver?.reset('remote-reset', 'The client has given the call up');
  }

  /** Reads the request's body to its end, no faster than it leaves. */
  async #sendBody(chunks: AsyncIterator<Uint8Array>, receiver: StreamReceiver): Promise<void> {
    try {
      while (!this.#isOver) {
        const { done, value } = await chunks.next();
        if (this.#isOver) break;
        if (done) {
          receiver.end(NO_FIELDS);
          return;
        }
        this.#heldBytes += value.length;
        receiver.data(value);
        if (this.#heldBytes >= HELD_BYTES) await this.#room();
      }
      // The answer is complete: what its sender still has is not wanted.
      await chunks.return?.();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  async #room(): Promise<void> {
    while (this.#heldBytes >= HELD_BYTES && !this.#isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    this.#wake = undefined;
  }

  #over(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#wake?.();
  }
}

/** An answer's body, to be read once. */
class AnswerBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: RequestBody;
  readonly #left: () => void;

  constructor(body: RequestBody, left: () => void) {
    this.#body = body;
    this.#left = left;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = await this.#body.read();
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#left();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#left();
    throw error;
  }
}

/** The request's head. `url` is absolute; a header `host` names the authority in place of the URL's. */
export function headOf({
  url,
  method,
  header,
}: Pick<UniversalClientRequest, 'url' | 'method' | 'header'>): RequestHead {
  const start = url.indexOf('//') + 2;
  const slash = url.indexOf('/', start);
  const end = slash === -1 ? url.length : slash;
  const host = header.get('host');
  const headers = fieldsOf(header);
  return {
    method,
    scheme: url.slice(0, start - 3),
    authority: host ?? url.slice(start, end),
    path: slash === -1 ? '/' : url.slice(slash),
    headers: host === null ? headers : headers.filter(([name]) => name !== 'host'),
  };
}
