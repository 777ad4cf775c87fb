/**
 * From a request to its decision, in the order in which Envoy's filters have their say: virtual host, route,
 * fault, cross-origin, then the route's own action. Imports table types.
 */
import type { Decision } from '../table/decision.ts';
import type { HeaderList, Random, RouteRequest } from '../table/request.ts';
import { drawFault } from './chance.ts';
import type { FormatContext } from './format.ts';
import { forward, forwardPlainly } from './forward.ts';
import { changesOf } from './header-change.ts';
import { localReply, withRoute } from './local-reply.ts';
import { type PreparedRoute, type PreparedTable, partsOf } from './prepared.ts';
import { locationOf, redirected } from './redirect.ts';
import { type MatchedHost, type Matcher, redirectsToHttps } from './reference.ts';
import { blankView, type RequestView, readRequest, unroutable } from './request.ts';

/** What was found for a request; what is absent was not reached or not there. */
export interface Found<Host extends MatchedHost = MatchedHost> {
  readonly view: RequestView | undefined;
  readonly host: Host | undefined;
  readonly route: PreparedRoute | undefined;
}

/** Reads the request and finds its virtual host and route. */
export function find<Host extends MatchedHost>(
  table: PreparedTable,
  matcher: Matcher<Host>,
  request: RouteRequest,
): Found<Host> {
  const listener = table.listenerOf(request.port);
  const view = readRequest(request, listener.listener, blankView());
  const host = view && matcher.findVirtualHost(listener, view.authority);
  const isRouted = view && host && isRoutedAtAll(host, view);
  return { view, host, route: isRouted ? matcher.findRoute(host, view) : undefined };
}

/**
 * Finds and decides: what every request goes through. The request is read into `blank`, of which nothing is kept
 * in the decision.
 */
export function decideRequest<Host extends MatchedHost>(
  table: PreparedTable,
  matcher: Matcher<Host>,
  request: RouteRequest,
  random: Random,
  blank: RequestView,
): Decision {
  const listener = table.listenerOf(request.port);
  const view = readRequest(request, listener.listener, blank);
  const host = view && matcher.findVirtualHost(listener, view.authority);
  if (!view || !host) return decideWithoutRoute(view, host, request);
  const { virtualHost } = host.virtualHost;
  const route = isRoutedAtAll(host, view) ? matcher.findRoute(host, view) : undefined;
  if (!route) return decideWithoutRoute(view, host, request);
  return decideRoute(table, view, virtualHost.name, route, random);
}

/** The decision for what was found. */
export function decide(table: PreparedTable, found: Found, request: RouteRequest, random: Random): Decision {
  const { view, host, route } = found;
  if (view && host && route)
    return decideRoute(table, view, host.virtualHost.virtualHost.name, route, random);
  return decideWithoutRoute(view, host, request);
}

/**
 * False for a request that no route is looked up for: one that is told to come back by https, one whose
 * `x-forwarded-proto` is empty, and a CONNECT, which has no path.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (VirtualHostImpl::getRouteFromEntries, getRouteFromRoutes).
 */
export function isRoutedAtAll(host: MatchedHost, view: RequestView): boolean {
  return (
    view.path !== '' && view.forwardedProto !== '' && !redirectsToHttps(host.virtualHost.virtualHost, view)
  );
}

function decideWithoutRoute(
  view: RequestView | undefined,
  host: MatchedHost | undefined,
  request: RouteRequest,
): Decision {
  if (!view) {
    const refused = unroutable(request);
    const reason = `The path ${JSON.stringify(request.path)} ${refused.why}`;
    return localReply(refused, { status: refused.status, reason });
  }
  const place = `${JSON.stringify(view.authority)} on port ${request.port}`;
  if (!host) return localReply(view, { status: 404, flag: 'NR', reason: `No virtual host takes ${place}` });
  const common = { virtualHost: host.virtualHost.virtualHost.name };
  if (redirectsToHttps(host.virtualHost.virtualHost, view)) {
    const location = `https://${view.authority}${view.path}`;
    const reason = `The gateway redirects every plain request to ${place} to https`;
    return { ...common, ...localReply(view, { status: 301, headers: [['location', location]], reason }) };
  }
  // A CONNECT has no path.
  const asked = view.barePath === '' ? view.method : `${view.method} ${view.barePath}`;
  const reason =
    view.forwardedProto === ''
      ? 'No route is looked up for an empty x-forwarded-proto'
      : `No route of ${common.virtualHost} takes ${asked} for ${place}`;
  return { ...common, ...localReply(view, { status: 404, flag: 'NR', reason }) };
}

function decideRoute(
  table: PreparedTable,
  view: RequestView,
  virtualHost: string,
  prepared: PreparedRoute,
  random: Random,
): Decision {
  const { plain } = prepared;
  if (plain) {
    const decision = forwardPlainly(table, view, virtualHost, plain);
    if (decision) return decision;
  }
  const { route } = prepared;
  const { action, match } = route;
  if (action.kind === 'forward') return forward(table, view, virtualHost, prepared, action, random);
  const fault = drawFault(route.fault, random);
  const shown = action.kind === 'redirect' ? redirected(view, action, match.path) : view;
  const context: FormatContext = {
    view: shown,
    headers: shown.headers,
    routeName: route.name,
    cluster: undefined,
    isResponse: true,
  };
  const operations = changesOf(partsOf(prepared).responseHeaders, context);
  const asked = `${view.method} ${view.barePath}`;
  if (action.kind === 'redirect') {
    const headers: HeaderList = [['location', locationOf(view, action, match.path)]];
    const parts = {
      status: action.status,
      headers,
      operations,
      fault,
      details: DIRECT_RESPONSE,
      reason: `The rule redirects ${asked}`,
    };
    return withRoute(localReply(view, parts), virtualHost, route, fault);
  }
  const { status } = action;
  // Envoy gives a location to every answer whose status may have one.
  const hasLocation = status === 201 || (status >= 300 && status < 400);
  const headers: HeaderList = hasLocation ? [['location', locationOf(view, {}, match.path)]] : [];
  const reason = `The rule answers ${asked} itself`;
  const body = bodyOf(action.body);
  const reply = localReply(view, {
    ...{ status, headers, body, operations, fault, reason },
    details: DIRECT_RESPONSE,
  });
  return withRoute(reply, virtualHost, route, fault);
}

/** Envoy's word for a redirect, too. */
const DIRECT_RESPONSE = 'direct_response';

type Body = { readonly kind: 'text' | 'base64'; readonly value: string } | undefined;

function bodyOf(body: Body): string | Uint8Array {
  if (!body) return '';
  if (body.kind === 'text') return body.value;
  return Uint8Array.from(atob(body.value), (char) => char.charCodeAt(0));
}
