/**
 * Test cases written for istio-config-validator, read as they are and judged by what Istio with Envoy does. That
 * tool compares texts by rules of its own; where it would have come to the other verdict, that is told.
 *
 * Source: github.com/getyourguide/istio-config-validator `internal/pkg/parser/testcase.go`,
 * `internal/pkg/unit/unit.go`, `internal/pkg/unit/match_request.go`. Imports the router.
 */

import { resolveShortName } from '../../router/compile/host.ts';
import type { FieldPath, Issue, RouteRequest, ValidResource } from '../../router/index.ts';
import type { YamlDocument } from '../../router/parse/document.ts';
import { isFields } from '../../router/parse/resource.ts';
import { nearest } from '../../router/parse/suggestion.ts';
import { acceptsText, regexAutomaton } from '../../router/region/automaton.ts';
import { SPEC_SCHEMAS } from '../../router/schema/kind.ts';
import type { StringMatch } from '../../router/schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../../router/schema/virtual-service.ts';
import type { Client } from '../client.ts';
import type { RuleSet } from '../rule-set.ts';
import { toRouteRequest } from '../written-request.ts';
import type { CoverageNotes } from './coverage.ts';
import type { Mismatch } from './expectation.ts';
import type { CaseResult, Try } from './run.ts';

/** One of a file's `testCases`. */
export interface ValidatorCase {
  readonly description: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly wantMatch: boolean;
  /** All that its lists unfold to. */
  readonly inputs: readonly Input[];
  /** The fields of a rule that are compared, canonical. */
  readonly expected: Pick<HTTPRoute, ComparedField>;
}

/** A request as the tool has it. */
interface Input {
  readonly authority: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}

const COMPARED = ['route', 'redirect', 'rewrite', 'fault', 'headers', 'delegate'] as const;
type ComparedField = (typeof COMPARED)[number];
const FIELDS = ['description', 'wantMatch', 'request', ...COMPARED];
const REQUEST_FIELDS = ['authority', 'method', 'uri', 'headers'];

/** True for a document of the tool's. */
export function isValidatorDocument({ value }: YamlDocument): boolean {
  return isFields(value) && 'testCases' in value && !('apiVersion' in value);
}

/** The cases of a document, or why it has none. */
export function readValidatorCases(document: YamlDocument): { cases: ValidatorCase[]; issues: Issue[] } {
  const { value, source } = document;
  const issues: Issue[] = [...document.issues];
  const report = (
    code: 'unknown-field' | 'wrong-type' | 'missing-field',
    path: FieldPath,
    message: string,
  ) => {
    const { line, column } = source.position(path);
    const excerpt = source.line(line);
    issues.push({ code, severity: 'error', message, file: source.file, line, column, path, excerpt });
  };
  const written = (value as { testCases?: unknown }).testCases;
  const cases: ValidatorCase[] = [];
  for (const [index, each] of (Array.isArray(written) ? written : []).entries()) {
    const path = ['testCases', index];
    if (!isFields(each)) {
      report('wrong-type', path, 'Expected a map with description, wantMatch, request and what is expected');
      continue;
    }
    const request = isFields(each['request']) ? each['request'] : {};
    reportUnknown(each, FIELDS, path, report);
    reportUnknown(request, REQUEST_FIELDS, [...path, 'request'], report);
    const lists = ['uri', 'authority', 'method'].map((field) => {
      const list = textsOf(request[field]);
      if (list.length === 0)
        report('missing-field', [...path, 'request'], `The list "${field}" is missing or empty`);
      return list;
    });
    const spec = {
      http: [Object.fromEntries(COMPARED.flatMap((field) => (field in each ? [[field, each[field]]] : [])))],
    };
    const read = SPEC_SCHEMAS.VirtualService.safeParse(spec);
    if (!read.success) {
      for (const problem of read.error.issues) {
        const place = (problem.path as FieldPath).slice(2);
        report(
          'wrong-type',
          [...path, ...place],
          `Cannot read ${place.join('.')} as VirtualServices have it`,
        );
      }
      continue;
    }
    const headers = Object.fromEntries(
      Object.entries(isFields(request['headers']) ? request['headers'] : {}).map(([name, text]) => [
        name,
        String(text),
      ]),
    );
    const [uris = [], authorities = [], methods = []] = lists;
    cases.push({
      description: String(each['description'] ?? `testCases[${index}]`),
      file: source.file,
      line: source.position(path).line,
      wantMatch: each['wantMatch'] === true,
      inputs: uris.flatMap((uri) =>
        authorities.flatMap((authority) => methods.map((method) => ({ authority, method, uri, headers }))),
      ),
      expected: read.data.http?.[0] ?? {},
    });
  }
  return { cases: issues.length > 0 ? [] : cases, issues };
}

