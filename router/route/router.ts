/** Puts a table and a matcher together as a `Router`. Imports table types. */
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { createDeciderWith } from './decider.ts';
import { explainRequest } from './explain.ts';
import { createMatcher } from './matcher.ts';
import { type PreparedTable, prepareTable } from './prepared.ts';
import { type MatchedHost, type Matcher, referenceMatcher } from './reference.ts';

/** A router over the table. Its indexes are made here, so keep it for many requests. */
export function createRouter(table: RouteTable): Router {
  const prepared = prepareTable(table);
  return createRouterWith(prepared, createMatcher(prepared));
}

/** The same by the definition alone: slow, and what the fast one is compared with. */
export function createReferenceRouter(table: RouteTable): Router {
  return createRouterWith(prepareTable(table), referenceMatcher);
}

function createRouterWith<Host extends MatchedHost>(table: PreparedTable, matcher: Matcher<Host>): Router {
  const { route } = createDeciderWith(table, matcher);
  return { route, explain: (request) => explainRequest(table, request) };
}
