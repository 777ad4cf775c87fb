/**
 * Carries out a decision to forward: the request goes to an endpoint of the cluster, within the rule's timeout and
 * with its retries, and copies of it to its mirrors. Imports upstream's clusters.
 */
import type { Forward } from '../../router/table/decision.ts';
import type { Random } from '../../router/table/request.ts';
import type { RunningCluster } from '../../upstream/cluster.ts';
import type { StreamReceiver } from '../../wire/stream.ts';
import type { Clock } from '../clock.ts';
import type { ComparisonSink } from '../compare/comparison.ts';
import type { Exchange } from '../exchange.ts';
import { type Failure, routedFailureReply, sendReply } from '../local-reply.ts';
import { discard } from './discard.ts';
import { NO_CLUSTER, NO_ENDPOINT } from './failure.ts';
import { Forwarding } from './forwarding.ts';
import { startMirrors } from './mirror.ts';
import { requestHash } from './request-hash.ts';

/** See the fields. */
export interface ForwardOptions {
  /** For timeouts and back-off. */
  readonly clock: Clock;
  /** For the jitter of back-off. */
  readonly random: Random;
  /** Compares answers of copies with the client's, where a rule asks for it. Absent: nobody does. */
  readonly comparisons?: ComparisonSink | undefined;
}

/**
 * Sends the request on; the exchange gets the upstream's answer, or in its place the one that Envoy gives. Mirrors
 * are looked up in `clusters`.
 */
export function forward(
  decision: Forward,
  exchange: Exchange,
  cluster: RunningCluster | undefined,
  options: ForwardOptions,
  clusters: ReadonlyMap<string, RunningCluster>,
): StreamReceiver {
  if (!cluster) return refuse(decision, exchange, NO_CLUSTER);
  const picked = {
    hash: cluster.isHashing ? requestHash(decision, exchange) : undefined,
    authority: decision.request.authority,
    originalDestination: exchange.head.originalDestination,
  };
  const endpoint = cluster.pick(picked);
  if (!endpoint) {
    cluster.counter.noneHealthy++;
    exchange.attempts = 1;
    return refuse(decision, exchange, NO_ENDPOINT);
  }
  const mirrors =
    decision.mirrors.length > 0 ? startMirrors(decision, exchange, clusters, options) : undefined;
  return new Forwarding(decision, exchange, cluster, endpoint, picked, mirrors, options);
}

function refuse(decision: Forward, exchange: Exchange, failure: Failure): StreamReceiver {
  sendReply(exchange, routedFailureReply(decision, exchange, failure, ''), failure);
  return discard(exchange);
}