function reportUnknown(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: FieldPath,
  report: (code: 'unknown-field', path: FieldPath, message: string) => void,
): void {
  for (const name of Object.keys(fields)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const advice =
      meant === undefined ? `the fields here are ${known.join(', ')}` : `did you mean "${meant}"?`;
    report('unknown-field', [...path, name], `Unknown field "${name}": ${advice}`);
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

type VirtualService = Extract<ValidResource, { kind: 'VirtualService' }>;

/** A rule with the place it stands at; undefined where none is taken. */
interface Taken {
  readonly resource: VirtualService;
  readonly index: number;
}

/** Runs each input of a case. */
export function runValidatorCase(
  { resources }: RuleSet,
  testCase: ValidatorCase,
  attempt: Try,
  coverage: CoverageNotes,
): CaseResult[] {
  const services = resources.filter((each) => each.kind === 'VirtualService');
  const { description: name, file, line, expected, wantMatch } = testCase;
  return testCase.inputs.map((input) => {
    const request = requestOf(input);
    const client = clientFor(input, services);
    const trial = attempt(request, client);
    coverage.note(trial);
    const rule = trial.outcomes[0]?.decision.rule;
    const resource =
      rule &&
      services.find(({ metadata }) => metadata.name === rule.name && metadata.namespace === rule.namespace);
    const taken = resource && rule?.index !== undefined ? { resource, index: rule.index } : undefined;
    const mismatches = compare(realRule(taken, services), expected, wantMatch);
    const theirs = theirVerdict(input, services, expected, wantMatch);
    const isPassed = mismatches.length === 0;
    const validator = theirs.passes === isPassed ? undefined : theirs.reason(taken);
    return { name, file, line, request, client, mismatches, ...(validator !== undefined && { validator }) };
  });
}

function requestOf({ authority, method, uri, headers }: Input): RouteRequest {
  const list = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const written = {
    url: `http://${authority}${uri.startsWith('/') ? '' : '/'}${uri}`,
    method,
    headers: list,
  };
  return (
    toRouteRequest(written, 80) ?? { method, scheme: 'http', authority, path: uri, headers: list, port: 80 }
  );
}

/** The tool knows no gateways: the mesh where a VirtualService for the host is bound to it, else their first gateway. */
function clientFor({ authority }: Input, services: readonly VirtualService[]): Client {
  const host = authority.replace(/:\d+$/, '').toLowerCase();
  const own = services.filter(({ spec }) =>
    (spec.hosts ?? []).some(
      (each) => each.toLowerCase() === host || (each.startsWith('*') && host.endsWith(each.slice(1))),
    ),
  );
  const gateways = own.flatMap(({ spec }) => (spec.gateways?.length ? spec.gateways : ['mesh']));
  const namespace = own[0]?.metadata.namespace ?? 'default';
  if (gateways.length === 0 || gateways.includes('mesh')) return { namespace };
  const [gateway = ''] = gateways;
  return { namespace, gateway: gateway.includes('/') ? gateway : `${namespace}/${gateway}` };
}

/** The rule that Envoy carries out: a delegate's has what it leaves out from the rule that delegates to it. */
function realRule(taken: Taken | undefined, services: readonly VirtualService[]): HTTPRoute {
  if (!taken) return {};
  const { resource, index } = taken;
  const rule = resource.spec.http?.[index] ?? {};
  if ((resource.spec.hosts ?? []).length > 0) return rule;
  const root = services
    .flatMap(({ spec, metadata }) => (spec.http ?? []).map((each) => ({ each, metadata })))
    .find(
      ({ each: { delegate }, metadata }) =>
        delegate?.name === resource.metadata.name &&
        (delegate.namespace || metadata.namespace) === resource.metadata.namespace,
    )?.each;
  return { ...root, ...rule };
}

function compare(rule: HTTPRoute, expected: ValidatorCase['expected'], wantMatch: boolean): Mismatch[] {
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

interface Verdict {
  readonly passes: boolean;
  /** Why it is the wrong one, given the rule that is really taken. */
  reason(real: Taken | undefined): string;
}

/** What the tool makes of an input, by its own way to find a rule. */
function theirVerdict(
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
    if (expected.delegate && compare(rule, { delegate: expected.delegate }, wantMatch).length > 0)
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
  if (compare(rule, others, wantMatch).length > 0) passes = false;
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
