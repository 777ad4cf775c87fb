/**
 * One try at one endpoint: hears the upstream, and tells the {@link Forwarding} that it belongs to. Imports upstream's
 * clusters.
 */
import type { RunningEndpoint } from '../../upstream/cluster.ts';
import type { ResetReason, UpstreamReceiver } from '../../upstream/upstream.ts';
import { ERROR_CODE, type FieldList, type RequestHead, type Stream } from '../../wire/stream.ts';
import type { Forwarding } from './forwarding.ts';
import { outcomeOf } from './outcome.ts';

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
    owner.cluster.counter.began();
    const upstream = (owner.exchange.head.http2 && endpoint.http2Upstream) || endpoint.upstream;
    this.upstream = upstream.open(request, hasEnded, this);
  }

  /** The answer is complete, or there is none. */
  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endpoint.load.active--;
    this.#owner.cluster.counter.active--;
  }

  /** Gives the try up. */
  abandon(code: number = ERROR_CODE.CANCEL): void {
    if (this.isOver) return;
    this.over();
    if (code !== ERROR_CODE.NO_ERROR) this.#owner.cluster.counter.sentResets++;
    this.upstream.reset(code);
  }

  inform(status: number, headers: FieldList): void {
    if (!this.isOver) this.#owner.informed(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.isOver) return;
    if (this.endpoint.monitor)
      this.endpoint.ended(outcomeOf(this.#owner.exchange.head.headers, status, headers));
    this.#owner.answered(this, status, headers, hasEnded);
  }

  data(chunk: Uint8Array): void {
    if (!this.isOver) this.#owner.answerData(chunk);
  }

  end(trailers: FieldList): void {
    if (!this.isOver) this.#owner.ended(this, trailers);
  }

  reset(reason: ResetReason, detail: string): void {
    if (this.isOver) return;
    this.over();
    if (reason === 'remote-connection-failure' || reason === 'connection-timeout')
      this.#owner.exchange.failureReason = detail;
    this.#broken(reason);
  }

  sent(bytes: number): void {
    const known = Math.min(bytes, this.#creditedBytes);
    this.#creditedBytes -= known;
    if (bytes > known) this.#owner.credit(bytes - known);
  }

  /** Gives the try up, as there is no answer in the time for it. */
  timeOut(): void {
    if (this.isOver) return;
    this.endpoint.ended('timeout');
    this.abandon();
  }

  #broken(reason: ResetReason): void {
    this.endpoint.ended(reason);
    this.#owner.cluster.counter.broke(reason);
    this.#owner.broken(reason);
  }
}
