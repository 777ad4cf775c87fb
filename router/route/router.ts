/** Puts a table and a matcher together as a `Router`. Imports table types. */
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { decideRequest } from './decide.ts';
import { explainRequest } from './explain.ts';
import { createMatcher } from './matcher.ts';
import { type PreparedTable, prepareTable } from './prepared.ts';
import { type MatchedHost, type Matcher, referenceMatcher } from './reference.ts';
import { blankView, type RequestView } from './request.ts';

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
  // One view serves all requests, as each is decided before the next comes; only a draw of chance that asks the
  // router again finds it in use.
  let spare: RequestView | undefined;
  return {
    route(request, random) {
      const view = spare ?? blankView();
      spare = undefined;
      const decision = decideRequest(table, matcher, request, random, view);
      spare = view;
      return decision;
    },
    explain: (request) => explainRequest(table, request),
  };
}
