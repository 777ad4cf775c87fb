/** A request's body on its way to whoever reads it at a pace of their own. Imports the stream types. */
import type { UpstreamReceiver } from './upstream.ts';

/**
 * Holds what was written until it is read. A piece is credited to its sender when the next one is asked for, as
 * only then the reader is done with it; what nobody will read is credited at once.
 */
export class RequestBody {
  readonly #receiver: Pick<UpstreamReceiver, 'sent'>;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Bytes handed to the reader and not credited. */
  #readBytes = 0;
  #prepaidBytes: number;
  #hasEnded: boolean;
  #isDropped = false;
  #error: unknown;
  #isBroken = false;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** Of what will be written so many bytes were credited before. */
  constructor(receiver: Pick<UpstreamReceiver, 'sent'>, hasEnded: boolean, prepaidBytes = 0) {
    this.#receiver = receiver;
    this.#hasEnded = hasEnded;
    this.#prepaidBytes = prepaidBytes;
  }

  write(chunk: Uint8Array): void {
    if (this.#isBroken || chunk.length === 0) return;
    const waiting = this.#waiting;
    if (this.#isDropped) this.#credit(chunk.length);
    else if (waiting) {
      this.#waiting = undefined;
      this.#readBytes = chunk.length;
      waiting.resolve(chunk);
    } else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  /** The exchange is over: readers get the error, and nothing is credited any more. */
  fail(error: unknown): void {
    this.#isBroken = true;
    this.#error = error;
    this.#queue = [];
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** The next piece; undefined at the end. Rejects when the exchange is over. One read at a time. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#isBroken) throw this.#error;
    this.#creditRead();
    const chunk = this.#queue.shift();
    if (chunk) {
      this.#queuedBytes -= chunk.length;
      this.#readBytes = chunk.length;
      return chunk;
    }
    if (this.#hasEnded || this.#isDropped) return undefined;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Nobody will read any more: what waits and what still comes is thrown away. */
  drop(): void {
    if (this.#isDropped || this.#isBroken) return;
    this.#isDropped = true;
    this.#readBytes += this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#creditRead();
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  #creditRead(): void {
    const bytes = this.#readBytes;
    this.#readBytes = 0;
    if (bytes > 0) this.#credit(bytes);
  }

  #credit(bytes: number): void {
    const prepaid = Math.min(this.#prepaidBytes, bytes);
    this.#prepaidBytes -= prepaid;
    if (bytes > prepaid) this.#receiver.sent(bytes - prepaid);
  }
}
