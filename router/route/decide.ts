/**
 * From a request to its decision, in the order in which Envoy's filters have their say: virtual host, route,
 * fault, cross-origin, then the route's own action. Imports table types.
 */
import type { Cluster, Destination } from '../table/cluster.ts';
import type { Decision, Fault, HeaderOperation, Mirror } from '../table/decision.ts';
import type { HeaderList, Random, RouteRequest } from '../table/request.ts';
import type { ForwardAction } from '../table/route-table.ts';
import { drawFault, drawFraction, pickWeighted } from './chance.ts';
import { type CorsOutcome, judgeCors } from './cors.ts';
import { evaluate, type FormatContext } from './format.ts';
import { parseGrpcTimeout } from './grpc.ts';
import { firstHeader, setHeader } from './header.ts';
import { applyHeaderOperations } from './header-operation.ts';
import { localReply } from './local-reply.ts';
import type { PreparedRoute, PreparedTable } from './prepared.ts';
import { locationOf } from './redirect.ts';
import { type FoundVirtualHost, type Matcher, redirectsToHttps } from './reference.ts';
import { type RequestView, readRequest } from './request.ts';
import { rewritePath } from './rewrite.ts';

/** What was found for a request; what is absent was not reached or not there. */
export interface Found {
  readonly view?: RequestView;
  readonly host?: FoundVirtualHost;
  readonly route?: PreparedRoute;
}

/** Reads the request and finds its virtual host and route. */
export function find(table: PreparedTable, matcher: Matcher, request: RouteRequest): Found {
  const listener = table.listenerOf(request.port);
  const view = readRequest(request, listener.listener);
  if (!view) return {};
  const host = matcher.findVirtualHost(listener, view.authority);
  if (!host) return { view };
  if (redirectsToHttps(host.virtualHost.virtualHost, view)) return { view, host };
  const route = matcher.findRoute(host.virtualHost, view);
  return route ? { view, host, route } : { view, host };
}

/** The decision for what was found. */
export function decide(table: PreparedTable, found: Found, request: RouteRequest, random: Random): Decision {
  const { view, host, route } = found;
  if (!view) {
    const reason = `The path ${JSON.stringify(request.path)} cannot be normalised`;
    return localReply(undefined, { status: 400, reason });
  }
  const place = `${JSON.stringify(view.authority)} on port ${request.port}`;
  if (!host) return localReply(view, { status: 404, flag: 'NR', reason: `No virtual host takes ${place}` });
  const common = { virtualHost: host.virtualHost.virtualHost.name };
  if (redirectsToHttps(host.virtualHost.virtualHost, view)) {
    const location = `https://${view.authority}${view.path}`;
    const reason = `The gateway redirects every plain request to ${place} to https`;
    return { ...common, ...localReply(view, { status: 301, headers: [['location', location]], reason }) };
  }
  if (!route) {
    const reason = `No route of ${common.virtualHost} takes ${view.method} ${view.barePath} for ${place}`;
    return { ...common, ...localReply(view, { status: 404, flag: 'NR', reason }) };
  }
  const { name, origin, action, match } = route.route;
  const fault = drawFault(route.route.fault, random);
  const decided = {
    ...common,
    ...(name !== undefined && { route: name }),
    ...(origin && { rule: origin }),
    ...(fault && { fault }),
  };
  const context: FormatContext = { view, headers: view.headers, routeName: name, cluster: undefined };
  const operations = () => evaluate(route.responseHeaders, context);
  switch (action.kind) {
    case 'redirect': {
      const headers: HeaderList = [['location', locationOf(view, action, match.path)]];
      const reason = `The rule redirects ${view.method} ${view.barePath}`;
      const parts = { status: action.status, headers, operations: operations(), reason };
      return { ...decided, ...localReply(view, parts) };
    }
    case 'direct-response': {
      const { status } = action;
      const body = bodyOf(action.body);
      const reason = `The rule answers ${view.method} ${view.barePath} itself`;
      // Envoy gives a location to every answer whose status may have one.
      const hasLocation = status === 201 || (status >= 300 && status < 400);
      const headers: HeaderList = hasLocation ? [['location', locationOf(view, {}, match.path)]] : [];
      const parts = { status, headers, body, operations: operations(), reason };
      return { ...decided, ...localReply(view, parts) };
    }
    case 'forward':
      return forward(table, view, route, action, decided, random);
  }
}

interface DecidedSoFar {
  readonly virtualHost: string;
  readonly fault?: Fault;
}

