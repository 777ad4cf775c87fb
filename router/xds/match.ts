/** Envoy's RouteMatch -> the table's conditions. Imports the generated messages and the table's types. */
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch as RouteMatchMessage,
} from '../../gen/envoy/config/route/v3/route_components_pb.ts';
import type { StringMatcher } from '../../gen/envoy/type/matcher/v3/string_pb.ts';
import { regexMatch } from '../compile/match.ts';
import { byteText } from '../table/byte-text.ts';
import type {
  HeaderMatch,
  PathMatch,
  QueryParamMatch,
  RouteMatch,
  StringMatch,
} from '../table/route-table.ts';
import { refuseUnknownFields, within, XdsRefusal } from './refusal.ts';

/**
 * The conditions of one route. Throws an {@link XdsRefusal} for a condition that the table cannot say: to leave it
 * out would give the route requests that are not its own.
 *
 * Source: Envoy `api/envoy/config/route/v3/route_components.proto` (RouteMatch).
 */
export function readMatch(match: RouteMatchMessage | undefined): RouteMatch {
  if (!match) throw new XdsRefusal('it is missing');
  refuseUnknownFields(match);
  return {
    path: readPath(match),
    headers: match.headers.flatMap((header, index) => within(`headers[${index}]`, () => readHeader(header))),
    queryParams: match.queryParameters.map((param, index) =>
      within(`query_parameters[${index}]`, () => readQueryParam(param)),
    ),
    // Istio's condition on a JWT's claims. Without a verified token none holds, and the absence of one always does.
    claims: match.dynamicMetadata
      .filter(({ invert }) => !invert)
      .map(({ path }) => path.map(({ segment }) => segment.value ?? '').join('.')),
  };
}

function readPath({ pathSpecifier, caseSensitive }: RouteMatchMessage): PathMatch {
  const ignoreCase = caseSensitive === false;
  switch (pathSpecifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: byteText(pathSpecifier.value), ignoreCase };
    case 'path':
      return { kind: 'exact', value: byteText(pathSpecifier.value), ignoreCase };
    case 'safeRegex':
      return { ...readRegex(pathSpecifier.value.regex), ignoreCase };
    default:
      throw new XdsRefusal('it says nothing of the path that is understood');
  }
}

/** Two conditions where one is asked of a value that has to be there, and one of what the value is not. */
function readHeader(header: HeaderMatcher): HeaderMatch[] {
  refuseUnknownFields(header);
  const { headerMatchSpecifier, invertMatch: invert, treatMissingHeaderAsEmpty } = header;
  const name = header.name.toLowerCase();
  switch (headerMatchSpecifier.case) {
    case 'stringMatch': {
      const value = readString(headerMatchSpecifier.value);
      // Envoy: an inverted condition does not hold for a header that is not there, unless that counts as empty.
      const present: HeaderMatch[] =
        invert && !treatMissingHeaderAsEmpty ? [{ name, value: { kind: 'any' }, invert: false }] : [];
      return [...present, { name, value, invert }];
    }
    case 'presentMatch':
      return [{ name, value: { kind: 'any' }, invert: invert === headerMatchSpecifier.value }];
    default:
      return [{ name, value: { kind: 'any' }, invert }];
  }
}

function readQueryParam(param: QueryParameterMatcher): QueryParamMatch {
  refuseUnknownFields(param);
  const { queryParameterMatchSpecifier: specifier } = param;
  const name = byteText(param.name);
  switch (specifier.case) {
    case 'stringMatch':
      return { name, value: readString(specifier.value) };
    case 'presentMatch':
      if (!specifier.value) throw new XdsRefusal('present_match: false is not understood');
      return { name, value: { kind: 'any' } };
    default:
      return { name, value: { kind: 'any' } };
  }
}

/**
 * A condition on one text. What Istio's rules cannot ask for (a suffix, a part, letter case ignored) is said as the
 * regex that means the same.
 */
export function readString(matcher: StringMatcher): StringMatch {
  refuseUnknownFields(matcher);
  const { matchPattern, ignoreCase } = matcher;
  switch (matchPattern.case) {
    case 'exact':
      return ignoreCase
        ? regexMatch(`(?i)${quote(matchPattern.value)}`)
        : { kind: 'exact', value: byteText(matchPattern.value) };
    case 'prefix':
      return ignoreCase
        ? regexMatch(`(?is)${quote(matchPattern.value)}.*`)
        : { kind: 'prefix', value: byteText(matchPattern.value) };
    case 'suffix':
      return regexMatch(`(?${ignoreCase ? 'i' : ''}s).*${quote(matchPattern.value)}`);
    case 'contains':
      return regexMatch(`(?${ignoreCase ? 'i' : ''}s).*${quote(matchPattern.value)}.*`);
    case 'safeRegex':
      return readRegex(matchPattern.value.regex);
    default:
      throw new XdsRefusal('a text is compared in a way that is not understood');
  }
}

/** Refuses what RE2 does: Envoy takes no route with it. */
function readRegex(regex: string): StringMatch & { readonly kind: 'regex' } {
  const match = regexMatch(regex);
  if (!match.program) throw new XdsRefusal(`"${regex}" is not a regex that RE2 takes`);
  return match;
}

/** The text as an RE2 pattern that matches just it. */
function quote(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}
