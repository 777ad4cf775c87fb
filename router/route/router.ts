/** Puts a table and a matcher together as a `Router`. Imports table types. */
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { decide, find } from './decide.ts';
import { explainRequest } from './explain.ts';
import { createMatcher } from './matcher.ts';
import { prepareTable } from './prepared.ts';
import { type Matcher, referenceMatcher } from './reference.ts';

/** A router over the table. Regexes and indexes are made once, as they are needed, so keep it for many requests. */
export function createRouter(table: RouteTable): Router {
  return createRouterWith(table, createMatcher());
}

/** The same by the definition alone: slow, and what the fast one is compared with. */
export function createReferenceRouter(table: RouteTable): Router {
  return createRouterWith(table, referenceMatcher);
}

function createRouterWith(table: RouteTable, matcher: Matcher): Router {
  const prepared = prepareTable(table);
  return {
    route: (request, random) => decide(prepared, find(prepared, matcher, request), request, random),
    explain: (request) => explainRequest(prepared, request),
  };
}
