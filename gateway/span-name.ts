/** What spans are called: Istio's decorator of the route that took the request. Imports the router's table types. */
import type { Decision, RuleOrigin } from '../router/index.ts';
import type { Route, RouteTable } from '../router/table/route-table.ts';

const names = new WeakMap<RuleOrigin, string>();

/**
 * `HOST:PORT/PATH` of a route with one destination, of one with several the VirtualService's name in the host's place;
 * `egress HOST` where no route was taken.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (GetRouteOperation), Envoy
 * `source/common/http/conn_manager_impl.cc` (traceRequest).
 */
export function spanName(
  decision: Decision | undefined,
  authority: string,
  port: number,
  table: RouteTable | undefined,
): string {
  const { rule, destination } = decision ?? {};
  if (!rule) return destination ? `${destination.host}:${destination.port}/*` : `egress ${authority}`;
  let name = names.get(rule);
  if (name === undefined) {
    name = operationOf(rule, port, table && routeOf(rule, table), destination);
    names.set(rule, name);
  }
  return name;
}

function operationOf(
  rule: RuleOrigin,
  port: number,
  route: Route | undefined,
  destination: Decision['destination'],
): string {
  const destinations = route?.action.kind === 'forward' ? route.action.destinations.length : 0;
  const isOnly = destinations === 1 && destination;
  const path = route ? pathOf(route) : '/*';
  return isOnly ? `${destination.host}:${destination.port}${path}` : `${rule.name}:${port}${path}`;
}

function pathOf({ match: { path } }: Route): string {
  return path.kind === 'prefix' ? `${path.value}*` : path.value;
}

function routeOf(rule: RuleOrigin, { listeners, fallback }: RouteTable): Route | undefined {
  for (const { virtualHosts } of [...listeners, fallback])
    for (const { routes } of virtualHosts)
      for (const route of routes) if (route.origin === rule) return route;
  return undefined;
}
