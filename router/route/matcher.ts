/**
 * The fast matcher: finds what the reference finds, by looking up what it can. Hosts are found by name; routes
 * with an exact or prefix path by the request's path, so that their number does not matter; the rest is tried
 * in order. Imports nothing but its siblings.
 */
import type { PreparedListener, PreparedRoute, PreparedVirtualHost } from './prepared.ts';
import { domainKind, type FoundVirtualHost, hostOf, type Matcher } from './reference.ts';
import type { RequestView } from './request.ts';
import { asciiLower } from './string-match.ts';

/** A matcher with indexes of its own, each made when its listener or virtual host is first asked for. */
export function createMatcher(): Matcher {
  const hosts = new WeakMap<PreparedListener, HostIndex>();
  const routes = new WeakMap<PreparedVirtualHost, RouteIndex>();
  return {
    findVirtualHost(listener, authority) {
      let index = hosts.get(listener);
      if (!index) {
        index = indexHosts(listener);
        hosts.set(listener, index);
      }
      return lookUpHost(index, hostOf(listener, authority));
    },
    findRoute(virtualHost, view) {
      let index = routes.get(virtualHost);
      if (!index) {
        index = indexRoutes(virtualHost.routes);
        routes.set(virtualHost, index);
      }
      return lookUpRoute(index, virtualHost.routes, view);
    },
  };
}

/** Virtual hosts by domain. */
interface HostIndex {
  readonly exact: ReadonlyMap<string, FoundVirtualHost>;
  /** By what stands after the `*`; lengths from long to short. */
  readonly suffixes: ByLength<FoundVirtualHost>;
  /** By what stands before the `*`. */
  readonly prefixes: ByLength<FoundVirtualHost>;
  readonly any: FoundVirtualHost | undefined;
}

/** Texts grouped by length, so that a lookup costs one step for each length there is. */
interface ByLength<Value> {
  readonly lengths: readonly number[];
  readonly values: ReadonlyMap<string, Value>;
}

function indexHosts({ virtualHosts }: PreparedListener): HostIndex {
  const exact = new Map<string, FoundVirtualHost>();
  const suffixes = new Map<string, FoundVirtualHost>();
  const prefixes = new Map<string, FoundVirtualHost>();
  let any: FoundVirtualHost | undefined;
  const keepFirst = (map: Map<string, FoundVirtualHost>, key: string, found: FoundVirtualHost) => {
    if (!map.has(key)) map.set(key, found);
  };
  for (const virtualHost of virtualHosts) {
    for (const domain of virtualHost.virtualHost.domains) {
      const found = { virtualHost, domain };
      switch (domainKind(domain)) {
        case 'exact':
          keepFirst(exact, domain, found);
          break;
        case 'suffix':
          keepFirst(suffixes, domain.slice(1), found);
          break;
        case 'prefix':
          keepFirst(prefixes, domain.slice(0, -1), found);
          break;
        case 'any':
          any ??= found;
      }
    }
  }
  return { exact, suffixes: byLength(suffixes), prefixes: byLength(prefixes), any };
}

function byLength<Value>(values: ReadonlyMap<string, Value>): ByLength<Value> {
  const lengths = new Set([...values.keys()].map((key) => key.length));
  return { lengths: [...lengths].sort((a, b) => b - a), values };
}

function lookUpHost(index: HostIndex, host: string): FoundVirtualHost | undefined {
  const exact = index.exact.get(host);
  if (exact) return exact;
  for (const length of index.suffixes.lengths) {
    const found =
      length < host.length ? index.suffixes.values.get(host.slice(host.length - length)) : undefined;
    if (found) return found;
  }
  for (const length of index.prefixes.lengths) {
    const found = length < host.length ? index.prefixes.values.get(host.slice(0, length)) : undefined;
    if (found) return found;
  }
  return index.any;
}

/** Positions of routes in their list, in order. */
type Positions = number[];

/** Routes by path. Those whose letter case does not matter are kept in lower case, apart. */
interface RouteIndex {
  readonly exact: ReadonlyMap<string, Positions>;
  readonly exactLower: ReadonlyMap<string, Positions>;
  readonly prefixes: ByLength<Positions>;
  readonly prefixesLower: ByLength<Positions>;
  /** Routes whose path is a regex. */
  readonly others: Positions;
}

function indexRoutes(routes: readonly PreparedRoute[]): RouteIndex {
  const exact = new Map<string, Positions>();
  const exactLower = new Map<string, Positions>();
  const prefixes = new Map<string, Positions>();
  const prefixesLower = new Map<string, Positions>();
  const others: Positions = [];
  const add = (map: Map<string, Positions>, key: string, position: number) => {
    const positions = map.get(key);
    if (positions) positions.push(position);
    else map.set(key, [position]);
  };
  for (const [position, { route }] of routes.entries()) {
    const { kind, value, ignoreCase } = route.match.path;
    if (kind === 'regex') others.push(position);
    else if (kind === 'exact')
      add(ignoreCase ? exactLower : exact, ignoreCase ? asciiLower(value) : value, position);
    else add(ignoreCase ? prefixesLower : prefixes, ignoreCase ? asciiLower(value) : value, position);
  }
  return { exact, exactLower, prefixes: byLength(prefixes), prefixesLower: byLength(prefixesLower), others };
}

function lookUpRoute(
  index: RouteIndex,
  routes: readonly PreparedRoute[],
  view: RequestView,
): PreparedRoute | undefined {
  const path = view.barePath;
  const lists: Positions[] = [];
  const exact = index.exact.get(path);
  if (exact) lists.push(exact);
  addPrefixes(lists, index.prefixes, path);
  if (index.exactLower.size > 0 || index.prefixesLower.lengths.length > 0) {
    const lower = asciiLower(path);
    const exactLower = index.exactLower.get(lower);
    if (exactLower) lists.push(exactLower);
    addPrefixes(lists, index.prefixesLower, lower);
  }
  if (index.others.length > 0) lists.push(index.others);
  return firstThatHolds(lists, routes, view);
}

function addPrefixes(lists: Positions[], prefixes: ByLength<Positions>, path: string): void {
  for (const length of prefixes.lengths) {
    if (length > path.length) continue;
    const found = prefixes.values.get(path.slice(0, length));
    if (found) lists.push(found);
  }
}

/** Takes the lists' positions in rising order and returns the first route all of whose conditions hold. */
function firstThatHolds(
  lists: readonly Positions[],
  routes: readonly PreparedRoute[],
  view: RequestView,
): PreparedRoute | undefined {
  const heads = lists.map(() => 0);
  for (;;) {
    let next = -1;
    let position = Number.POSITIVE_INFINITY;
    for (let list = 0; list < lists.length; list++) {
      const head = lists[list]![heads[list]!];
      if (head !== undefined && head < position) {
        position = head;
        next = list;
      }
    }
    if (next === -1) return undefined;
    heads[next]!++;
    const route = routes[position]!;
    if (route.conditions.every((condition) => condition.holds(view))) return route;
  }
}
