/** HTTPMatchRequest -> the table's conditions. Imports schema types and the table's. */
import type { StringMatch as StringMatchSpec } from '../schema/string-match.ts';
import type { HTTPMatchRequest } from '../schema/virtual-service.ts';
import { byteText } from '../table/byte-text.ts';
import { NONE } from '../table/none.ts';
import type {
  HeaderMatch,
  PathMatch,
  QueryParamMatch,
  RouteMatch,
  StringMatch,
} from '../table/route-table.ts';
import { compareText } from './age.ts';
import { compileRegex } from './regex.ts';

/**
 * The conditions of one match; without one, every request.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateRouteMatch).
 */
export function compileMatch(match: HTTPMatchRequest | undefined): RouteMatch {
  if (!match) return { path: EVERY_PATH, headers: NONE, queryParams: NONE, claims: NONE };
  const wanted = Object.entries(match.headers ?? {}).map(([name, value]) => ({ name, value, invert: false }));
  // Without a token no claim is there, so that its absence needs no condition.
  const unwanted = Object.entries(match.withoutHeaders ?? {})
    .filter(([name]) => !isClaim(name))
    .map(([name, value]) => ({ name, value, invert: true }));
  const headers: HeaderMatch[] = [...wanted.filter(({ name }) => !isClaim(name)), ...unwanted]
    .sort((a, b) => compareText(a.name, b.name))
    .map(({ name, value, invert }) => ({
      name: name.toLowerCase(),
      value: compileStringMatch(value),
      invert,
    }));
  const claims = wanted.map(({ name }) => name).filter(isClaim);
  const queryParams = Object.entries(match.queryParams ?? {}).map(
    ([name, value]): QueryParamMatch => ({ name: byteText(name), value: compileStringMatch(value) }),
  );
  if (match.method) headers.push(pseudo(':method', match.method));
  if (match.authority) headers.push(pseudo(':authority', match.authority));
  if (match.scheme) headers.push(pseudo(':scheme', match.scheme));
  return {
    path: compilePath(match),
    headers: headers.length > 0 ? headers : NONE,
    queryParams: queryParams.length > 0 ? queryParams : NONE,
    claims: claims.length > 0 ? claims : NONE,
  };
}

/**
 * A StringMatch; one with nothing set, and the regex `*`, ask only that the value is there.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (canBeConvertedToPresentMatch).
 */
export function compileStringMatch(match: StringMatchSpec): StringMatch {
  if (match.regex !== undefined) {
    return match.regex === '*' ? { kind: 'any' } : regexMatch(match.regex);
  }
  if (match.prefix !== undefined) return { kind: 'prefix', value: byteText(match.prefix) };
  if (match.exact !== undefined) return { kind: 'exact', value: byteText(match.exact) };
  return { kind: 'any' };
}

/**
 * A condition by regex, with its program, for which each byte is a letter.
 *
 * Source: what Envoy answers; `source/common/common/regex.cc` (CompiledGoogleReMatcher).
 */
export function regexMatch(value: string): StringMatch & { readonly kind: 'regex' } {
  const program = compileRegex(byteText(value));
  return { kind: 'regex', value, ...(program && { program }) };
}

/**
 * True when no request is passed over by these conditions. Only the paths `/` and `.*` count, as in Istio.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (IsCatchAllRoute).
 */
export function isCatchAll(match: RouteMatch, spec: HTTPMatchRequest | undefined): boolean {
  const { path } = match;
  const everyPath =
    (path.kind === 'prefix' && path.value === '/') || (path.kind === 'regex' && path.value === '.*');
  const hasClaims = Object.keys(spec?.withoutHeaders ?? {}).some(isClaim) || match.claims.length > 0;
  return everyPath && match.headers.length === 0 && match.queryParams.length === 0 && !hasClaims;
}

const EVERY_PATH: PathMatch = { kind: 'prefix', value: '/', ignoreCase: false };

function compilePath({ uri, ignoreUriCase }: HTTPMatchRequest): PathMatch {
  const ignoreCase = ignoreUriCase ?? false;
  if (uri?.regex !== undefined) return { ...regexMatch(uri.regex), ignoreCase };
  if (uri?.prefix !== undefined) return { kind: 'prefix', value: byteText(uri.prefix), ignoreCase };
  if (uri?.exact !== undefined) return { kind: 'exact', value: byteText(uri.exact), ignoreCase };
  return { ...EVERY_PATH, ignoreCase };
}

function pseudo(name: string, value: StringMatchSpec): HeaderMatch {
  return { name, value: compileStringMatch(value), invert: false };
}

const isClaim = (name: string): boolean => claimPath(name) !== undefined;

/**
 * The path to the claim that a header's name means: `a` and `b` of `@request.auth.claims.a.b` and of
 * `@request.auth.claims[a][b]`. Undefined for a header.
 *
 * Source: Istio `pkg/jwt/routing.go` (ToRoutingClaim).
 */
export function claimPath(name: string): readonly string[] | undefined {
  const [, dotted, bracketed] = /^@request\.auth\.claims(?:\.(.+)|\[(.+)\])$/is.exec(name) ?? [];
  return dotted?.split('.') ?? bracketed?.split('][');
}
