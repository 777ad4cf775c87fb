/**
 * Carries out a decision to forward: one try at one endpoint, within the rule's timeout. Envoy's router filter
 * without its retries. Imports upstream's clusters.
 */
import { firstHeader } from '../../router/route/header.ts';
import type { Forward } from '../../router/table/decision.ts';
import type { RunningCluster } from '../../upstream/cluster.ts';
import type { StreamReceiver } from '../../wire/stream.ts';
import type { Exchange } from '../exchange.ts';
import { type Failure, failureReply, sendReply } from '../local-reply.ts';
import { Attempt } from './attempt.ts';
import { discard } from './discard.ts';

/** See the fields. */
export interface ForwardOptions {
  /** Largest body that an upstream may hold as a whole. */
  readonly maxBodyBytes: number;
}

/** Source: Envoy `source/common/http/codes.cc` (413 by name). */
const TOO_LARGE: Failure = { status: 413, message: 'Payload Too Large' };

/** Sends the request on; the exchange gets the upstream's answer, or in its place the one that Envoy gives. */
export function forward(
  decision: Forward,
  exchange: Exchange,
  cluster: RunningCluster | undefined,
  options: ForwardOptions,
): StreamReceiver {
  if (!cluster) return refuse(exchange, { status: 503, message: '', flag: 'NC' });
  const endpoint = cluster.pick();
  if (!endpoint) return refuse(exchange, { status: 503, message: 'no healthy upstream', flag: 'UH' });
  let maxBytes = Number.POSITIVE_INFINITY;
  if (endpoint.upstream.buffers && !exchange.hasEnded) {
    const { headers } = exchange.head;
    if (!isStream(firstHeader(headers, 'content-type'))) maxBytes = options.maxBodyBytes;
    if (Number(firstHeader(headers, 'content-length') ?? 0) > maxBytes) return refuse(exchange, TOO_LARGE);
  }
  return new Attempt(decision, exchange, endpoint, maxBytes);
}

function refuse(exchange: Exchange, failure: Failure): StreamReceiver {
  const reply = failureReply(failure, firstHeader(exchange.head.headers, 'content-type'));
  sendReply(exchange, reply, failure.flag);
  return discard(exchange);
}

/** Content types of which no message ends the body. */
function isStream(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  return contentType.startsWith('application/grpc') || contentType.startsWith('application/connect+');
}
