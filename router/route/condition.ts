/**
 * A route's match as a list of conditions, each of which can say in the writer's words what it wants and what
 * it saw: the same tests decide and explain. Imports table types.
 */
import type { HeaderList } from '../table/request.ts';
import type {
  HeaderMatch,
  PathMatch,
  QueryParamMatch,
  RouteMatch,
  StringMatch,
} from '../table/route-table.ts';
import { headerValues } from './header.ts';
import { pseudoHeader, queryValue, type RequestView } from './request.ts';
import { compileStringMatch, type StringTest } from './string-match.ts';

/** One condition of a route. */
export interface Condition {
  /** As the rule writes it: `uri`, `headers[end-user]`, `withoutHeaders[x-debug]`, `queryParams[v]`. */
  readonly field: string;
  /** What it asks for: `prefix "/api"`. */
  readonly want: string;
  /** True when the request fulfils it. */
  holds(view: RequestView): boolean;
  /** What the request has at this place. */
  seen(view: RequestView): string;
}

/**
 * The conditions of a match in the order in which they are looked at, the path first.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (RouteEntryImplBase::matchRoute and the path entries).
 */
export function compileConditions(match: RouteMatch, pool: ConditionPool): Condition[] {
  const { path } = match;
  return [
    pooled(pool, ['path', path.ignoreCase], path, () => pathCondition(path)),
    ...match.headers.map((header) => {
      return pooled(pool, ['header', header.name, header.invert], header.value, () =>
        headerCondition(header),
      );
    }),
    ...match.queryParams.map((param) => {
      return pooled(pool, ['query', param.name], param.value, () => queryCondition(param));
    }),
    ...match.claims.map(claimCondition),
  ];
}

/** Conditions that many routes share: each is made, and held in memory and the processor's caches, once. */
export interface ConditionPool {
  /** There once a condition is: most of many virtual hosts are never asked for. */
  byKey: Map<string, Condition> | undefined;
}

/** Regexes are left apart: their text alone does not make two of them the same. */
function pooled(
  pool: ConditionPool,
  field: readonly unknown[],
  match: StringMatch | PathMatch,
  compile: () => Condition,
): Condition {
  if (match.kind === 'regex') return compile();
  const key = JSON.stringify([...field, match.kind, match.kind === 'any' ? '' : match.value]);
  pool.byKey ??= new Map();
  let condition = pool.byKey.get(key);
  if (!condition) {
    condition = compile();
    pool.byKey.set(key, condition);
  }
  return condition;
}

function pathCondition(path: PathMatch): Condition {
  const test = compileStringMatch(path, path.ignoreCase && path.kind !== 'regex');
  return {
    field: 'uri',
    want: `${wantOf(path)}${path.ignoreCase && path.kind !== 'regex' ? ' in any letter case' : ''}`,
    holds: (view) => test(view.barePath),
    seen: (view) => JSON.stringify(view.barePath),
  };
}

/** True when every condition holds that is not known to already: `known` has a bit for each of the first ones. */
export function holdBesides(conditions: readonly Condition[], known: number, view: RequestView): boolean {
  for (let index = 0; index < conditions.length; index++) {
    if (index < 31 && known & (1 << index)) continue;
    if (!conditions[index]!.holds(view)) return false;
  }
  return true;
}

/**
 * A header given several times fulfils a condition with any of its values. Inverted, a header that is not
 * there is compared as if it were empty; asked for presence alone, it must not be there.
 *
 * Source: Envoy `source/common/http/header_utility.cc` (HeaderData), with `match_headers_individually`.
 */
function headerCondition({ name, value, invert }: HeaderMatch): Condition {
  const valuesOf = (view: RequestView) => {
    const own = pseudoHeader(view, name);
    return own === undefined ? headerValues(view.headers, name) : [own];
  };
  const test = compileStringMatch(value);
  return {
    field: fieldOf(name, invert),
    want: invert ? `not ${wantOf(value)}` : wantOf(value),
    holds: (view) => {
      const own = pseudoHeader(view, name);
      if (own !== undefined) return test(own) !== invert;
      return headerFulfils(view.headers, name, value, test, invert);
    },
    seen: (view) => seenValues(valuesOf(view)),
  };
}

function headerFulfils(
  headers: HeaderList,
  name: string,
  match: StringMatch,
  test: StringTest,
  invert: boolean,
): boolean {
  let isThere = false;
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    if (header[0] !== name) continue;
    if (test(header[1])) return !invert;
    isThere = true;
  }
  if (isThere) return invert;
  return invert && (match.kind === 'any' || !test(''));
}

function queryCondition({ name, value }: QueryParamMatch): Condition {
  const test = compileStringMatch(value);
  return {
    field: `queryParams[${name}]`,
    want: wantOf(value),
    holds: (view) => {
      const seen = queryValue(view, name);
      return seen !== undefined && test(seen);
    },
    seen: (view) => {
      const seen = queryValue(view, name);
      return seenValues(seen === undefined ? [] : [seen]);
    },
  };
}

function claimCondition(claim: string): Condition {
  return { field: `headers[${claim}]`, want: 'a verified token', holds: () => false, seen: () => 'no token' };
}

/** Names of the fields that are matched as pseudo headers. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  [':method', 'method'],
  [':authority', 'authority'],
  [':scheme', 'scheme'],
]);

function fieldOf(name: string, invert: boolean): string {
  if (invert) return `withoutHeaders[${name}]`;
  return FIELDS.get(name) ?? `headers[${name}]`;
}

function wantOf(match: StringMatch): string {
  return match.kind === 'any' ? 'present' : `${match.kind} ${JSON.stringify(match.value)}`;
}

function seenValues(values: readonly string[]): string {
  return values.length === 0 ? 'absent' : values.map((value) => JSON.stringify(value)).join(', ');
}
