/**
 * A route's forward action: which destination, the request as it goes there, and what may be answered in its
 * stead. Imports table types.
 */
import type { Decision, Fault, Forward, HeaderOperation, LocalReply, Mirror } from '../table/decision.ts';
import type { HeaderList, Random } from '../table/request.ts';
import type { ForwardAction, Route, WeightedCluster } from '../table/route-table.ts';
import { withAttempt } from './attempt-header.ts';
import { drawFault, drawFraction, pickWeighted } from './chance.ts';
import { type CorsOutcome, judgeCors } from './cors.ts';
import type { FormatContext } from './format.ts';
import { parseGrpcTimeout } from './grpc.ts';
import { firstHeader, setHeader } from './header.ts';
import { changesOf } from './header-change.ts';
import { applyHeaderOperations } from './header-operation.ts';
import { localReply, type Writable, withRoute } from './local-reply.ts';
import {
  type DestinationParts,
  destinationOf,
  type PlainForward,
  type PreparedRoute,
  type PreparedTable,
  partsOf,
  type RouteParts,
} from './prepared.ts';
import { pickPreview } from './preview.ts';
import type { RequestView } from './request.ts';
import { rewritePath } from './rewrite.ts';
import { pickSticky, splitKeyOf } from './sticky-split.ts';

const NO_MIRRORS: readonly Mirror[] = [];

/** What {@link forward} decides for a plain route; undefined where its cluster does not exist. */
export function forwardPlainly(
  { clusters }: PreparedTable,
  view: RequestView,
  virtualHost: string,
  plain: PlainForward,
): Forward | undefined {
  const { route, rule, cluster, responseHeaders, retry } = plain;
  if (plain.clusters !== clusters) {
    plain.clusters = clusters;
    plain.destination = clusters.get(cluster);
  }
  const { destination } = plain;
  if (!destination) return undefined;
  const { method, authority, path, headers } = view;
  const request = { method, authority, path, headers };
  const timeoutMs = timeoutOf(view, plain.timeoutMs);
  const kind = 'forward';
  const mirrors = NO_MIRRORS;
  // Made at once with all that it has, an object takes less room and time than one that grows.
  return route === undefined
    ? { kind, virtualHost, rule, cluster, destination, request, responseHeaders, timeoutMs, retry, mirrors }
    : {
        kind,
        virtualHost,
        route,
        rule,
        cluster,
        destination,
        request,
        responseHeaders,
        timeoutMs,
        retry,
        mirrors,
      };
}

/** The decision of a route that forwards: a destination is drawn, and the request made as it goes there. */
export function forward(
  table: PreparedTable,
  view: RequestView,
  virtualHost: string,
  prepared: PreparedRoute,
  action: ForwardAction,
  random: Random,
): Decision {
  const { route } = prepared;
  const fault = drawFault(route.fault, random);
  const parts = partsOf(prepared);
  const { picked, own, chosenBy } = pick(parts, view, action, random);
  const destination = destinationOf(table, own);
  const cors = route.cors ? judgeCors(view, route.cors, parts.allowOrigins) : NO_CORS;
  if (cors.preflight) {
    const reason = 'The rule answers the preflight itself';
    // Not a failure that gRPC would be told of in its own way, whatever the content type.
    const reply = localReply(undefined, { status: 200, headers: cors.preflight, reason });
    reply.responseHeaders = responseChanges(own, view, route, picked?.cluster);
    reply.isPreflight = true;
    if (destination) reply.destination = destination;
    if (picked) reply.cluster = picked.cluster;
    return withRoute(reply, virtualHost, route, fault);
  }
  if (!picked || (!destination && picked.cluster.startsWith('outbound|'))) {
    const operations = responseChanges(own, view, route, undefined);
    return withRoute(noCluster(view, picked?.cluster, cors, operations, fault), virtualHost, route, fault);
  }

  const { rewrite } = action;
  const before = picked.authority ?? view.authority;
  const authority = rewrite?.authority ?? before;
  const path = rewritePath(view.path, route.match.path, rewrite);
  const timeoutMs = timeoutOf(view, action.timeoutMs);
  let { headers } = view;
  if (own.seesTry) {
    const tryMs = action.retry?.perTryTimeoutMs || timeoutMs;
    headers = withAttempt(headers, 1, Math.min(tryMs, timeoutMs || tryMs), view.isGrpc);
  }
  if (own.requestHeaders.length > 0)
    headers = requestChanged(own, headers, view, route, picked.cluster, picked.authority);
  // Envoy notes what a rewrite took the place of, be it the same.
  if (rewrite?.uri !== undefined || rewrite?.regex)
    headers = setHeader(headers, 'x-envoy-original-path', view.path);
  if (before !== authority) headers = setHeader(headers, 'x-envoy-original-host', before);
  const request = { method: view.method, authority, path, headers };
  // An abort comes before anything is done to the request.
  const responseHeaders =
    own.fixedResponse ??
    (fault?.abort
      ? responseChanges(own, view, route, picked.cluster)
      : responseChanges(own, { ...view, authority, path }, route, picked.cluster, headers, view.path));
  const mirrors = drawMirrors(table.clusters, action, authority, path, random);
  const decision: Writable<Forward> = {
    kind: 'forward',
    virtualHost,
    cluster: picked.cluster,
    request,
    responseHeaders,
    timeoutMs,
    mirrors,
  };
  if (destination) decision.destination = destination;
  if (route.origin) decision.rule = route.origin;
  if (action.retry) decision.retry = action.retry;
  if (route.name !== undefined) decision.route = route.name;
  if (fault) decision.fault = fault;
  if (cors.headers) decision.corsHeaders = cors.headers;
  if (action.hashPolicy.length > 0) decision.hashPolicy = action.hashPolicy;
  if (own.seesTry) decision.isTold = true;
  if (chosenBy) decision.chosenBy = chosenBy;
  return decision;
}

