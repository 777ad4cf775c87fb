/**
 * A table made ready for many requests: what depends on the rules alone is worked out once, and of routes when
 * they are first needed, as most of a large table are never taken. Imports table types.
 */
import { finish, type Steps } from '../steps.ts';
import type { Cluster, Destination } from '../table/cluster.ts';
import { CONNECTION_FIELDS } from '../table/connection-field.ts';
import type { HeaderOperation, RetryPolicy, RuleOrigin } from '../table/decision.ts';
import type { Listener, Route, RouteTable, VirtualHost } from '../table/route-table.ts';
import { type Condition, type ConditionPool, compileConditions } from './condition.ts';
import { type HeaderChanges, prepareChanges } from './header-change.ts';
import { compileStringMatch, type StringTest } from './string-match.ts';

/** See {@link prepareTable}. */
export interface PreparedTable {
  /** The listener of a port, or the one for ports without. */
  listenerOf(port: number): PreparedListener;
  readonly listeners: readonly PreparedListener[];
  /** What each cluster is, by name: all that a decision needs of it. */
  readonly clusters: ReadonlyMap<string, Destination>;
}

/** A listener with its virtual hosts. */
export interface PreparedListener {
  /** In {@link PreparedTable.listeners}. */
  readonly place: number;
  readonly listener: Listener;
  readonly virtualHosts: readonly PreparedVirtualHost[];
}

/** A virtual host with its routes. */
export interface PreparedVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly routes: readonly PreparedRoute[];
}

/** A route, and what is made of it when it is first needed. */
export interface PreparedRoute {
  readonly route: Route;
  /** Of its virtual host. */
  readonly pool: ConditionPool;
  /** For {@link conditionsOf}. */
  conditions: readonly Condition[] | undefined;
  /** For {@link partsOf}. */
  parts: RouteParts | undefined;
  /** There once the parts are, for a route that is as most are. */
  plain: PlainForward | undefined;
}

/**
 * A route that forwards to one cluster whatever the request is, without fault, mirror, rewrite or anything else to
 * be worked out: all that its decisions have in common, in one place, so that a decision touches little memory.
 */
