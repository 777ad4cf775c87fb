/**
 * An exchange on its way to a cluster: hears the client, makes one attempt after the other as the rule says, and
 * gives the client the answer of the last one. Each side's credit is tied to the other's. Envoy's router filter.
 * Imports upstream's clusters and router/policy.
 */

import { retriesAnswer, retriesReset, retryConditionsOf } from '../../router/policy/retry.ts';
import { withAttempt } from '../../router/route/attempt-header.ts';
import { firstHeader, joinResponseRepeats } from '../../router/route/header.ts';
import { isGrpcContentType } from '../../router/route/index.ts';
import type { Forward, RetryPolicy } from '../../router/table/decision.ts';
import type { PickContext, RunningCluster, RunningEndpoint } from '../../upstream/cluster.ts';
import type { ResetReason } from '../../upstream/upstream.ts';
import {
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type StreamReceiver,
  type StreamResetReason,
} from '../../wire/stream.ts';
import type { Timer } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import { endToEnd } from '../filter/hop-by-hop.ts';
import { changeResponseHeaders } from '../filter/response-header.ts';
import { type Failure, routedFailureReply, sendReply } from '../local-reply.ts';
import { Attempt } from './attempt.ts';
import { failureOf, NO_ENDPOINT, NOT_KEPT, TIMEOUT, TRY_TIMEOUT } from './failure.ts';
import type { ForwardOptions } from './index.ts';
import { KeptBody } from './kept-body.ts';
import type { MirrorCopies } from './mirror.ts';
import { Retrying } from './retrying.ts';

/** See the module. */
export class Forwarding implements StreamReceiver {
  readonly exchange: Exchange;
  readonly cluster: RunningCluster;
  readonly #decision: Forward;
  readonly #picked: PickContext;
  readonly #options: ForwardOptions;
  readonly #mirrors: MirrorCopies | undefined;
  readonly #isGrpc: boolean;
  readonly #tryTimeoutMs: number;
  /** Undefined while a retry waits for its time. */
  #attempt: Attempt | undefined;
  /** Of the endpoint tried last, for what is said of a failure. */
  #endpoint: RunningEndpoint;
  #attempts = 1;
  /** Undefined where nothing is tried again, or not any more. */
  #retry: RetryPolicy | undefined;
  /** Made with the first retry. */
  #retrying: Retrying | undefined;
  /** What has come, while it may have to be sent again. */
  #body: KeptBody | undefined;
  #isOver = false;
  #hasEnded: boolean;
  #trailers: FieldList = NO_FIELDS;
  #creditedBytes = 0;
  #completedMs = 0;
  #timer: Timer;
  #tryTimer: Timer;
  #backoffTimer: Timer;

  /** Sends the request to the endpoint, which was picked by `picked`, as those of retries will be. */
  constructor(
    decision: Forward,
    exchange: Exchange,
    cluster: RunningCluster,
    endpoint: RunningEndpoint,
    picked: PickContext,
    mirrors: MirrorCopies | undefined,
    options: ForwardOptions,
  ) {
    const { retry, timeoutMs } = decision;
    const { hasEnded } = exchange;
    this.exchange = exchange;
    this.#decision = decision;
    this.cluster = cluster;
    this.#picked = picked;
    this.#options = options;
    this.#mirrors = mirrors;
    this.#hasEnded = hasEnded;
    const tryMs = retry?.perTryTimeoutMs ?? 0;
    // A try's time that is no shorter than the whole is none.
    this.#tryTimeoutMs = timeoutMs !== 0 && tryMs >= timeoutMs ? 0 : tryMs;
    this.#isGrpc =
      (timeoutMs > 0 || tryMs > 0) &&
      isGrpcContentType(firstHeader(decision.request.headers, 'content-type'));
    this.#retry = retry;
    this.#endpoint = endpoint;
    exchange.endpoint = endpoint;
    exchange.attempts = 1;
    this.#attempt = new Attempt(this, endpoint, this.#requestOf(timeoutMs), hasEnded, 0);
    if (hasEnded) this.#complete();
  }

  // From the client.

