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

/** Sends the request on; the exchange gets the upstream's answer, or in its place the one that Envoy gives. */
export function forward(
  decision: Forward,
  exchange: Exchange,
  cluster: RunningCluster | undefined,
): StreamReceiver {
  if (!cluster) return refuse(exchange, { status: 503, message: '', flag: 'NC' });
  const endpoint = cluster.pick();
  if (!endpoint) return refuse(exchange, { status: 503, message: 'no healthy upstream', flag: 'UH' });
  return new Attempt(decision, exchange, endpoint);
}

function refuse(exchange: Exchange, failure: Failure): StreamReceiver {
  const reply = failureReply(failure, firstHeader(exchange.head.headers, 'content-type'));
  sendReply(exchange, reply, failure.flag);
  return discard(exchange);
}
