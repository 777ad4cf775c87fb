/**
 * What istio-config-validator itself would say of a case. It finds rules by comparing texts in a way of its own, which
 * is followed here with all that it leaves out. Imports the router.
 *
 * Source: github.com/getyourguide/istio-config-validator `internal/pkg/unit/unit.go`,
 * `internal/pkg/unit/match_request.go`.
 */
import { resolveShortName } from '../../router/compile/host.ts';
import type { ValidResourceOf } from '../../router/index.ts';
import { acceptsText, regexAutomaton } from '../../router/region/automaton.ts';
import type { StringMatch } from '../../router/schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../../router/schema/virtual-service.ts';
import type { Mismatch } from './expectation.ts';
import { COMPARED, type Input, type ValidatorCase } from './validator-case.ts';

/** A resource that has rules. */
export type VirtualService = ValidResourceOf<'VirtualService'>;

/** A rule with the place it stands at. */
export interface Taken {
  readonly resource: VirtualService;
  readonly index: number;
}

/** The fields of a rule that are not as a case wants them; for a case that wants no match, those that are. */
export function compareRule(
  rule: HTTPRoute,
  expected: ValidatorCase['expected'],
  wantMatch: boolean,
): Mismatch[] {
  return COMPARED.flatMap((field): Mismatch[] => {
    if (expected[field] === undefined) return [];
    const [want, got] = [plain(expected[field]), plain(rule[field])];
    if ((want === got) === wantMatch) return [];
    return [{ field, want: wantMatch ? want : `anything but ${want}`, got }];
  });
}

/** As JSON without what is at its default, so that two ways to write the same are the same. */
function plain(value: unknown): string {
  return JSON.stringify(stripped(value) ?? null) ?? 'nothing';
}

function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(stripped);
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .map(([name, each]) => [name, stripped(each)] as const)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(fields);
  }
  return value === '' || value === 0 || value === false || value === null ? undefined : value;
}

/** See {@link theirVerdict}. */
export interface Verdict {
  readonly passes: boolean;
  /** Why it is the wrong one, given the rule that is really taken. */
  reason(real: Taken | undefined): string;
}

/** What the tool makes of an input, by its own way to find a rule. */
export function theirVerdict(
  input: Input,
  services: readonly VirtualService[],
  expected: ValidatorCase['expected'],
  wantMatch: boolean,
): Verdict {
  let taken = theirRule(input, services, true);
  let rule = ruleOf(taken);
  const { delegate } = rule;
  let passes = true;
  if (delegate) {
    if (expected.delegate && compareRule(rule, { delegate: expected.delegate }, wantMatch).length > 0)
      passes = false;
    if (expected.route) {
      const other = services.find(
        ({ metadata }) =>
          metadata.name === delegate.name &&
          (!delegate.namespace || metadata.namespace === delegate.namespace),
      );
      if (other) taken = theirRule(input, [other], false);
      else passes = false;
      rule = ruleOf(taken);
    }
  }
  const { delegate: _, ...others } = expected;
  if (compareRule(rule, others, wantMatch).length > 0) passes = false;
  return {
    passes,
    reason: (real) =>
      `istio-config-validator would have ${passes ? 'passed' : 'failed'} this: it takes ${placeOf(taken)}, Envoy takes ${placeOf(real)}${whyOther(input, taken, real)}`,
  };
}

const ruleOf = (taken: Taken | undefined): HTTPRoute => taken?.resource.spec.http?.[taken.index] ?? {};

function placeOf(taken: Taken | undefined): string {
  if (!taken) return 'no rule';
  const { metadata } = taken.resource;
  return `${metadata.namespace}/${metadata.name} http[${taken.index}]`;
}

function theirRule(
  input: Input,
  services: readonly VirtualService[],
  checkHosts: boolean,
): Taken | undefined {
  const path = input.uri.replace(/[?#].*$/, '');
  for (const resource of services) {
    if (checkHosts && !(resource.spec.hosts ?? []).includes(input.authority)) continue;
    for (const [index, { match = [] }] of (resource.spec.http ?? []).entries()) {
      if (match.length === 0 || match.some((each) => theyMatch(input, path, each)))
        return { resource, index };
    }
  }
  return undefined;
}

function theyMatch({ authority, method, headers }: Input, path: string, match: HTTPMatchRequest): boolean {
  const ownHeaders = Object.entries(match.headers ?? {}).every(
    ([name, value]) => Object.hasOwn(headers, name) && theirText(value, headers[name]!),
  );
  return (
    ownHeaders &&
    theirText(match.uri, path) &&
    theirText(match.authority, authority) &&
    theirText(match.method, method)
  );
}

function theirText(match: StringMatch | undefined, text: string): boolean {
  if (match === undefined) return true;
  if (match.exact) return match.exact === text;
  if (match.prefix) return text.startsWith(match.prefix);
  // An anchor on each side of the pattern binds to its outer alternatives alone.
  if (match.regex) return acceptsText(regexAutomaton(`(?s:.*)(?:^${match.regex}$)(?s:.*)`), text);
  return Object.keys(match).length === 0;
}

/** What the tool leaves out of account in the rules concerned, as far as it is known. */
function whyOther(input: Input, theirs: Taken | undefined, real: Taken | undefined): string {
  const matches = [theirs, real].flatMap((taken) => ruleOf(taken).match ?? []);
  const reasons = IGNORED.filter((field) => matches.some((match) => match[field] !== undefined)).map(
    (field) => `it does not look at ${field}`,
  );
  const names = matches.flatMap((match) => Object.keys(match.headers ?? {}));
  if (names.some((name) => !(name in input.headers) && lowerNames(input).includes(name.toLowerCase())))
    reasons.push('it tells letter cases of header names apart');
  if (
    matches.some((match) =>
      [match.uri, match.authority, match.method].some((each) => each?.regex?.includes('|')),
    )
  )
    reasons.push('it anchors a regex with "|" at its outer alternatives alone');
  if (!theirs && real) {
    const hosts = (real.resource.spec.hosts ?? []).map((host) =>
      resolveShortName(host, real.resource.metadata.namespace),
    );
    if (!hosts.includes(input.authority)) reasons.push('it compares the authority with the hosts as texts');
  }
  if (theirs && !real && (ruleOf(theirs).delegate || (theirs.resource.spec.hosts ?? []).length === 0))
    reasons.push("Istio leaves out a delegate's rule with a match that lies outside the delegating rule's");
  return reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
}

const IGNORED = [
  'queryParams',
  'withoutHeaders',
  'ignoreUriCase',
  'port',
  'scheme',
  'sourceLabels',
  'sourceNamespace',
  'gateways',
] as const;

const lowerNames = ({ headers }: Input): string[] => Object.keys(headers).map((name) => name.toLowerCase());
