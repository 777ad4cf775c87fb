/** A table made ready for many requests: everything that depends on the rules alone is worked out once. Imports table types. */
import type { Cluster } from '../table/cluster.ts';
import type { Listener, Route, RouteTable, VirtualHost } from '../table/route-table.ts';
import { type Condition, compileConditions } from './condition.ts';
import { compileTemplates, type HeaderTemplate } from './format.ts';
import { compileRegex } from './string-match.ts';

/** See {@link prepareTable}. */
export interface PreparedTable {
  /** The listener of a port, or the one for ports without. */
  listenerOf(port: number): PreparedListener;
  readonly clusters: ReadonlyMap<string, Cluster>;
}

/** A listener with its virtual hosts. */
export interface PreparedListener {
  readonly listener: Listener;
  readonly virtualHosts: readonly PreparedVirtualHost[];
}

/** A virtual host with its routes. */
export interface PreparedVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly routes: readonly PreparedRoute[];
}

/** A route; its parts are compiled when first asked for, as most routes of a large table are never taken. */
export interface PreparedRoute {
  readonly route: Route;
  readonly conditions: readonly Condition[];
  readonly requestHeaders: readonly HeaderTemplate[];
  readonly responseHeaders: readonly HeaderTemplate[];
  /** Of the destination with this index. */
  destinationHeaders(index: number): DestinationTemplates;
  /** Of a rewrite by regex; undefined where there is none or RE2 refuses it. */
  readonly rewriteRegex: ReturnType<typeof compileRegex>;
}

interface DestinationTemplates {
  readonly request: readonly HeaderTemplate[];
  readonly response: readonly HeaderTemplate[];
}

/** Prepares a table. The cost is that of the lists; regexes are compiled as they are needed. */
export function prepareTable(table: RouteTable): PreparedTable {
  const routes = new Map<Route, PreparedRoute>();
  const prepareOnce = (route: Route): PreparedRoute => {
    let prepared = routes.get(route);
    if (!prepared) {
      prepared = prepareRoute(route);
      routes.set(route, prepared);
    }
    return prepared;
  };
  const prepareListener = (listener: Listener): PreparedListener => ({
    listener,
    virtualHosts: listener.virtualHosts.map((virtualHost) => ({
      virtualHost,
      routes: virtualHost.routes.map(prepareOnce),
    })),
  });
  const listeners = new Map(table.listeners.map((listener) => [listener.port, prepareListener(listener)]));
  const fallback = prepareListener(table.fallback);
  return {
    listenerOf: (port) => listeners.get(port) ?? fallback,
    clusters: new Map(table.clusters.map((cluster) => [cluster.name, cluster])),
  };
}

function prepareRoute(route: Route): PreparedRoute {
  const { action } = route;
  const destinations: DestinationTemplates[] = [];
  return {
    route,
    get conditions() {
      return replace(this, 'conditions', compileConditions(route.match));
    },
    get requestHeaders() {
      return replace(this, 'requestHeaders', compileTemplates(route.requestHeaders));
    },
    get responseHeaders() {
      return replace(this, 'responseHeaders', compileTemplates(route.responseHeaders));
    },
    get rewriteRegex() {
      const pattern = action.kind === 'forward' ? action.rewrite?.regex?.pattern : undefined;
      return replace(this, 'rewriteRegex', pattern === undefined ? undefined : compileRegex(pattern));
    },
    destinationHeaders(index) {
      const destination = action.kind === 'forward' ? action.destinations[index] : undefined;
      destinations[index] ??= {
        request: compileTemplates(destination?.requestHeaders ?? []),
        response: compileTemplates(destination?.responseHeaders ?? []),
      };
      return destinations[index];
    },
  };
}

/** Puts a value in the place of the getter that made it. */
function replace<K extends keyof PreparedRoute>(
  target: object,
  key: K,
  value: PreparedRoute[K],
): PreparedRoute[K] {
  Object.defineProperty(target, key, { value });
  return value;
}