function forward(
  table: PreparedTable,
  view: RequestView,
  route: PreparedRoute,
  action: ForwardAction,
  decided: DecidedSoFar,
  random: Random,
): Decision {
  const index = pickWeighted(action.destinations, random);
  const picked = action.destinations[index];
  const cluster = picked ? table.clusters.get(picked.cluster) : undefined;
  const cors = judgeCors(view, route.route.cors);
  const asReceived = { view, headers: view.headers, routeName: route.route.name, cluster: picked?.cluster };
  if (cors.preflight) {
    const reason = 'The rule answers the preflight itself';
    const reply = localReply(view, { status: 200, headers: cors.preflight, reason });
    const destination = cluster && { destination: cluster.destination };
    return {
      ...decided,
      ...reply,
      responseHeaders: responseOperations(route, index, asReceived),
      ...destination,
    };
  }
  const isService = picked?.cluster.startsWith('outbound|') ?? false;
  if (!picked || (isService && !cluster)) {
    const operations = responseOperations(route, index, asReceived);
    return noCluster(view, picked?.cluster, decided, cors, operations);
  }

  const own = route.destinationHeaders(index);
  const headers = [own.request, route.requestHeaders].reduce(
    (list, templates) => applyHeaderOperations(list, evaluate(templates, { ...asReceived, headers: list })),
    view.headers,
  );
  const { rewrite } = action;
  const authority = rewrite?.authority ?? picked.authority ?? view.authority;
  const path = rewritePath(view.path, route.route.match.path, rewrite, route.rewriteRegex);
  const sent: FormatContext = {
    ...asReceived,
    headers: withOriginals(headers, view, path, authority),
    view: { ...view, authority, path },
  };
  return {
    ...decided,
    kind: 'forward',
    cluster: picked.cluster,
    ...(cluster && { destination: cluster.destination }),
    request: { method: view.method, authority, path, headers },
    responseHeaders: responseOperations(route, index, sent),
    ...(cors.headers && { corsHeaders: cors.headers }),
    timeoutMs: timeoutOf(view, action.timeoutMs),
    ...(action.retry && { retry: action.retry }),
    mirrors: drawMirrors(table.clusters, action, authority, path, random),
    ...(action.hashPolicy.length > 0 && { hashPolicy: action.hashPolicy }),
  };
}

/** What Envoy notes in the request when it rewrites it; a format string can ask for it. */
function withOriginals(headers: HeaderList, view: RequestView, path: string, authority: string): HeaderList {
  let out = headers;
  if (path !== view.path) out = setHeader(out, 'x-envoy-original-path', view.path);
  if (authority !== view.authority) out = setHeader(out, 'x-envoy-original-host', view.authority);
  return out;
}

/** A destination's before its rule's. */
function responseOperations(
  route: PreparedRoute,
  destination: number,
  context: FormatContext,
): HeaderOperation[] {
  const own = route.destinationHeaders(destination).response;
  return [...evaluate(own, context), ...evaluate(route.responseHeaders, context)];
}

/** Source: Envoy `source/common/router/router.cc` (Filter::decodeHeaders, cluster not found). */
function noCluster(
  view: RequestView,
  name: string | undefined,
  decided: DecidedSoFar,
  cors: CorsOutcome,
  operations: readonly HeaderOperation[],
): Decision {
  const reason =
    name === undefined
      ? `No destination of the rule for ${view.method} ${view.barePath} has a weight`
      : `No cluster is called ${name}: its host, port or subset does not exist`;
  let { headers, ...reply } = localReply(view, { status: 503, operations, flag: 'NC', reason });
  for (const [header, value] of cors.headers ?? []) headers = setHeader(headers, header, value);
  return { ...decided, ...reply, headers, responseHeaders: operations };
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
  clusters: ReadonlyMap<string, Cluster>,
  action: ForwardAction,
  authority: string,
  path: string,
  random: Random,
): Mirror[] {
  return action.mirrors.flatMap(({ cluster, fraction }): Mirror[] => {
    const destination: Destination | undefined = clusters.get(cluster)?.destination;
    if (!drawFraction(fraction, random, 'mirror') || !destination) return [];
    return [{ cluster, destination, authority, path }];
  });
}

type Body = { readonly kind: 'text' | 'base64'; readonly value: string } | undefined;

function bodyOf(body: Body): string | Uint8Array {
  if (!body) return '';
  if (body.kind === 'text') return body.value;
  return Uint8Array.from(atob(body.value), (char) => char.charCodeAt(0));
}
