/**
 * The router for a table made elsewhere: decides and explains, and reaches neither YAML nor schemas, so that
 * an edge bundle holds a compiled table and this. Imports the table's types and vocabulary alone.
 */
import type { Decision } from '../table/decision.ts';
import type { Explanation } from '../table/explanation.ts';
import type { Random, RouteRequest } from '../table/request.ts';
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { createRouter } from './router.ts';

export { createDeciderInSteps, type Decider } from './decider.ts';
export { formatExplanation } from './explanation-text.ts';
export { grpcStatusOf, isGrpcContentType } from './grpc.ts';
export { applyHeaderOperations } from './header-operation.ts';
export { readable } from './readable.ts';
export { createReferenceRouter, createRouter, createRouterInSteps } from './router.ts';
export { abortReply, failureReply, type WireReply, wireReply } from './wire-reply.ts';

const routers = new WeakMap<RouteTable, Router>();

function routerOf(table: RouteTable): Router {
  let router = routers.get(table);
  if (!router) {
    router = createRouter(table);
    routers.set(table, router);
  }
  return router;
}

/** The decision for one request: {@link createRouter} for those who keep no router. */
export function route(table: RouteTable, request: RouteRequest, random: Random): Decision {
  return routerOf(table).route(request, random);
}

/** Why {@link route} decides as it does. */
export function explain(table: RouteTable, request: RouteRequest): Explanation {
  return routerOf(table).explain(request);
}
