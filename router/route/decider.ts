/** Decides by a table and a matcher, and explains nothing: what an edge needs of a router. Imports table types. */
import type { Steps } from '../steps.ts';
import type { RouteTable } from '../table/route-table.ts';
import type { Router } from '../table/router.ts';
import { decideRequest } from './decide.ts';
import { createMatcherInSteps } from './matcher.ts';
import { type PreparedTable, prepareInSteps } from './prepared.ts';
import type { MatchedHost, Matcher } from './reference.ts';
import { blankView, type RequestView } from './request.ts';

/** The half of a router that decides. */
export type Decider = Pick<Router, 'route'>;

/** A decider over the table. Its indexes are made here, so keep it for many requests. */
export function* createDeciderInSteps(table: RouteTable): Steps<Decider> {
  const prepared = yield* prepareInSteps(table);
  return createDeciderWith(prepared, yield* createMatcherInSteps(prepared));
}

/** See {@link createDeciderInSteps}. */
export function createDeciderWith<Host extends MatchedHost>(
  table: PreparedTable,
  matcher: Matcher<Host>,
): Decider {
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
  };
}
