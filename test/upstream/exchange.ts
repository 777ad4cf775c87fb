/** Asks an upstream as the gateway does, and writes down what it is told. */

import type { ResetReason, Upstream, UpstreamReceiver } from '../../upstream/upstream.ts';
import {
  ERROR_CODE,
  type Field,
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type Stream,
} from '../../wire/stream.ts';

/** A head with what a test says, else `POST http://echo/`. */
export function head(
  given: Partial<RequestHead> & { readonly headers?: readonly Field[] } = {},
): RequestHead {
  return { method: 'POST', scheme: 'http', authority: 'echo', path: '/', headers: [], ...given };
}

/** One exchange under way. */
export class Exchange implements UpstreamReceiver {
  readonly stream: Stream;
  /** `response 200`, `data`, `end`, `reset …` in their order, repeats of data left out. */
  readonly events: string[] = [];
  headers: FieldList = NO_FIELDS;
  trailers: FieldList = NO_FIELDS;
  bytes: number[] = [];
  sentBytes = 0;
  /** Of the data that came; false: a test says `consumed` itself. */
  readonly #consumes: boolean;
  readonly #over = Promise.withResolvers<void>();
  #isOpening = true;
  #changed = Promise.withResolvers<void>();

  constructor(upstream: Upstream, request: RequestHead, hasEnded: boolean, consumes = true) {
    this.#consumes = consumes;
    this.stream = upstream.open(request, hasEnded, this);
    this.#isOpening = false;
  }

  /** Resolves when nothing more can come, the credit for what was written included. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Resolves when what is asked for holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.promise;
  }

  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.bytes));
  }

  inform(): void {
    this.#note('inform');
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.headers = headers;
    this.#note(hasEnded ? `response ${status} and end` : `response ${status}`);
    if (hasEnded) this.#over.resolve();
  }

  data(chunk: Uint8Array): void {
    if (chunk.length === 0) throw new RangeError('A piece of data is empty');
    for (const byte of chunk) this.bytes.push(byte);
    if (this.events.at(-1) !== 'data') this.#note('data');
    else this.#note();
    if (this.#consumes) this.stream.consumed(chunk.length);
  }

  end(trailers: FieldList): void {
    this.trailers = trailers;
    this.#note('end');
    this.#over.resolve();
  }

  reset(reason: ResetReason, detail: string): void {
    this.#note(`reset ${reason}: ${detail}`);
    this.#over.resolve();
  }

  sent(bytes: number): void {
    this.sentBytes += bytes;
    this.#note();
  }

  #note(event?: string): void {
    if (this.#isOpening) throw new Error(`"${event ?? 'sent'}" came from within open()`);
    if (event !== undefined) this.events.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Sends a whole request, in these pieces, and resolves when its answer has ended. */
export async function ask(
  upstream: Upstream,
  request: RequestHead,
  pieces?: readonly Uint8Array[],
): Promise<Exchange> {
  const exchange = new Exchange(upstream, request, pieces === undefined);
  for (const piece of pieces ?? []) exchange.stream.write(piece);
  if (pieces !== undefined) exchange.stream.end(NO_FIELDS);
  await exchange.over;
  return exchange;
}

/** Breaks an exchange off as a caller who has gone does. */
export function cancel({ stream }: Exchange): void {
  stream.reset(ERROR_CODE.CANCEL);
}

/** A text's bytes. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
