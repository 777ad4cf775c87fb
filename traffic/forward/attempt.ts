/**
 * One try at one endpoint: hears the upstream, and tells the {@link Forwarding} that it belongs to. Imports upstream's
 * clusters.
 */
import type { RunningEndpoint } from '../../upstream/cluster.ts';
import type { ResetReason, UpstreamReceiver } from '../../upstream/upstream.ts';
import { ERROR_CODE, type FieldList, type RequestHead, type Stream } from '../../wire/stream.ts';
import type { Forwarding } from './forwarding.ts';

/** From the sending of a request's head to the end of its answer. After its end it hears nothing. */
export class Attempt implements UpstreamReceiver {
  readonly endpoint: RunningEndpoint;
  readonly upstream: Stream;
  isOver = false;
  readonly #owner: Forwarding;
  /** Bytes of the body that the client got its credit for in a try before. */
  #creditedBytes: number;

  /** Sends the request's head. */
  constructor(
    owner: Forwarding,
    endpoint: RunningEndpoint,
    request: RequestHead,
    hasEnded: boolean,
    creditedBytes: number,
  ) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.#creditedBytes = creditedBytes;
    endpoint.load.active++;
    this.upstream = endpoint.upstream.open(request, hasEnded, this);
  }

  /** The answer is complete, or there is none. */
  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endpoint.load.active--;
  }

  /** Gives the try up. */
  abandon(code: number = ERROR_CODE.CANCEL): void {
    if (this.isOver) return;
    this.over();
    this.upstream.reset(code);
  }

  inform(status: number, headers: FieldList): void {
    // 100 is between two neighbours: the client's engine has given its own.
    if (!this.isOver && status !== 100) this.#owner.informed(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    if (!this.isOver) this.#owner.answered(this, status, headers, hasEnded);
  }

  data(chunk: Uint8Array): void {
    if (!this.isOver) this.#owner.exchange.write(chunk);
  }

  end(trailers: FieldList): void {
    if (!this.isOver) this.#owner.ended(this, trailers);
  }

  reset(reason: ResetReason, _detail: string): void {
    if (this.isOver) return;
    this.over();
    this.#owner.broken(reason);
  }

  sent(bytes: number): void {
    const known = Math.min(bytes, this.#creditedBytes);
    this.#creditedBytes -= known;
    if (bytes > known) this.#owner.credit(bytes - known);
  }
}
