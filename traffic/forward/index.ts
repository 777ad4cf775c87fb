/**
 * Carries out a decision to forward: one try at one endpoint, within the rule's timeout. Envoy's router filter
 * without its retries. Imports upstream's clusters.
 */
import { firstHeader } from '../../router/route/header.ts';
import type { Forward, ResponseFlag } from '../../router/table/decision.ts';
import type { RunningCluster, RunningEndpoint } from '../../upstream/cluster.ts';
import { type ResetReason, UpstreamError, type UpstreamResponse } from '../../upstream/exchange.ts';
import { type BodyEnd, BodyTooLargeError, watchBody } from '../body.ts';
import type { DownstreamRequest, DownstreamResponse } from '../exchange.ts';
import { endToEnd } from '../filter/hop-by-hop.ts';
import { changeResponseHeaders } from '../filter/response-header.ts';
import { type Failure, failureReply } from '../local-reply.ts';
import { createDeadline, type Deadline, DeadlineError } from './deadline.ts';

/** See the fields. */
export interface ForwardOptions {
  /** Largest body that an upstream may hold as a whole. */
  readonly maxBodyBytes: number;
}

/** The upstream's answer, or in its place the one that Envoy gives. Never rejects. */
export async function forward(
  decision: Forward,
  request: DownstreamRequest,
  cluster: RunningCluster | undefined,
  options: ForwardOptions,
): Promise<DownstreamResponse> {
  const contentType = firstHeader(request.head.headers, 'content-type');
  const refuse = (failure: Failure): DownstreamResponse => {
    request.body?.cancel().catch(() => {});
    return failureReply(failure, contentType);
  };
  if (!cluster) return refuse({ status: 503, message: '', flag: 'NC' });
  const endpoint = cluster.pick();
  if (!endpoint) return refuse({ status: 503, message: 'no healthy upstream', flag: 'UH' });
  const limit = endpoint.upstream.buffers && !isStream(contentType) ? options.maxBodyBytes : undefined;
  const length = Number(firstHeader(request.head.headers, 'content-length') ?? 0);
  if (limit !== undefined && length > limit) return refuse(TOO_LARGE);

  const attempt = begin(decision, request, endpoint, limit);
  try {
    const answer = await attempt.answer;
    if (answer.status < 200 || answer.status > 599) {
      answer.body?.cancel().catch(() => {});
      throw new UpstreamError('protocol-error', `Status ${answer.status} is none`);
    }
    return respond(decision, endpoint, answer, attempt);
  } catch (error) {
    attempt.over();
    return refuse(failureOf(error, request.signal));
  }
}

/** Source: Envoy `source/common/http/codes.cc` (413 by name). */
const TOO_LARGE: Failure = { status: 413, message: 'Payload Too Large' };

interface Attempt {
  /** Rejects as soon as the deadline passes, the client goes or the body grows too large. */
  readonly answer: Promise<UpstreamResponse>;
  readonly deadline: Deadline;
  /** Gives everything back; may be called again. */
  over(): void;
}

function begin(
  decision: Forward,
  request: DownstreamRequest,
  endpoint: RunningEndpoint,
  maxBytes: number | undefined,
): Attempt {
  const deadline = createDeadline(decision.timeoutMs);
  const abort = new AbortController();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  const breakOff = (error: unknown): void => {
    broken.reject(error);
    abort.abort(error);
  };
  const clientGone = (): void => breakOff(new UpstreamError('local-reset', 'The client has gone'));
  request.signal.addEventListener('abort', clientGone, { once: true });
  deadline.signal.addEventListener('abort', () => breakOff(deadline.signal.reason), { once: true });
  if (request.signal.aborted) clientGone();

  let { body } = request;
  if (!body) deadline.start();
  else if (decision.timeoutMs > 0 || maxBytes !== undefined) {
    const watched = watchBody(body, maxBytes === undefined ? {} : { maxBytes });
    body = watched.stream;
    watched.ended.then((end) => {
      if (end.kind === 'failed' && end.error instanceof BodyTooLargeError) breakOff(end.error);
      else deadline.start();
    });
  }
  const release = endpoint.begin();
  const { method, authority, path, headers } = decision.request;
  const { scheme } = request.head;
  const sent = endpoint.upstream.send({
    method,
    scheme,
    authority,
    path,
    headers,
    body,
    signal: abort.signal,
  });
  sent.then(
    // An answer that comes too late is nobody's.
    (late) => {
      if (abort.signal.aborted) late.body?.cancel().catch(() => {});
    },
    () => {},
  );
  return {
    answer: Promise.race([broken.promise, sent]),
    deadline,
    over() {
      request.signal.removeEventListener('abort', clientGone);
      deadline.stop();
      release();
    },
  };
}

function respond(
  decision: Forward,
  endpoint: RunningEndpoint,
  answer: UpstreamResponse,
  attempt: Attempt,
): DownstreamResponse {
  const { status, trailers } = answer;
  const headers = changeResponseHeaders(
    endToEnd(answer.headers),
    decision.responseHeaders,
    decision.corsHeaders ?? [],
    { status, upstreamHost: endpoint.address },
  );
  if (!answer.body || status === 204 || status === 205 || status === 304) {
    answer.body?.cancel().catch(() => {});
    attempt.over();
    return { status, headers, body: null, trailers, ended: Promise.resolve(undefined) };
  }
  const watched = watchBody(answer.body);
  attempt.deadline.signal.addEventListener('abort', () => watched.fail(attempt.deadline.signal.reason));
  const ended = watched.ended.then((end) => {
    attempt.over();
    return flagOf(end);
  });
  return { status, headers, body: watched.stream, trailers, ended };
}

function flagOf(end: BodyEnd): ResponseFlag | undefined {
  if (end.kind !== 'failed') return end.kind === 'cancelled' ? 'DC' : undefined;
  if (end.error instanceof DeadlineError) return 'UT';
  return end.error instanceof UpstreamError ? FLAGS[end.error.reason] : 'UR';
}

/**
 * What the client is told of a try without an answer. 503, or 502 where the protocol was broken.
 *
 * Source: Envoy `source/common/router/router.cc` (onUpstreamAbort, onResponseTimeout),
 * `source/common/http/utility.cc` (resetReasonToString).
 */
function failureOf(error: unknown, client: AbortSignal): Failure {
  if (error instanceof DeadlineError) return { status: 504, message: 'upstream request timeout', flag: 'UT' };
  if (error instanceof BodyTooLargeError) return TOO_LARGE;
  const reason = error instanceof UpstreamError ? error.reason : 'remote-reset';
  return {
    status: reason === 'protocol-error' ? 502 : 503,
    message: `upstream connect error or disconnect/reset before headers. reset reason: ${reason.replaceAll('-', ' ')}`,
    flag: client.aborted ? 'DC' : FLAGS[reason],
  };
}

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

/** Content types of which no message ends the body. */
function isStream(contentType: string | undefined): boolean {
  return /^application\/(grpc|connect\+)/.test(contentType ?? '');
}
