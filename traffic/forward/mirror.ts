/** Copies of a request: sent and forgotten. Nothing of them reaches the client, nor slows it. Imports upstream's clusters. */

import { withAttempt } from '../../router/route/attempt-header.ts';
import { firstHeader } from '../../router/route/header.ts';
import { isGrpcContentType } from '../../router/route/index.ts';
import type { Forward, Mirror } from '../../router/table/decision.ts';
import type { RunningCluster, RunningEndpoint } from '../../upstream/cluster.ts';
import type { ResetReason, UpstreamReceiver } from '../../upstream/upstream.ts';
import { ERROR_CODE, type FieldList, NO_FIELDS, type RequestHead, type Stream } from '../../wire/stream.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Comparison, ComparisonSink } from '../compare/comparison.ts';
import type { Exchange } from '../exchange.ts';
import { endToEnd } from '../filter/hop-by-hop.ts';
import type { ForwardOptions } from './index.ts';
import { MAX_KEPT_BYTES } from './kept-body.ts';
import { outcomeOf } from './outcome.ts';

/** An endpoint with so many exchanges under way gets no copies. */
const MAX_ACTIVE = 1000;

/** The copies of one request. */
export class MirrorCopies {
  readonly #copies: readonly MirrorCopy[];

  constructor(copies: readonly MirrorCopy[]) {
    this.#copies = copies;
  }

  /** The client's answer begins. */
  answered(status: number, headers: FieldList): void {
    for (const { comparison } of this.#copies) comparison?.head('main', status, headers);
  }

  /** A piece of the client's answer. */
  answerData(chunk: Uint8Array): void {
    for (const { comparison } of this.#copies) comparison?.data('main', chunk);
  }

  /** The client's answer is whole. */
  answerEnded(trailers: FieldList): void {
    for (const { comparison } of this.#copies) comparison?.end('main', trailers);
  }

  /** The client gets no more of an answer, be it whole or not. */
  answerOver(): void {
    for (const { comparison } of this.#copies) comparison?.over('main');
  }

  /** A piece of the body. */
  write(chunk: Uint8Array): void {
    for (const copy of this.#copies) copy.write(chunk);
  }

  /** The body is complete: the copies go on by themselves. */
  end(trailers: FieldList): void {
    for (const copy of this.#copies) copy.complete(trailers);
  }

  /** The body will not be complete. */
  abandon(): void {
    for (const copy of this.#copies) copy.abandon();
  }
}

/**
 * Sends the head of each copy. Undefined: there are none. A CONNECT and a WebSocket are not copied.
 *
 * Source: Envoy `source/common/router/router.cc` (streaming shadows), `source/common/router/shadow_writer_impl.cc`.
 */
export function startMirrors(
  decision: Forward,
  exchange: Exchange,
  clusters: ReadonlyMap<string, RunningCluster>,
  options: ForwardOptions,
): MirrorCopies | undefined {
  if (decision.request.method === 'CONNECT' || exchange.upgrade !== undefined) return undefined;
  const copies = decision.mirrors.flatMap((mirror) => {
    const { originalDestination } = exchange.head;
    const cluster = clusters.get(mirror.cluster);
    const endpoint = cluster?.pick({ authority: mirror.authority, originalDestination });
    if (!cluster || !endpoint || endpoint.active >= MAX_ACTIVE) return [];
    const { timeoutMs } = decision;
    const head = headOf(decision, exchange, mirror);
    const comparison = comparisonOf(decision, mirror, options.comparisons);
    return [new MirrorCopy(cluster, endpoint, head, exchange.hasEnded, timeoutMs, options.clock, comparison)];
  });
  return copies.length === 0 ? undefined : new MirrorCopies(copies);
}

function comparisonOf(
  { cluster, request }: Forward,
  { cluster: mirror, compare }: Mirror,
  sink: ComparisonSink | undefined,
): Comparison | undefined {
  if (!compare) return undefined;
  return sink?.begin({ cluster, mirror, method: request.method, path: request.path }, compare);
}

function headOf(
  { request, timeoutMs, isTold }: Forward,
  { head }: Exchange,
  { authority, path }: Mirror,
): RequestHead {
  const isGrpc = isGrpcContentType(firstHeader(request.headers, 'content-type'));
  // Envoy's copies keep the count, but are told their own time.
  const headers = withAttempt(request.headers, isTold ? 0 : 1, timeoutMs, isGrpc);
  return { method: request.method, scheme: head.scheme, authority, path, headers };
}

/**
 * One copy; hears its answer to the end, and keeps nothing of it but for a comparison. Its endpoint is judged by it as by
 * any other answer: in Envoy a copy passes through a router of its own.
 */
class MirrorCopy implements UpstreamReceiver {
  readonly #cluster: RunningCluster;
  readonly #endpoint: RunningEndpoint;
  readonly #headers: FieldList;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #timer: Timer;
  /** Undefined: the answer is thrown away. */
  readonly comparison: Comparison | undefined;
  #isOver = false;
  #isComplete: boolean;
  #isAnswered = false;
  #unsentBytes = 0;

  constructor(
    cluster: RunningCluster,
    endpoint: RunningEndpoint,
    head: RequestHead,
    hasEnded: boolean,
    timeoutMs: number,
    clock: Clock,
    comparison: Comparison | undefined,
  ) {
    this.comparison = comparison;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#headers = head.headers;
    this.#clock = clock;
    this.#isComplete = hasEnded;
    endpoint.load.active++;
    cluster.counter.began();
    this.#stream = endpoint.upstream.open(head, hasEnded, this);
    if (timeoutMs > 0) this.#timer = clock.set(timeoutMs, timeOut, this);
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#unsentBytes += chunk.length;
    // The client does not wait for a copy: one that is taken too slowly is given up.
    if (this.#unsentBytes > MAX_KEPT_BYTES) this.abandon();
    else this.#stream.write(chunk);
  }

  complete(trailers: FieldList): void {
    this.#isComplete = true;
    if (!this.#isOver) this.#stream.end(trailers);
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#over();
    this.#stream.reset(ERROR_CODE.CANCEL);
  }

  /** The rule's time is over. */
  timeOut(): void {
    if (!this.#isAnswered) this.#endpoint.ended('timeout');
    this.abandon();
  }

  inform(): void {}

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.#isOver) return;
    if (this.#endpoint.monitor) this.#endpoint.ended(outcomeOf(this.#headers, status, headers));
    this.#isAnswered = true;
    this.comparison?.head('copy', status, endToEnd(headers));
    if (hasEnded) this.end(NO_FIELDS);
  }

  data(chunk: Uint8Array): void {
    if (!this.#isOver) this.comparison?.data('copy', chunk);
    this.#stream.consumed(chunk.length);
  }

  end(trailers: FieldList): void {
    if (this.#isOver) return;
    this.comparison?.end('copy', trailers);
    this.#over();
    if (!this.#isComplete) this.#stream.reset(ERROR_CODE.NO_ERROR);
  }

  reset(reason: ResetReason): void {
    if (this.#isOver) return;
    this.#endpoint.ended(reason);
    this.#cluster.counter.broke(reason);
    this.#over();
  }

  sent(bytes: number): void {
    this.#unsentBytes -= bytes;
  }

  #over(): void {
    this.#isOver = true;
    this.comparison?.over('copy');
    this.#endpoint.load.active--;
    this.#cluster.counter.active--;
    if (this.#timer !== undefined) this.#clock.clear(this.#timer);
  }
}

const timeOut = (copy: MirrorCopy): void => copy.timeOut();
