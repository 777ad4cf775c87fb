/** The account of a decision. Imports table types. */
import type { Chance, Explanation, RuleTrial } from '../table/explanation.ts';
import type { Random, RouteRequest } from '../table/request.ts';
import type { FaultPolicy, ForwardAction, Fraction } from '../table/route-table.ts';
import { decide, find, isRoutedAtAll } from './decide.ts';
import { conditionsOf, type PreparedRoute, type PreparedTable } from './prepared.ts';
import { domainKind, type FoundVirtualHost, referenceMatcher } from './reference.ts';
import type { RequestView } from './request.ts';
import { asciiLower } from './string-match.ts';

/**
 * Follows the reference through one request: the virtual host and why, each route up to the one taken with the
 * first condition that failed, and what happens for each destination that the weights allow.
 */
export function explainRequest(table: PreparedTable, request: RouteRequest): Explanation {
  const found = find(table, referenceMatcher, request);
  const { view, host, route } = found;
  const action = route?.route.action;
  const weights = action?.kind === 'forward' ? action.destinations.map(({ weight }) => weight) : [];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Chances short of certainty do not happen in an outcome; they are told apart.
  const drawing =
    (weightDraw: number): Random =>
    (bound, purpose) =>
      purpose === 'weight' ? weightDraw : bound - 1;
  let before = 0;
  const single = decide(table, found, request, drawing(0));
  const isChosen = single.kind === 'forward' && single.chosenBy !== undefined;
  const outcomes =
    weights.length > 1 && total > 0 && !isChosen
      ? weights.map((weight) => {
          const decision = decide(table, found, request, drawing(before));
          before += weight;
          return { percent: (100 * weight) / total, decision };
        })
      : [{ percent: 100, decision: single }];
  return {
    request,
    ...(host &&
      view && {
        virtualHost: { name: host.virtualHost.virtualHost.name, domain: host.domain, why: why(host, view) },
      }),
    tried: host && view && isRoutedAtAll(host, view) ? trials(host, view, route) : [],
    outcomes,
    chances: route
      ? chancesOf(
          route,
          outcomes.some(({ decision }) => decision.kind === 'forward'),
        )
      : [],
    ...(action?.kind === 'forward' && extensionsOf(action)),
  };
}

function extensionsOf({ sticky, preview, mirrors }: ForwardAction): Pick<Explanation, 'extensions'> {
  const trusted = [...(preview?.everyClient ? ['everybody here'] : []), ...(preview?.ranges ?? [])];
  const compared = mirrors.flatMap(({ cluster, compare }) => (compare ? cluster : []));
  const extensions = [
    ...(sticky
      ? [
          `the ${sticky.key.kind} ${sticky.key.name}, where there is one, decides the split: the same goes the same way`,
        ]
      : []),
    ...(preview
      ? [
          `the header ${preview.header} may name one of the subsets ${preview.destinations.map(({ subset }) => subset).join(', ')}, from ${trusted.join(', ') || 'nobody here'}`,
        ]
      : []),
    ...compared.map((cluster) => `the answer of the copy to ${cluster} is compared`),
  ];
  return extensions.length > 0 ? { extensions } : {};
}

function trials(host: FoundVirtualHost, view: RequestView, taken: PreparedRoute | undefined): RuleTrial[] {
  const tried: RuleTrial[] = [];
  for (const route of host.virtualHost.routes) {
    const { origin, name } = route.route;
    const trial = { ...(origin && { rule: origin }), ...(name !== undefined && { route: name }) };
    if (route === taken) return [...tried, { ...trial, matched: true }];
    const failed = conditionsOf(route).find((condition) => !condition.holds(view));
    tried.push({
      ...trial,
      matched: false,
      ...(failed && { failed: { field: failed.field, want: failed.want, got: failed.seen(view) } }),
    });
  }
  return tried;
}

function why({ domain }: FoundVirtualHost, { authority }: RequestView): string {
  const asked = JSON.stringify(authority);
  switch (domainKind(domain)) {
    case 'exact':
      return asciiLower(authority) === domain
        ? `${asked} is one of its domains`
        : `${asked} is its domain ${JSON.stringify(domain)}, port and letter case aside`;
    case 'suffix':
    case 'prefix':
      return `${asked} is covered by its wildcard ${JSON.stringify(domain)}, the most specific one`;
    case 'any':
      return `it takes every host that no other virtual host has, and none has ${asked}`;
  }
}

/** What is answered at once, a preflight too, is copied to nobody. */
function chancesOf({ route }: PreparedRoute, isForwarded: boolean): Chance[] {
  const { action, fault } = route;
  const mirrors = isForwarded && action.kind === 'forward' ? action.mirrors : [];
  return [
    ...faultChances(fault),
    ...mirrors.flatMap(({ cluster, fraction }) => chance('mirror', fraction, `copy to ${cluster}`)),
  ];
}

function faultChances(fault: FaultPolicy | undefined): Chance[] {
  const { delay, abort } = fault ?? {};
  return [
    ...(delay ? chance('fault-delay', delay.fraction, `delay of ${delay.delayMs} ms`) : []),
    ...(abort ? chance('fault-abort', abort.fraction, `abort with ${abortText(abort.status)}`) : []),
  ];
}

/** How an abort reads: `HTTP 503`, `gRPC status 14`. */
export function abortText(status: NonNullable<FaultPolicy['abort']>['status']): string {
  return 'httpStatus' in status ? `HTTP ${status.httpStatus}` : `gRPC status ${status.grpcStatus}`;
}

function chance(kind: Chance['kind'], { numerator, denominator }: Fraction, what: string): Chance[] {
  if (numerator <= 0 || numerator >= denominator) return [];
  return [{ kind, percent: (100 * numerator) / denominator, what }];
}
