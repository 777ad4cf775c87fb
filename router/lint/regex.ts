/** Regular expressions that say what an exact text or a prefix would, which people read and machines match faster. Imports the schema. */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { StringMatch } from '../schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../schema/virtual-service.ts';
import { warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';

interface Pattern {
  readonly path: FieldPath;
  readonly regex: string;
  /** What to write for `.*`; absent: nothing is simpler there. */
  readonly forAny?: string;
  /** A prefix would not do the same, as the rule changes the part that matched. */
  readonly noPrefix?: true;
}

/** A finding for each regex of a match or a corsPolicy that is a plain text, or one with `.*` after it. */
export function lintRegexes(
  resources: readonly ValidResource[],
  { takenExample }: Pick<RuleVerdicts, 'takenExample'>,
): Issue[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    // A delegate's rules are joined with others, by the kinds of their conditions.
    if ((resource.spec.hosts ?? []).length === 0) return [];
    return (resource.spec.http ?? []).flatMap((rule, index) =>
      patternsOf(rule, ['spec', 'http', index]).flatMap(({ path, regex, forAny, noPrefix }): Issue[] => {
        const plain = plainOf(regex);
        const instead =
          plain?.kind === 'any' ? forAny : plain && `write ${plain.kind}: ${JSON.stringify(plain.value)}`;
        if (plain === undefined || instead === undefined) return [];
        if (noPrefix && plain.kind !== 'exact') return [];
        return [
          warning(
            resource,
            [...path, 'regex'],
            'regex-plain',
            `The regex ${JSON.stringify(regex)} says no more than ${plain.kind === 'any' ? 'that the value is there' : `${plain.kind === 'exact' ? 'an exact text' : 'a prefix'}`}: ${instead}`,
            path[3] === 'match' ? takenExample(resource.metadata, path) : undefined,
          ),
        ];
      }),
    );
  });
}

/** What a regex says in plain words; undefined where only a regex can say it. It has to match the whole value. */
export function plainOf(
  regex: string,
): { readonly kind: 'exact' | 'prefix'; readonly value: string } | { readonly kind: 'any' } | undefined {
  let value = '';
  const body = regex.replace(/^\^/, '');
  for (let at = 0; at < body.length; at++) {
    const char = body[at]!;
    const rest = body.slice(at);
    if (/^\.\*\$?$/.test(rest)) return value === '' ? { kind: 'any' } : { kind: 'prefix', value };
    if (rest === '$') break;
    if (char === '\\') {
      const escaped = body[++at];
      // Only punctuation stands for itself after a backslash.
      if (escaped === undefined || !/^[!-/:-@[-`{-~]$/.test(escaped)) return undefined;
      value += escaped;
    } else if (/[.+*?()|[\]{}^$]/.test(char)) return undefined;
    else value += char;
  }
  return value === '' ? undefined : { kind: 'exact', value };
}

function patternsOf(rule: HTTPRoute, base: FieldPath): Pattern[] {
  const origins = (rule.corsPolicy?.allowOrigins ?? []).flatMap((match, index) =>
    patternOf(match, [...base, 'corsPolicy', 'allowOrigins', index]),
  );
  // A delegate's match is compared with its root's by kind, and may bring a rewrite.
  if (rule.delegate) return origins;
  const matches = (rule.match ?? []).flatMap((match, index) =>
    ofMatch(match, [...base, 'match', index], changesPath(rule)),
  );
  return [...matches, ...origins];
}

/** Source: Envoy `api/envoy/config/route/v3/route_components.proto` (RouteAction.prefix_rewrite, regex_rewrite). */
function changesPath({ rewrite, redirect }: HTTPRoute): boolean {
  return rewrite?.uri !== undefined || redirect?.uri !== undefined || redirect?.prefixRewrite !== undefined;
}

function ofMatch(match: HTTPMatchRequest, base: FieldPath, isPathChanged: boolean): Pattern[] {
  const { uri, ignoreUriCase, scheme, method, authority, headers, withoutHeaders, queryParams } = match;
  const one = (field: string, value: StringMatch | undefined): Pattern[] =>
    patternOf(value, [...base, field], `leave ${field} out`);
  const named = (field: string, map: Readonly<Record<string, StringMatch>> | undefined, forAny?: string) =>
    Object.entries(map ?? {}).flatMap(([name, value]) => patternOf(value, [...base, field, name], forAny));
  return [
    // Letter case is ignored for exact and prefix alone, so that these would say something else.
    ...(ignoreUriCase ? [] : one('uri', uri)).map((each) =>
      isPathChanged ? { ...each, noPrefix: true as const } : each,
    ),
    ...one('scheme', scheme),
    ...one('method', method),
    ...one('authority', authority),
    ...named('headers', headers, 'write {}'),
    ...named('withoutHeaders', withoutHeaders),
    ...named('queryParams', queryParams, 'write {}'),
  ];
}

function patternOf(match: StringMatch | undefined, path: FieldPath, forAny?: string): Pattern[] {
  if (match?.regex === undefined) return [];
  return [{ path, regex: match.regex, ...(forAny !== undefined && { forAny }) }];
}
