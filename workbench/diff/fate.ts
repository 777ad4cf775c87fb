/** What becomes of one request with every draw of chance there is, so that two sides can be told apart by it. Imports the router. */
import type { Decision, RouteRequest, RouteTable } from '../../router/index.ts';
import { decide, find } from '../../router/route/decide.ts';
import { createMatcher } from '../../router/route/matcher.ts';
import { prepareTable } from '../../router/route/prepared.ts';
import type { Fraction, Route } from '../../router/table/route-table.ts';
import { sortedJson } from './sorted-json.ts';

/** See {@link createFateTeller}. */
export interface Fate {
  /** Absent when none is taken. */
  readonly route: Route | undefined;
  /** One decision that chance allows. */
  readonly decision: Decision;
  /** Equal for requests of which the same becomes, names of rules aside. */
  key(): string;
}

/** Tells what becomes of requests. */
export type FateTeller = (request: RouteRequest) => Fate;

/** A teller for the table. Its indexes are made here, so keep it for many requests. */
export function createFateTeller(table: RouteTable): FateTeller {
  const prepared = prepareTable(table);
  const matcher = createMatcher(prepared);
  return (request) => {
    const found = find(prepared, matcher, request);
    const route = found.route?.route;
    const drawn = (weight: number, isHit: boolean): Decision =>
      decide(prepared, found, request, (bound, purpose) =>
        purpose === 'weight' ? weight : isHit ? 0 : bound - 1,
      );
    return {
      route,
      decision: drawn(0, false),
      key() {
        const percents = new Map<string, number>();
        for (const { weight, percent } of drawsOf(route)) {
          const text = sortedJson([drawn(weight, true), drawn(weight, false)].map(seenOf));
          percents.set(text, (percents.get(text) ?? 0) + percent);
        }
        const outcomes = [...percents].map(([text, percent]) => [text, percent.toFixed(9)]);
        return JSON.stringify([chancesOf(route, prepared.clusters), outcomes.sort()]);
      },
    };
  };
}

/** A draw of the weights for each destination, with the chance of it. */
function drawsOf(route: Route | undefined): { weight: number; percent: number }[] {
  const destinations = route?.action.kind === 'forward' ? route.action.destinations : [];
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  if (destinations.length < 2 || total === 0) return [{ weight: 0, percent: 100 }];
  let before = 0;
  return destinations.flatMap(({ weight }) => {
    const draw = { weight: before, percent: (100 * weight) / total };
    before += weight;
    return weight === 0 ? [] : [draw];
  });
}

/** How often faults and mirrors befall the requests of the route, by what they are. */
function chancesOf(route: Route | undefined, clusters: { has(name: string): boolean }): string[] {
  const { delay, abort } = route?.fault ?? {};
  const { mirrors = [], destinations = [] } = route?.action.kind === 'forward' ? route.action : {};
  const isSent = destinations.some(({ cluster }) => clusters.has(cluster));
  const drawn: (readonly [what: string, chance: Fraction | undefined])[] = [
    ['delay', delay?.fraction],
    ['abort', abort?.fraction],
    ...mirrors
      .filter(({ cluster }) => isSent && clusters.has(cluster))
      .map(({ fraction }) => ['mirror', fraction] as const),
  ];
  return drawn.flatMap(([what, fraction]) => {
    if (!fraction || fraction.numerator <= 0) return [];
    return [`${what} ${Math.min(1, fraction.numerator / fraction.denominator)}`];
  });
}

/** What of a decision can be seen from outside. */
function seenOf(decision: Decision): unknown {
  const { rule: _, route: __, virtualHost: ___, destination: ____, ...seen } = decision;
  if (seen.kind === 'forward')
    return { ...seen, mirrors: seen.mirrors.map(({ destination: _, ...mirror }) => mirror) };
  const { reason: _reason, body, ...rest } = seen;
  return { ...rest, body: [...(typeof body === 'string' ? new TextEncoder().encode(body) : body)] };
}
