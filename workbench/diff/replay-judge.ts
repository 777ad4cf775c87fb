/**
 * How a logged request fares otherwise. What two routes differ in is worked out once, so that a log of any length
 * costs a look-up a line on each side. Imports the workbench.
 */
import type { RouteRequest, RouteTable } from '../../router/index.ts';
import { find } from '../../router/route/decide.ts';
import { createMatcher } from '../../router/route/matcher.ts';
import { prepareTable } from '../../router/route/prepared.ts';
import { redirectsToHttps } from '../../router/route/reference.ts';
import type { Route } from '../../router/table/route-table.ts';
import { changesBetween } from './change.ts';
import { HTTPS_REDIRECT, isSameOutcome, NO_ROUTE, outcomeOf, type RouteOutcome } from './outcome.ts';
import type { ReplayTables } from './replay-table.ts';

/** One way in which a request, or a part of it, fares otherwise. */
export interface Effect {
  /** `shop v1 → shop v2`, `timeout: none → 5000 ms`. */
  readonly what: string;
  readonly percent: number;
}

/** What is otherwise for a request. */
export type ReplayJudge = (request: RouteRequest) => readonly Effect[];

/** A judge by the two sides. */
export function createReplayJudge({ before, after, portFor, arrive }: ReplayTables): ReplayJudge {
  const byPort = new Map<number, ReplayJudge>();
  return (logged) => {
    const request = arrive?.(logged) ?? logged;
    const port = portFor?.(request.port) ?? request.port;
    let judge = byPort.get(port);
    if (judge === undefined) {
      judge = judgeOf(before(port), after(port));
      byPort.set(port, judge);
    }
    if (port === request.port) return judge(request);
    const effects = judge({ ...request, port });
    return effects.length === 0 ? effects : effects.map((each) => withPort(each, port, request.port));
  };
}

/** The words with the port that the request was for in place of the one that stood in for it. */
function withPort({ what, percent }: Effect, standIn: number, port: number): Effect {
  return {
    what: what.replaceAll(`:${standIn}`, `:${port}`).replaceAll(`|${standIn}|`, `|${port}|`),
    percent,
  };
}

/** The route that takes a request, or why none does: none is there, or the gateway wants it by https. */
type Taken = Route | 'none' | 'https';

function judgeOf(before: RouteTable, after: RouteTable): ReplayJudge {
  const [one, other] = [sideOf(before), sideOf(after)];
  const effects = new Map<Taken, Map<Taken, readonly Effect[]>>();
  return (request) => {
    const [from, to] = [one.find(request), other.find(request)];
    const known = effects.get(from)?.get(to);
    if (known) return known;
    const made = effectsBetween(one.outcomeOf(from), other.outcomeOf(to));
    const ofRoute = effects.get(from) ?? new Map<Taken, readonly Effect[]>();
    effects.set(from, ofRoute.set(to, made));
    return made;
  };
}

function sideOf(table: RouteTable) {
  const prepared = prepareTable(table);
  const matcher = createMatcher(prepared);
  const clusters = new Set(table.clusters.map(({ name }) => name));
  return {
    find(request: RouteRequest): Taken {
      const { route, host, view } = find(prepared, matcher, request);
      if (route) return route.route;
      return host && view && redirectsToHttps(host.virtualHost.virtualHost, view) ? 'https' : 'none';
    },
    outcomeOf(route: Taken): RouteOutcome {
      if (route === 'none') return NO_ROUTE;
      if (route === 'https') return HTTPS_REDIRECT;
      return outcomeOf(route, clusters);
    },
  };
}

function effectsBetween(one: RouteOutcome, other: RouteOutcome): readonly Effect[] {
  if (isSameOutcome(one, other)) return [];
  const { flows, changes } = changesBetween(one, other);
  if (flows.length > 0) return flows.map(({ from, to, percent }) => ({ what: `${from} → ${to}`, percent }));
  return changes
    .slice(0, 1)
    .map(({ name, from, to }) => ({ what: `${name}: ${from} → ${to}`, percent: 100 }));
}