export interface PlainForward {
  readonly route: string | undefined;
  readonly rule: RuleOrigin;
  readonly cluster: string;
  /** What {@link destination} was found in, and is good for. */
  clusters: PreparedTable['clusters'] | undefined;
  destination: Destination | undefined;
  readonly responseHeaders: readonly HeaderOperation[];
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** What a route does to headers and origins, compiled. */
export interface RouteParts {
  readonly responseHeaders: HeaderChanges;
  /** By destination, its own changes before the route's; one entry at least. */
  readonly destinations: readonly DestinationParts[];
  /** By destination that a client may name. */
  readonly previews: readonly DestinationParts[];
  /** Of its corsPolicy. */
  readonly allowOrigins: readonly StringTest[];
}

/** One destination: its cluster, and what is done to headers for it. */
export interface DestinationParts {
  /** Undefined for a route that has nowhere to go. */
  readonly clusterName: string | undefined;
  /** What {@link destination} was found in, and is good for. */
  clusters: PreparedTable['clusters'] | undefined;
  /** For {@link destinationOf}. */
  destination: Destination | undefined;
  /** Its own and the route's; none where neither changes anything. */
  readonly requestHeaders: readonly HeaderChanges[];
  readonly responseHeaders: readonly HeaderChanges[];
  /** A change is of what upstreams are told of a try, or has it in its value. */
  readonly seesTry: boolean;
  /** All changes of {@link responseHeaders}, where none of them needs the request. */
  readonly fixedResponse: readonly HeaderOperation[] | undefined;
}

/** Prepares a table. The cost is that of the lists. */
export function prepareTable(table: RouteTable): PreparedTable {
  return finish(prepareInSteps(table));
}

/** {@link prepareTable} for who has other things to do meanwhile. */
export function* prepareInSteps(table: RouteTable): Steps<PreparedTable> {
  const listeners: PreparedListener[] = [];
  for (const listener of [table.fallback, ...table.listeners])
    listeners.push(yield* prepareListener(listener, listeners.length));
  const fallback = listeners[0]!;
  const byPort = new Map(listeners.map((each) => [each.listener.port, each]));
  const { port } = fallback.listener;
  let latest = { port, listener: byPort.get(port)! };
  return {
    // Requests come to one port again and again.
    listenerOf(port) {
      if (port !== latest.port) latest = { port, listener: byPort.get(port) ?? fallback };
      return latest.listener;
    },
    listeners,
    clusters: destinationsByName(table.clusters),
  };
}

/** The one made last. */
let latestMap: PreparedTable['clusters'] = new Map();

/** The same map for clusters that differ in endpoints alone, as those of two tables in a row most often do. */
function destinationsByName(clusters: readonly Cluster[]): PreparedTable['clusters'] {
  const before = [...latestMap.values()];
  if (
    before.length !== clusters.length ||
    clusters.some(({ destination }, place) => destination !== before[place])
  )
    latestMap = new Map(clusters.map(({ name, destination }) => [name, destination]));
  return latestMap;
}

const hostLists = new WeakMap<readonly VirtualHost[], readonly PreparedVirtualHost[]>();

/** The same list for the same list. */
function* prepareListener(listener: Listener, place: number): Steps<PreparedListener> {
  const known = hostLists.get(listener.virtualHosts);
  if (known) return { place, listener, virtualHosts: known };
  const virtualHosts: PreparedVirtualHost[] = [];
  for (const each of listener.virtualHosts) {
    virtualHosts.push(prepareVirtualHost(each));
    yield;
  }
  hostLists.set(listener.virtualHosts, virtualHosts);
  return { place, listener, virtualHosts };
}

const virtualHosts = new WeakMap<VirtualHost, PreparedVirtualHost>();

/** The same for the same virtual host, so that of a table of which little is new little is prepared. */
function prepareVirtualHost(virtualHost: VirtualHost): PreparedVirtualHost {
  let prepared = virtualHosts.get(virtualHost);
  if (!prepared) {
    const pool: ConditionPool = { byKey: undefined };
    const routes = virtualHost.routes.map((route): PreparedRoute => {
      return { route, pool, conditions: undefined, parts: undefined, plain: undefined };
    });
    prepared = { virtualHost, routes };
    virtualHosts.set(virtualHost, prepared);
  }
  return prepared;
}

/** The conditions of a route. */
export function conditionsOf(prepared: PreparedRoute): readonly Condition[] {
  prepared.conditions ??= compileConditions(prepared.route.match, prepared.pool);
  return prepared.conditions;
}

/** The parts of a route. */
export function partsOf(prepared: PreparedRoute): RouteParts {
  if (!prepared.parts) {
    prepared.parts = prepareParts(prepared.route);
    prepared.plain = plainForward(prepared.route, prepared.parts);
  }
  return prepared.parts;
}

function plainForward(
  { name, origin, action, cors, fault }: Route,
  { destinations }: RouteParts,
): PlainForward | undefined {
  if (action.kind !== 'forward' || !origin || cors || fault) return undefined;
  const { rewrite, retry, timeoutMs, mirrors, hashPolicy, preview } = action;
  const [picked] = action.destinations;
  if (!picked || action.destinations.length > 1 || picked.authority !== undefined) return undefined;
  if (preview || !retry || rewrite || mirrors.length > 0 || hashPolicy.length > 0) return undefined;
  const { requestHeaders, fixedResponse } = destinations[0]!;
  if (requestHeaders.length > 0 || !fixedResponse) return undefined;
  return {
    route: name,
    rule: origin,
    cluster: picked.cluster,
    clusters: undefined,
    destination: undefined,
    responseHeaders: fixedResponse,
    timeoutMs,
    retry,
  };
}

/**
 * What the cluster of a destination is, if there is one; remembered, as the name is looked up for every request.
 * Routes outlive their table, clusters do not.
 */
export function destinationOf({ clusters }: PreparedTable, parts: DestinationParts): Destination | undefined {
  if (parts.clusters !== clusters) {
    parts.clusters = clusters;
    parts.destination = clusters.get(parts.clusterName ?? '');
  }
  return parts.destination;
}

function prepareParts({ action, cors, requestHeaders, responseHeaders }: Route): RouteParts {
  const request = prepareChanges(requestHeaders);
  const response = responseChanges(responseHeaders);
  const destinations =
    action.kind === 'forward' && action.destinations.length > 0 ? action.destinations : [NONE];
  const partsFor = (destination: (typeof destinations)[number]): DestinationParts => {
    const responses = [responseChanges(destination.responseHeaders), response];
    const requests = [prepareChanges(destination.requestHeaders), request];
    const isFixed = responses.every(({ fixed }) => fixed);
    return {
      clusterName: 'cluster' in destination ? destination.cluster : undefined,
      clusters: undefined,
      destination: undefined,
      requestHeaders: requests.some(({ templates }) => templates.length > 0) ? requests : [],
      responseHeaders: responses,
      seesTry: TRY_HEADER.test(JSON.stringify([destination, requestHeaders, responseHeaders])),
      fixedResponse: isFixed ? responses.flatMap(({ fixed }) => fixed ?? []) : undefined,
    };
  };
  const previews = action.kind === 'forward' ? (action.preview?.destinations ?? []) : [];
  return {
    responseHeaders: response,
    destinations: destinations.map(partsFor),
    previews: previews.map(partsFor),
    allowOrigins: (cors?.allowOrigins ?? []).map((match) => compileStringMatch(match)),
  };
}

/**
 * Changes to an answer; what is of its connection is not for rules to say.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateResponseHeaders), and its HTTP/2 codec for `keep-alive`.
 */
function responseChanges(operations: readonly HeaderOperation[]): HeaderChanges {
  return prepareChanges(operations.filter(({ name }) => !CONNECTION_FIELDS.has(name)));
}

const TRY_HEADER = /x-envoy-(?:attempt|expected)-|grpc-timeout/i;

const NONE = { requestHeaders: [], responseHeaders: [] };
