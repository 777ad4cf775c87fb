/** One request against a table: the route it meets and everything that can happen then. Imports the router. */
import type { Decision, RouteRequest, RouteTable, VirtualHost } from '../router/index.ts';
import { decide, find } from '../router/route/decide.ts';
import { createMatcher } from '../router/route/matcher.ts';
import { prepareTable } from '../router/route/prepared.ts';
import type { Route } from '../router/table/route-table.ts';

/** What becomes of one request. */
export interface Trial {
  /** Absent when none takes the request. */
  readonly virtualHost?: VirtualHost;
  /** Absent when none is taken. */
  readonly route?: Route;
  /** One for each destination that the weights allow; chances of faults and mirrors short of certainty left out. */
  readonly outcomes: readonly Outcome[];
}

/** One way that a request can go. */
export interface Outcome {
  /** How many of 100 requests go so. */
  readonly percent: number;
  readonly decision: Decision;
  /** Place in the route's destinations; absent where it does not forward. */
  readonly destination?: number;
}

/** Tries requests. */
export type Tester = (request: RouteRequest) => Trial;

/** A tester for the table. Its indexes are made here, so keep it for many requests. */
export function createTester(table: RouteTable): Tester {
  const prepared = prepareTable(table);
  const matcher = createMatcher(prepared);
  return (request) => {
    const found = find(prepared, matcher, request);
    const route = found.route?.route;
    const destinations = route?.action.kind === 'forward' ? route.action.destinations : [];
    const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
    const first = decide(prepared, found, request, (bound, purpose) =>
      purpose === 'weight' ? 0 : bound - 1,
    );
    if (first.kind === 'forward' && first.chosenBy) {
      // The request itself has chosen, so that nothing is left to the weights.
      const destination = destinations.findIndex(({ cluster }) => cluster === first.cluster);
      const chosen = { percent: 100, decision: first, ...(destination !== -1 && { destination }) };
      return {
        ...(found.host && { virtualHost: found.host.virtualHost.virtualHost }),
        ...(route && { route }),
        outcomes: [chosen],
      };
    }
    let before = 0;
    const outcomes = destinations.flatMap(({ weight }, destination): Outcome[] => {
      const share = destinations.length === 1 ? 1 : total === 0 ? 0 : weight / total;
      if (share === 0) return [];
      const draw = before;
      before += weight;
      const decision = decide(prepared, found, request, (bound, purpose) =>
        purpose === 'weight' ? draw : bound - 1,
      );
      return [{ percent: 100 * share, decision, destination }];
    });
    const certain = (): Outcome => {
      return { percent: 100, decision: decide(prepared, found, request, (bound) => bound - 1) };
    };
    return {
      ...(found.host && { virtualHost: found.host.virtualHost.virtualHost }),
      ...(route && { route }),
      outcomes: outcomes.length > 0 ? outcomes : [certain()],
    };
  };
}
