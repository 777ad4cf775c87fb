/** The rules of one VirtualService as one listener's routes. Imports schema types and the table's. */
import type { HTTPMatchRequest } from '../schema/virtual-service.ts';
import type { Route } from '../table/route-table.ts';
import { type ActionContext, compileAction } from './action.ts';
import { compileCors } from './cors.ts';
import { compileFault } from './fault.ts';
import { compileMatch, isCatchAll } from './match.ts';
import { originOf, type PreparedRule, type PreparedVirtualService } from './virtual-service.ts';

/** Who routes, for conditions that are decided before any request: source and gateways. */
export interface SourceContext {
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  /** `mesh`, or the gateway whose listener it is. */
  readonly gateway: string;
}

/** What {@link compileRoutes} depends on. */
export interface RouteContext extends ActionContext {
  readonly source: SourceContext;
}

/** A route with what only its compilation knows. */
export interface CompiledRoute {
  readonly route: Route;
  /** No request passes it by, so that what follows it is never reached. */
  readonly catchAll: boolean;
}

/**
 * The routes in order, up to the first that takes everything. A match of another port, gateway or source is
 * left out; a VirtualService of which nothing is left has no routes.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (BuildHTTPRoutesForVirtualService).
 */
export function compileRoutes(service: PreparedVirtualService, context: RouteContext): CompiledRoute[] {
  const routes: CompiledRoute[] = [];
  for (const prepared of service.rules) {
    const matches = prepared.rule.match ?? [];
    if (matches.length === 0) {
      routes.push(compileRoute(prepared, undefined, undefined, context));
      return routes;
    }
    for (const [index, match] of matches.entries()) {
      if (!concernsListener(match, context)) continue;
      const compiled = compileRoute(prepared, match, index, context);
      routes.push(compiled);
      if (compiled.catchAll) return routes;
    }
  }
  return routes;
}

/**
 * True unless the match is for another port, gateway or client. With `gateways` of its own a match does not
 * look at the source at all.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateRoute, sourceMatchHTTP).
 */
function concernsListener(match: HTTPMatchRequest, { listenPort, source }: RouteContext): boolean {
  if (match.port && match.port !== listenPort) return false;
  if (match.gateways?.length) return match.gateways.includes(source.gateway);
  const labels = Object.entries(match.sourceLabels ?? {});
  if (!labels.every(([key, value]) => source.labels.get(key) === value)) return false;
  return !match.sourceNamespace || match.sourceNamespace === source.namespace;
}

function compileRoute(
  prepared: PreparedRule,
  match: HTTPMatchRequest | undefined,
  index: number | undefined,
  context: RouteContext,
): CompiledRoute {
  const { rule } = prepared;
  const compiled = compileMatch(match);
  const name = match?.name ? `${rule.name ?? ''}.${match.name}` : rule.name;
  const cors = compileCors(rule.corsPolicy);
  const fault = compileFault(rule.fault);
  return {
    route: {
      ...(name && { name }),
      origin: originOf(prepared, index),
      match: compiled,
      ...compileAction(rule, context, prepared.extension, context.source),
      ...(cors && { cors }),
      ...(fault && { fault }),
    },
    catchAll: isCatchAll(compiled, match),
  };
}
