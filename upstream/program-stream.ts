/**
 * An exchange with something that is called rather than connected to: a handler in this process, or `fetch`.
 * Between a stream's credit and whoever reads and writes at a pace of their own. Imports the stream types.
 */
import { type FieldList, NO_FIELDS, type RequestHead, type Stream } from '../wire/stream.ts';
import { RequestBody } from './request-body.ts';
import type { ResetReason, UpstreamReceiver } from './upstream.ts';

/** Bytes of an answer that its receiver has not consumed when no more are asked of the program. */
const HELD_BYTES = 64 * 1024;

/** What a program is asked. */
export interface ProgramRequest {
  readonly head: RequestHead;
  /** Undefined: no body at all (a GET), which is not the same as an empty one. */
  readonly body: RequestBody | undefined;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** What a program answers. */
export interface ProgramAnswer {
  readonly status: number;
  readonly headers: FieldList;
  /** Pieces one after the other. Absent: there is no body. `return` is called when no more are wanted. */
  readonly body?: Pick<AsyncIterator<Uint8Array, unknown>, 'next' | 'return'> | undefined;
  /** Asked for once the body has ended. Absent: there are none. */
  trailers?(): FieldList;
}

/** Something that can be called. */
export interface Program {
  /** Called from within `open`, so that it must not wait for itself. */
  ask(request: ProgramRequest): Promise<ProgramAnswer>;
  /** What it means that `ask` or the answer's body has rejected. */
  failure(cause: unknown, hasAnswered: boolean): { readonly reason: ResetReason; readonly detail: string };
}

/** The stream of one such exchange. */
export class ProgramStream implements Stream {
  readonly #receiver: UpstreamReceiver;
  readonly #body: RequestBody;
  readonly #abort = new AbortController();
  #answer: ProgramAnswer['body'];
  #heldBytes = 0;
  #resume: (() => void) | undefined;
  /** The answer has ended, or the exchange was broken off. */
  #isOver = false;

  /** Asks the program. Of what will be written so many bytes were credited before. */
  constructor(
    program: Program,
    head: RequestHead,
    hasEnded: boolean,
    receiver: UpstreamReceiver,
    prepaidBytes = 0,
  ) {
    this.#receiver = receiver;
    this.#body = new RequestBody(receiver, hasEnded, prepaidBytes);
    void this.#run(program, { head, body: hasEnded ? undefined : this.#body, signal: this.#abort.signal });
  }

  write(chunk: Uint8Array): void {
    this.#body.write(chunk);
  }

  end(_trailers: FieldList): void {
    this.#body.end();
  }

  consumed(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#heldBytes < HELD_BYTES) this.#wake();
  }

  reset(_code: number): void {
    if (this.#isOver) return;
    this.#stop(undefined);
  }

  async #run(program: Program, request: ProgramRequest): Promise<void> {
    let hasAnswered = false;
    try {
      const answer = await program.ask(request);
      this.#answer = answer.body;
      if (this.#isOver) return this.#discard();
      hasAnswered = true;
      await this.#pass(answer);
    } catch (cause) {
      if (this.#isOver) return;
      const { reason, detail } = program.failure(cause, hasAnswered);
      this.#stop(cause);
      this.#receiver.reset(reason, detail);
    }
  }

  async #pass({ status, headers, body, trailers }: ProgramAnswer): Promise<void> {
    if (!body) {
      const fields = trailers?.() ?? NO_FIELDS;
      if (fields.length > 0) {
        this.#receiver.response(status, headers, false);
        this.#finish(() => this.#receiver.end(fields));
      } else this.#finish(() => this.#receiver.response(status, headers, true));
      return;
    }
    this.#receiver.response(status, headers, false);
    while (!this.#isOver) {
      const next = await body.next();
      if (this.#isOver) return;
      if (next.done) {
        const fields = trailers?.() ?? NO_FIELDS;
        return this.#finish(() => this.#receiver.end(fields));
      }
      if (next.value.length === 0) continue;
      this.#heldBytes += next.value.length;
      this.#receiver.data(next.value);
      if (this.#heldBytes >= HELD_BYTES && !this.#isOver) await this.#room();
    }
  }

  /** What is left of the request is credited before its sender hears that all is over. */
  #finish(tell: () => void): void {
    if (!this.#isOver) this.#body.drop();
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Tells the program that nobody waits for it any more. */
  #stop(cause: unknown): void {
    this.#isOver = true;
    this.#abort.abort(cause);
    this.#body.fail(this.#abort.signal.reason);
    this.#discard();
    this.#wake();
  }

  #discard(): void {
    this.#answer?.return?.().catch(() => {});
  }
}
