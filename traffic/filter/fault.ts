/** Faults that a rule injects: a delay before anything else is done, then perhaps an answer in place of it. Imports the wire's types. */
import type { Decision, Fault } from '../../router/table/decision.ts';
import { type FieldList, NO_FIELDS, type StreamReceiver, type StreamResetReason } from '../../wire/stream.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import { discard } from '../forward/discard.ts';
import { abortedReply, sendReply } from '../local-reply.ts';

/**
 * Injects the fault that was drawn, and carries the request out after it, unless the fault is an abort. Its time is
 * no part of the rule's timeout, and an abort is never retried.
 *
 * Source: Envoy `source/extensions/filters/http/fault/fault_filter.cc` (decodeHeaders, postDelayInjection).
 */
export function injectFault(
  fault: Fault,
  decision: Decision,
  exchange: Exchange,
  clock: Clock,
  carryOut: () => StreamReceiver,
): StreamReceiver {
  const { delayMs = 0, abort } = fault;
  const proceed = (): StreamReceiver => {
    if (!abort) return carryOut();
    sendReply(exchange, abortedReply(decision, exchange, abort), ABORTED);
    return discard(exchange);
  };
  if (delayMs <= 0) return proceed();
  exchange.raise('DI');
  return new Delayed(exchange, delayMs, clock, proceed);
}

/** Source: Envoy `source/extensions/filters/http/fault/fault_filter.cc` (abortWithStatus). */
const ABORTED = { flag: 'FI', details: 'fault_filter_abort' } as const;

/** Holds what the client sends: no more than a stream's window, as nothing of it is credited. */
class Delayed implements StreamReceiver {
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #proceed: () => StreamReceiver;
  #timer: Timer;
  #next: StreamReceiver | undefined;
  #isGone = false;
  #chunks: Uint8Array[] = [];
  #hasEnded = false;
  #trailers: FieldList = NO_FIELDS;

  constructor(exchange: Exchange, delayMs: number, clock: Clock, proceed: () => StreamReceiver) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#proceed = proceed;
    this.#timer = clock.set(delayMs, expire, this);
  }

  expire(): void {
    this.#timer = undefined;
    const next = this.#proceed();
    this.#next = next;
    for (const chunk of this.#chunks) next.data(chunk);
    this.#chunks = [];
    if (this.#hasEnded) next.end(this.#trailers);
  }

  data(chunk: Uint8Array): void {
    if (this.#next) this.#next.data(chunk);
    else if (!this.#isGone) this.#chunks.push(chunk);
  }

  end(trailers: FieldList): void {
    if (this.#next) this.#next.end(trailers);
    this.#hasEnded = true;
    this.#trailers = trailers;
  }

  reset(reason: StreamResetReason, detail: string): void {
    if (this.#next) {
      this.#next.reset(reason, detail);
      return;
    }
    this.#isGone = true;
    this.#chunks = [];
    this.#clock.clear(this.#timer);
    this.#exchange.gone(reason);
  }

  sent(bytes: number): void {
    this.#next?.sent(bytes);
  }
}

const expire = (delayed: Delayed): void => delayed.expire();