interface Picked {
  readonly picked: WeightedCluster | undefined;
  readonly own: DestinationParts;
  readonly chosenBy?: NonNullable<Forward['chosenBy']>;
}

/** The destination: the one that a trusted client names, else that of the request's key, else one by chance. */
function pick(
  { destinations, previews }: RouteParts,
  view: RequestView,
  { destinations: weighted, preview, sticky }: ForwardAction,
  random: Random,
): Picked {
  const named = preview && pickPreview(preview, view);
  if (named !== undefined)
    return { picked: preview!.destinations[named]!, own: previews[named]!, chosenBy: 'preview' };
  const key = sticky && splitKeyOf(sticky.key, view.headers);
  if (key !== undefined) {
    const index = pickSticky(weighted, sticky!, key);
    return { picked: weighted[index], own: destinations[index]!, chosenBy: 'sticky-split' };
  }
  const index = pickWeighted(weighted, random);
  return { picked: weighted[index], own: destinations[index]! };
}

/** The request's headers after a destination's changes, then the rule's. */
function requestChanged(
  { requestHeaders }: DestinationParts,
  before: HeaderList,
  view: RequestView,
  { name }: Route,
  cluster: string,
  authority: string | undefined,
): HeaderList {
  let headers = before;
  let seen = view;
  for (const changes of requestHeaders) {
    const context: FormatContext = { view: seen, headers, routeName: name, cluster, isResponse: false };
    headers = applyHeaderOperations(headers, changesOf(changes, context));
    // The destination's authority is there when the rule's changes are made, the rule's own is not yet.
    if (authority !== undefined && seen === view) seen = { ...view, authority };
  }
  return headers;
}

const NO_CORS: CorsOutcome = {};

/** A destination's before its rule's. */
function responseChanges(
  own: DestinationParts,
  view: RequestView,
  { name }: Route,
  cluster: string | undefined,
  headers: HeaderList = view.headers,
  originalPath: string = view.path,
): readonly HeaderOperation[] {
  if (own.fixedResponse) return own.fixedResponse;
  const context: FormatContext = {
    view,
    headers,
    routeName: name,
    cluster,
    originalPath,
    isResponse: true,
  };
  const [first = [], second = []] = own.responseHeaders.map((changes) => changesOf(changes, context));
  const [begin, ...rest] = second;
  return begin ? [...first, first.length > 0 ? { ...begin, begins: true } : begin, ...rest] : first;
}

/** Source: Envoy `source/common/router/router.cc` (Filter::decodeHeaders, cluster not found). */
function noCluster(
  view: RequestView,
  name: string | undefined,
  cors: CorsOutcome,
  operations: readonly HeaderOperation[],
  fault: Fault | undefined,
): Writable<LocalReply> {
  const reason =
    name === undefined
      ? `No destination of the rule for ${view.method} ${view.barePath} has a weight`
      : `No cluster is called ${name}: its host, port or subset does not exist`;
  const reply = localReply(view, {
    status: 503,
    operations,
    fault,
    flag: 'NC',
    details: 'cluster_not_found',
    reason,
  });
  for (const [header, value] of cors.headers ?? []) reply.headers = setHeader(reply.headers, header, value);
  reply.responseHeaders = operations;
  return reply;
}

/**
 * Of a gRPC request what its client asks for, at most the rule's; of any other the rule's.
 *
 * Source: Envoy `source/common/router/router.cc` (FilterUtility::finalTimeout).
 */
function timeoutOf(view: RequestView, limitMs: number): number {
  if (!view.isGrpc) return limitMs;
  const asked = parseGrpcTimeout(firstHeader(view.headers, 'grpc-timeout')) ?? 0;
  if (limitMs === 0) return asked;
  return asked === 0 ? limitMs : Math.min(asked, limitMs);
}

/** A mirror to a cluster that does not exist is left out. */
function drawMirrors(
  clusters: PreparedTable['clusters'],
  action: ForwardAction,
  authority: string,
  path: string,
  random: Random,
): readonly Mirror[] {
  if (action.mirrors.length === 0) return NO_MIRRORS;
  return action.mirrors.flatMap(({ cluster, fraction, compare }): Mirror[] => {
    const destination = clusters.get(cluster);
    if (!drawFraction(fraction, random, 'mirror') || !destination) return [];
    return [{ cluster, destination, authority, path, ...(compare && { compare }) }];
  });
}
