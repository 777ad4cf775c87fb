/**
 * One try at one endpoint: bytes, ends and resets from the client to the upstream and back, each side's credit tied
 * to the other's. Imports the wire's types.
 */
import { firstHeader } from '../../router/route/header.ts';
import type { Forward, ResponseFlag } from '../../router/table/decision.ts';
import type { RunningEndpoint } from '../../upstream/cluster.ts';
import type { ResetReason, UpstreamReceiver } from '../../upstream/upstream.ts';
import {
  ERROR_CODE,
  type FieldList,
  type RequestHead,
  type Stream,
  type StreamReceiver,
  type StreamResetReason,
} from '../../wire/stream.ts';
import type { Exchange } from '../exchange.ts';
import { endToEnd } from '../filter/hop-by-hop.ts';
import { changeResponseHeaders } from '../filter/response-header.ts';
import { type Failure, failureReply, sendReply } from '../local-reply.ts';

/** Timers beyond fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Hears the client's side of the exchange; its {@link Answer} the upstream's. */
export class Attempt implements StreamReceiver {
  readonly decision: Forward;
  readonly exchange: Exchange;
  readonly endpoint: RunningEndpoint;
  readonly upstream: Stream;
  isOver = false;
  #hasEnded: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Sends the request. */
  constructor(decision: Forward, exchange: Exchange, endpoint: RunningEndpoint) {
    this.decision = decision;
    this.exchange = exchange;
    this.endpoint = endpoint;
    this.#hasEnded = exchange.hasEnded;
    endpoint.load.active++;
    this.upstream = endpoint.upstream.open(
      requestOf(decision, exchange),
      exchange.hasEnded,
      new Answer(this),
    );
    if (exchange.hasEnded) this.#startTimer();
  }

  data(chunk: Uint8Array): void {
    if (this.isOver) return this.exchange.consumed(chunk.length);
    this.upstream.write(chunk);
  }

  end(trailers: FieldList): void {
    this.#hasEnded = true;
    if (this.isOver) return;
    this.upstream.end(trailers);
    this.#startTimer();
  }

  reset(_reason: StreamResetReason, _detail: string): void {
    if (this.isOver) return;
    this.over();
    this.upstream.reset(ERROR_CODE.CANCEL);
    this.exchange.gone();
  }

  sent(bytes: number): void {
    this.upstream.consumed(bytes);
  }

  /**
   * Envoy starts the time of a rule when it has the whole request, so a slow upload or a long stream of requests is
   * not cut short by it; `grpc-timeout` is no more than that, too.
   *
   * Source: Envoy `source/common/router/router.cc` (Filter::onRequestComplete).
   */
  #startTimer(): void {
    const { timeoutMs } = this.decision;
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.fail(TIMEOUT), Math.min(timeoutMs, MAX_TIMER_MS));
  }

  /** The upstream's answer is complete, or there is nobody to give it to. */
  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endpoint.load.active--;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  /** The answer has come to its end; what the client still sends is not wanted. */
  answered(): void {
    this.over();
    if (!this.#hasEnded) this.upstream.reset(ERROR_CODE.NO_ERROR);
  }

  /** Gives the answer up. The client gets one in its place, or sees that it broke off. */
  fail(failure: Failure): void {
    if (this.isOver) return;
    this.over();
    this.upstream.reset(ERROR_CODE.CANCEL);
    const { exchange, decision } = this;
    exchange.flag = failure.flag;
    if (exchange.status !== 0) return exchange.reset(ERROR_CODE.INTERNAL_ERROR);
    const reply = failureReply(failure, firstHeader(exchange.head.headers, 'content-type'));
    const { responseHeaders, corsHeaders = [] } = decision;
    const facts = { status: reply.status, upstreamHost: this.endpoint.address };
    const headers = changeResponseHeaders(reply.headers, responseHeaders, corsHeaders, facts);
    sendReply(exchange, { ...reply, headers }, failure.flag);
  }
}

/** Hears the upstream. */
class Answer implements UpstreamReceiver {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  inform(status: number, headers: FieldList): void {
    // 100 is between two neighbours: the client's engine has given its own.
    if (status !== 100) this.#attempt.exchange.inform(status, endToEnd(headers));
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    const attempt = this.#attempt;
    const { exchange, decision, endpoint } = attempt;
    if (attempt.isOver) return;
    if (status > 599) return attempt.fail(failureOf('protocol-error'));
    let list = endToEnd(headers);
    const { responseHeaders, corsHeaders } = decision;
    if (responseHeaders.length > 0 || corsHeaders !== undefined) {
      const facts = { status, upstreamHost: endpoint.address };
      list = changeResponseHeaders(list, responseHeaders, corsHeaders ?? [], facts);
    }
    exchange.respond(status, list, hasEnded);
    if (hasEnded) attempt.answered();
  }

  data(chunk: Uint8Array): void {
    this.#attempt.exchange.write(chunk);
  }

  end(trailers: FieldList): void {
    const attempt = this.#attempt;
    if (attempt.isOver) return;
    attempt.exchange.end(trailers);
    attempt.answered();
  }

  reset(reason: ResetReason, _detail: string): void {
    this.#attempt.fail(failureOf(reason));
  }

  sent(bytes: number): void {
    this.#attempt.exchange.consumed(bytes);
  }
}

function requestOf(decision: Forward, { head, upgrade }: Exchange): RequestHead {
  const { method, authority, path, headers } = decision.request;
  const { scheme } = head;
  return upgrade === undefined
    ? { method, scheme, authority, path, headers }
    : { method, scheme, authority, path, headers, upgrade };
}

const TIMEOUT: Failure = { status: 504, message: 'upstream request timeout', flag: 'UT' };

/** Source: Envoy `source/common/stream_info/utility.cc` and `router.cc` (streamResetReasonToResponseFlag). */
const FLAGS: Readonly<Record<ResetReason, ResponseFlag>> = {
  'remote-connection-failure': 'UF',
  'connection-timeout': 'UF',
  'connection-termination': 'UC',
  'remote-reset': 'UR',
  'remote-refused-stream-reset': 'UR',
  'protocol-error': 'UPE',
  'local-reset': 'LR',
};

/**
 * What the client is told of a try without an answer. 503, or 502 where the protocol was broken.
 *
 * Source: Envoy `source/common/router/router.cc` (onUpstreamAbort, onResponseTimeout),
 * `source/common/http/utility.cc` (resetReasonToString).
 */
function failureOf(reason: ResetReason): Failure {
  return {
    status: reason === 'protocol-error' ? 502 : 503,
    message: `upstream connect error or disconnect/reset before headers. reset reason: ${reason.replaceAll('-', ' ')}`,
    flag: FLAGS[reason],
  };
}