  data(chunk: Uint8Array): void {
    if (this.#isOver) {
      this.exchange.consumed(chunk.length);
      return;
    }
    this.exchange.receivedBytes += chunk.length;
    if (this.#retry) {
      this.#body ??= new KeptBody();
      if (!this.#body.add(chunk)) this.#noMoreRetries();
    }
    this.#mirrors?.write(chunk);
    if (this.#attempt) this.#attempt.upstream.write(chunk);
    else if (!this.#retry) this.#fail(NOT_KEPT);
  }

  end(trailers: FieldList): void {
    this.#hasEnded = true;
    this.#trailers = trailers;
    if (this.#isOver) return;
    this.#mirrors?.end(trailers);
    this.#attempt?.upstream.end(trailers);
    if (!this.#isOver) this.#complete();
  }

  reset(reason: StreamResetReason, _detail: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#attempt?.abandon();
    this.exchange.gone(reason);
  }

  sent(bytes: number): void {
    this.#attempt?.upstream.consumed(bytes);
  }

  // From an attempt.

  /** So many bytes of the body have left for the first time. */
  credit(bytes: number): void {
    this.#creditedBytes += bytes;
    this.exchange.consumed(bytes);
  }

  /** After an informational answer no other upstream can be asked. */
  informed(status: number, headers: FieldList): void {
    this.#noMoreRetries();
    this.#clearTryTimer();
    this.exchange.inform(status, endToEnd(headers));
  }

  answered(attempt: Attempt, status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.#retry) {
      if (!retriesAnswer(retryConditionsOf(this.#retry), status, headers)) this.#retrySettled();
      else if (this.#takeRetry(this.#retry)) {
        if (hasEnded && this.#hasEnded) attempt.over();
        else attempt.abandon();
        return;
      }
      this.#noMoreRetries();
    }
    this.#clearTryTimer();
    const { timing } = this.exchange;
    if (timing) timing.answeredMs = this.#options.clock.now();
    this.exchange.details = 'via_upstream';
    const own = endToEnd(headers);
    this.#mirrors?.answered(status, own);
    let list = joinResponseRepeats(own);
    const { responseHeaders, corsHeaders } = this.#decision;
    if (responseHeaders.length > 0 || corsHeaders !== undefined) {
      const raised = this.exchange.flag;
      const facts = { status, upstreamHost: attempt.endpoint.address, attempts: this.#attempts, raised };
      list = changeResponseHeaders(list, responseHeaders, corsHeaders ?? [], facts);
    }
    if (hasEnded) this.#mirrors?.answerEnded(NO_FIELDS);
    this.exchange.respond(status, list, hasEnded);
    if (hasEnded) this.#finish(attempt);
  }

  /** A piece of the answer. */
  answerData(chunk: Uint8Array): void {
    this.#mirrors?.answerData(chunk);
    this.exchange.write(chunk);
  }

  ended(attempt: Attempt, trailers: FieldList): void {
    this.#mirrors?.answerEnded(trailers);
    this.exchange.end(trailers);
    this.#finish(attempt);
  }

  /** The attempt has come to no answer, or to no whole one. */
  broken(reason: ResetReason): void {
    if (!this.#retriesReset(reason)) this.#fail(failureOf(reason, this.#attempts > 1));
  }

  // Retries.

  #retriesReset(reason: ResetReason): boolean {
    const retry = this.#retry;
    if (!retry) return false;
    if (retriesReset(retryConditionsOf(retry), reason)) return this.#takeRetry(retry);
    this.#retrySettled();
    return false;
  }

  /**
   * There is an outcome that asks for no retry: if it is a retry's own, that has done its work.
   *
   * Source: Envoy `source/common/router/retry_state_impl.cc` (shouldRetry, upstream_rq_retry_success).
   */
  #retrySettled(): void {
    if (this.#retrying) this.cluster.counter.retrySuccesses++;
  }

  /** True: a retry waits for its time. */
  #takeRetry(retry: RetryPolicy): boolean {
    this.#retrying ??= new Retrying(retry, this.cluster.breaker.retries);
    const retrying = this.#retrying;
    const taken = retrying.take(this.#endpoint);
    const { counter } = this.cluster;
    if (taken !== 'yes') {
      if (taken === 'limit') counter.retryLimitExceeded++;
      this.exchange.raise(taken === 'limit' ? 'URX' : 'UO');
      return false;
    }
    counter.retries++;
    const { clock, random } = this.#options;
    this.#attempt = undefined;
    this.#clearTryTimer();
    this.#backoffTimer = clock.set(retrying.backoffMs(random), tryAgain, this);
    return true;
  }

  /** The time of a retry has come. */
  tryAgain(): void {
    this.#backoffTimer = undefined;
    const { tried } = this.#retrying!;
    this.#attempts++;
    const endpoint = this.cluster.pick(tried ? { ...this.#picked, avoid: tried } : this.#picked);
    if (!endpoint) {
      this.cluster.counter.noneHealthy++;
      this.#fail(NO_ENDPOINT);
      return;
    }
    this.#endpoint = endpoint;
    this.exchange.endpoint = endpoint;
    this.exchange.attempts = this.#attempts;
    const chunks = this.#body?.chunks() ?? [];
    const isWhole = this.#hasEnded && chunks.length === 0 && this.#trailers.length === 0;
    const attempt = new Attempt(
      this,
      endpoint,
      this.#requestOf(this.#leftMs()),
      isWhole,
      this.#creditedBytes,
    );
    this.#attempt = attempt;
    if (!isWhole) {
      for (const chunk of chunks) attempt.upstream.write(chunk);
      if (this.#hasEnded) attempt.upstream.end(this.#trailers);
    }
    if (this.#hasEnded && !attempt.isOver) this.#startTryTimer();
  }

  /** What is under way is the last try. */
  #noMoreRetries(): void {
    this.#retry = undefined;
    this.#body = undefined;
    this.#retrying?.settle();
  }

  // Time.

  /**
   * Envoy starts the time of a rule when it has the whole request, so a slow upload or a long stream of requests is
   * not cut short by it; `grpc-timeout` is no more than that, too.
   *
   * Source: Envoy `source/common/router/router.cc` (Filter::onRequestComplete).
   */
  #complete(): void {
    const { timeoutMs } = this.#decision;
    const { clock } = this.#options;
    const { timing } = this.exchange;
    if (timing) timing.requestEndedMs = clock.now();
    if (timeoutMs > 0) {
      this.#completedMs = clock.now();
      this.#timer = clock.set(timeoutMs, timeOut, this);
    }
    if (this.#attempt) this.#startTryTimer();
  }

  #startTryTimer(): void {
    if (this.#tryTimeoutMs > 0 && this.exchange.status === 0)
      this.#tryTimer = this.#options.clock.set(this.#tryTimeoutMs, tryTimeOut, this);
  }

  #clearTryTimer(): void {
    if (this.#tryTimer === undefined) return;
    this.#options.clock.clear(this.#tryTimer);
    this.#tryTimer = undefined;
  }

  /** Of the rule's time what is left, at least a millisecond; 0 where there is no limit. */
  #leftMs(): number {
    const { timeoutMs } = this.#decision;
    if (timeoutMs === 0 || !this.#hasEnded) return timeoutMs;
    return Math.max(1, Math.trunc(timeoutMs - (this.#options.clock.now() - this.#completedMs)));
  }

  /** The rule's time is over, whatever is under way. */
  timeOut(): void {
    this.#timer = undefined;
    this.cluster.counter.timeouts++;
    if (this.exchange.status === 0) this.#attempt?.timeOut();
    this.#fail(TIMEOUT);
  }

  /**
   * The try's time is over, and there is no answer yet: one that has begun may take the rest of the rule's.
   *
   * Source: Envoy `source/common/router/router.cc` (onPerTryTimeout), which counts the time from the connection on.
   */
  tryTimeOut(): void {
    this.#tryTimer = undefined;
    const attempt = this.#attempt;
    if (!attempt || this.exchange.status !== 0) return;
    this.cluster.counter.perTryTimeouts++;
    attempt.timeOut();
    if (!this.#retriesReset('local-reset')) this.#fail(TRY_TIMEOUT);
  }

  // Ends.

  #requestOf(leftMs: number): RequestHead {
    const { isTold, request } = this.#decision;
    const { method, authority, path, headers } = request;
    const { head, upgrade } = this.exchange;
    const { scheme } = head;
    const tryMs = this.#tryTimeoutMs;
    const expectedMs = tryMs > 0 && (leftMs === 0 || tryMs < leftMs) ? tryMs : leftMs;
    const told =
      isTold && this.#attempts === 1
        ? headers
        : withAttempt(headers, this.#attempts, expectedMs, this.#isGrpc);
    return upgrade === undefined
      ? { method, scheme, authority, path, headers: told }
      : { method, scheme, authority, path, headers: told, upgrade };
  }

  /** The answer has come to its end; what the client still sends is not wanted. */
  #finish(attempt: Attempt): void {
    this.#over();
    if (this.#hasEnded) attempt.over();
    else attempt.abandon(ERROR_CODE.NO_ERROR);
  }

  #over(): void {
    this.#isOver = true;
    this.#noMoreRetries();
    this.#clearTryTimer();
    const { clock } = this.#options;
    if (this.#timer !== undefined) clock.clear(this.#timer);
    if (this.#backoffTimer !== undefined) clock.clear(this.#backoffTimer);
    this.#mirrors?.answerOver();
    if (!this.#hasEnded) this.#mirrors?.abandon();
  }

  /** Gives the answer up. The client gets one in its place, or sees that it broke off. */
  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#over();
    this.#attempt?.abandon();
    const { exchange } = this;
    if (exchange.status !== 0) {
      if (failure.flag !== undefined) exchange.raise(failure.flag);
      exchange.details = failure.details?.replace('before_response', 'after_response');
      exchange.reset(ERROR_CODE.INTERNAL_ERROR);
      return;
    }
    sendReply(
      exchange,
      routedFailureReply(this.#decision, exchange, failure, this.#endpoint.address),
      failure,
    );
  }
}

// Timers' functions, one for all exchanges.
const tryAgain = (forwarding: Forwarding): void => forwarding.tryAgain();
const timeOut = (forwarding: Forwarding): void => forwarding.timeOut();
const tryTimeOut = (forwarding: Forwarding): void => forwarding.tryTimeOut();
