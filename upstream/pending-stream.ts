/** A request that waits for a connection. Imports the wire's types. */
import { ChunkQueue } from '../wire/chunk-queue.ts';
import { ERROR_CODE, type FieldList, type RequestHead, type Stream } from '../wire/stream.ts';
import type { ResetReason, UpstreamReceiver } from './upstream.ts';

/** What takes requests: a connection that has room, or an upstream. */
export interface Opener {
  open(head: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream;
}

/** Keeps what is written until there is a connection, at most a stream's window of it: nothing is credited before. */
export class PendingStream implements Stream {
  readonly head: RequestHead;
  readonly hasEnded: boolean;
  readonly receiver: UpstreamReceiver;
  isReset = false;
  /** Told once when it waits no longer: it was sent, has failed, or nobody wants it any more. */
  left: (() => void) | undefined;
  #target: Stream | undefined;
  readonly #chunks = new ChunkQueue();
  #trailers: FieldList | undefined;

  constructor(head: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver) {
    this.head = head;
    this.hasEnded = hasEnded;
    this.receiver = receiver;
  }

  /** Sends the request. */
  attach(opener: Opener): void {
    if (this.isReset) return;
    this.#leave();
    const target = opener.open(this.head, this.hasEnded, this.receiver);
    this.#target = target;
    for (const chunk of this.#chunks.takeAll()) target.write(chunk);
    if (this.#trailers) target.end(this.#trailers);
  }

  /** There is no connection. */
  fail(reason: ResetReason, detail: string): void {
    if (this.isReset) return;
    this.isReset = true;
    this.#leave();
    this.#chunks.takeAll();
    this.receiver.reset(reason, detail);
  }

  write(chunk: Uint8Array): void {
    if (this.#target) this.#target.write(chunk);
    else if (!this.isReset) this.#chunks.push(chunk);
  }

  end(trailers: FieldList): void {
    if (this.#target) this.#target.end(trailers);
    else this.#trailers = trailers;
  }

  consumed(bytes: number): void {
    this.#target?.consumed(bytes);
  }

  reset(code: number = ERROR_CODE.CANCEL): void {
    this.isReset = true;
    this.#leave();
    this.#chunks.takeAll();
    this.#target?.reset(code);
  }

  #leave(): void {
    const { left } = this;
    this.left = undefined;
    left?.();
  }
}
