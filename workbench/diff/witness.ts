/**
 * What a request must have besides, so that two routes' differences show on it: a header that only one of them takes
 * away, a path in other letters. Imports the algebra of regions.
 */
import type { HeaderOperation, Route } from '../../router/index.ts';
import { quotePattern } from '../../router/region/pattern.ts';
import { type Requirement, requestRequirements } from '../../router/region/requirement.ts';
import type { PathMatch, RouteMatch, StringMatch } from '../../router/table/route-table.ts';

/** Conditions that may be added to a region. */
export interface Witness {
  readonly requirements: readonly Requirement[];
  /** Of the client, where its address decides. */
  readonly sourceAddress?: string;
}

/** Headers of which each gets a witness of its own, at most. */
const MAX_NAMES = 12;
/** Values of a key that are tried: which destination one falls on is as good as chance. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** The witnesses, the likeliest first; `authorities` are some that the requests may have. */
export function* witnessesOf(
  routes: readonly (Route | undefined)[],
  authorities: readonly string[],
): Generator<Witness> {
  const both = routes.filter((route) => route !== undefined);
  for (const match of matchesOf(both)) yield { requirements: requirementsOf(match) };
  for (const { action } of both) {
    if (action.kind !== 'forward' || !action.preview) continue;
    const { header, destinations, ranges } = action.preview;
    const addresses = ranges.length === 0 ? [undefined] : ranges.flatMap(endsOf);
    for (const { subset } of destinations) {
      const requirements = requirementsOf({ headers: [headerMatch(header, exact(subset))] });
      for (const address of addresses)
        yield { requirements, ...(address !== undefined && { sourceAddress: address }) };
    }
  }
  for (const authority of authorities)
    yield { requirements: requirementsOf({ headers: [headerMatch(':authority', exact(authority))] }) };
  yield { requirements: requirementsOf({ headers: [headerMatch(':scheme', exact('https'))] }) };
}

function* matchesOf(routes: readonly Route[]): Generator<Partial<RouteMatch>> {
  const names = [...new Set(routes.flatMap(namesOf))];
  if (names.length > 0) {
    // With a value of its own each, as formats may differ in whose they take.
    yield { headers: names.map((name) => headerMatch(name, exact(`value-of-${name}`))) };
    yield { headers: names.map((name) => headerMatch(name, ANY)) };
    for (const name of names.slice(0, MAX_NAMES)) {
      yield { headers: [headerMatch(name, exact(`value-of-${name}`))] };
      yield { headers: [headerMatch(name, ANY)] };
      yield { headers: [{ ...headerMatch(name, ANY), invert: true }] };
    }
  }
  for (const { cors } of routes) {
    for (const origin of cors?.allowOrigins ?? []) {
      const asked = headerMatch('origin', origin);
      yield { headers: [asked] };
      const method = headerMatch('access-control-request-method', exact('GET'));
      yield { headers: [asked, method, headerMatch(':method', exact('OPTIONS'))] };
    }
  }
  for (const { action } of routes) {
    const key = action.kind === 'forward' ? action.sticky?.key : undefined;
    if (!key) continue;
    for (const value of KEYS) {
      const [name, text] = key.kind === 'header' ? [key.name, value] : ['cookie', `${key.name}=${value}`];
      yield { headers: [headerMatch(name, exact(text))] };
    }
  }
  yield* pathsOf(routes);
}

/** Paths in other letters, longer ones, and those that a regex rewrites. */
function* pathsOf(routes: readonly Route[]): Generator<Partial<RouteMatch>> {
  for (const { match, action } of routes) {
    const { kind, value, ignoreCase } = match.path;
    const regex = action.kind === 'forward' ? action.rewrite?.regex?.pattern : undefined;
    if (regex !== undefined) yield { path: pathMatch('regex', `(?s:.*)(?:${regex})(?s:.*)`) };
    if (ignoreCase && kind !== 'regex') {
      for (const text of [value.toUpperCase(), value.toLowerCase(), swapped(value)])
        yield { path: pathMatch(kind, text) };
    }
    if (kind === 'prefix') yield { path: pathMatch('regex', `${quotePattern(value)}.+`) };
  }
  yield { path: pathMatch('regex', '/.+') };
}

const ANY: StringMatch = { kind: 'any' };
const exact = (value: string): StringMatch => ({ kind: 'exact', value });
const headerMatch = (name: string, value: StringMatch) => ({ name, value, invert: false });
const pathMatch = (kind: PathMatch['kind'], value: string): PathMatch => ({ kind, value, ignoreCase: false });

function requirementsOf({
  path = pathMatch('prefix', '/'),
  headers = [],
}: Partial<RouteMatch>): Requirement[] {
  return requestRequirements({ path, headers, queryParams: [], claims: [] }).filter(
    ({ dimension }) => dimension.presence !== 'none',
  );
}

function swapped(text: string): string {
  return text.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

/** The first address of a range, and of IPv4 the last one too: 10.0.0.0 and 10.255.255.255. */
function endsOf(range: string): string[] {
  const [first = '', bits = '32'] = range.split('/');
  if (first.includes(':')) return [first];
  const host = 2 ** (32 - Number(bits));
  const number = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const last = Math.floor(number / host) * host + host - 1;
  return [first, [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join('.')];
}

/** Headers that a route changes, and those of which its formats tell. */
function namesOf({ requestHeaders, responseHeaders, action }: Route): string[] {
  const destinations = action.kind === 'forward' ? action.destinations : [];
  const changed = [...requestHeaders, ...destinations.flatMap((each) => each.requestHeaders)];
  const told = [...changed, ...responseHeaders, ...destinations.flatMap((each) => each.responseHeaders)];
  return [...changed.map(({ name }) => name), ...told.flatMap(formatNames)];
}

function formatNames(operation: HeaderOperation): string[] {
  if (operation.kind === 'remove') return [];
  const commands = operation.value.matchAll(/%(?:REQ|REQUEST_HEADER)\(([^)?]*)(?:\?([^)]*))?\)/gi);
  return [...commands].flatMap(([, name, other]) =>
    [name, other].flatMap((each) => (each && !each.startsWith(':') ? [each.toLowerCase()] : [])),
  );
}
