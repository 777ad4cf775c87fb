/**
 * Does what a decision says, once its fault is over: sends the request on, or gives the answer. Imports traffic and the
 * router's types.
 */
import { firstHeader } from '../router/route/header.ts';
import { isGrpcContentType } from '../router/route/index.ts';
import { isUntypedQuery } from '../router/route/request.ts';
import type { Decision, LocalReply } from '../router/table/decision.ts';
import type { RouteRequest } from '../router/table/request.ts';
import type { RunningCluster } from '../upstream/cluster.ts';
import { PASSTHROUGH_CLUSTER } from '../upstream/original-destination.ts';
import type { StreamReceiver } from '../wire/stream.ts';
import type { Exchange } from './exchange.ts';
import { discard } from './forward/discard.ts';
import { type ForwardOptions, forward } from './forward/index.ts';
import { type Failure, failureReply, replyOf, sendReply } from './local-reply.ts';

/** Carries the decision out on the exchange. Returns who hears the rest of the request. */
export function carryOut(
  decision: Decision,
  exchange: Exchange,
  clusters: ReadonlyMap<string, RunningCluster>,
  options: ForwardOptions,
): StreamReceiver {
  if (decision.kind === 'forward')
    return forward(decision, exchange, clusters.get(decision.cluster), options, clusters);
  const contentType = firstHeader(exchange.head.headers, 'content-type');
  sendReply(exchange, replyOf(decision, contentType), {
    ...(decision.flag && { flag: decision.flag }),
    details: detailsOf(decision, exchange.head),
  });
  return discard(exchange);
}

/** Answers with a failure, whatever the rules say. Returns who hears the rest of the request. */
export function refuse(exchange: Exchange, failure: Failure): StreamReceiver {
  const reply = failureReply(failure, firstHeader(exchange.head.headers, 'content-type'));
  sendReply(exchange, reply, failure);
  return discard(exchange);
}

/** {@link refuse} for a request that no rule leads anywhere, in words: Envoy's own answer says nothing. */
export function refuseUnrouted(exchange: Exchange, reason: string): StreamReceiver {
  return refuse(exchange, { status: 404, message: reason, flag: 'NR', details: 'route_not_found' });
}

/** Envoy's word for an answer that the router has decided. */
function detailsOf({ flag, status, virtualHost, isPreflight }: LocalReply, head: RouteRequest): string {
  if (flag === 'NR') return 'route_not_found';
  if (flag === 'NC') return 'cluster_not_found';
  if (virtualHost === undefined && status === 400)
    return isUntypedQuery(head) ? 'query_missing_content_type' : 'path_normalization_failed';
  if (virtualHost === undefined && status === 404) return 'absolute_path_rejected';
  return isPreflight ? 'cors_response' : 'direct_response';
}

/** The decision; or a 404 in place of one for a host that nobody knows, where the client dialled nobody knows either. */
export function withoutPassthrough(decision: Decision, head: RouteRequest): Decision {
  if (decision.kind !== 'forward' || decision.cluster !== PASSTHROUGH_CLUSTER.name) return decision;
  if (head.originalDestination !== undefined) return decision;
  return {
    kind: 'reply',
    ...(decision.virtualHost !== undefined && { virtualHost: decision.virtualHost }),
    responseHeaders: [],
    status: 404,
    headers: [],
    body: '',
    ...(isGrpcContentType(firstHeader(head.headers, 'content-type')) && {
      grpc: { status: 12, message: '' },
    }),
    flag: 'NR',
    reason: `No service or rule has host "${head.authority}" on port ${head.port} (path ${head.path.split('?', 1)[0]})`,
  };
}
