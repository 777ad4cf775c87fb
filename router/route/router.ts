/** Puts a table and a matcher together as a `Router`. Imports table types. */
import { finish, type Steps } from '../steps.ts';
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { createDeciderWith } from './decider.ts';
import { explainRequest } from './explain.ts';
import { createMatcherInSteps } from './matcher.ts';
import { type PreparedTable, prepareInSteps, prepareTable } from './prepared.ts';
import { type MatchedHost, type Matcher, referenceMatcher } from './reference.ts';

/** A router over the table. Its indexes are made here, so keep it for many requests. */
export function createRouter(table: RouteTable): Router {
  return finish(createRouterInSteps(table));
}

/** {@link createRouter} for who has other things to do meanwhile. */
export function* createRouterInSteps(table: RouteTable): Steps<Router> {
  const prepared = yield* prepareInSteps(table);
  return createRouterWith(prepared, yield* createMatcherInSteps(prepared));
}

/** The same by the definition alone: slow, and what the fast one is compared with. */
export function createReferenceRouter(table: RouteTable): Router {
  return createRouterWith(prepareTable(table), referenceMatcher);
}

function createRouterWith<Host extends MatchedHost>(table: PreparedTable, matcher: Matcher<Host>): Router {
  const { route } = createDeciderWith(table, matcher);
  return { route, explain: (request) => explainRequest(table, request) };
}
