/** What Istio takes and Envoy refuses, with everything that comes with it. Imports the schema and the regex compiler. */
import { claimPath } from '../compile/match.ts';
import { compileRegex } from '../compile/regex.ts';
import type { Issue } from '../issue.ts';
import { durationMs } from '../schema/duration.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { StringMatch } from '../schema/string-match.ts';
import type { Headers, HTTPMatchRequest, HTTPRoute } from '../schema/virtual-service.ts';
import { byteText } from '../table/byte-text.ts';
import { REGEX_OP } from '../table/regex.ts';
import { warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';

/** A place, and what Envoy has against it. */
interface Refusal {
  readonly path: FieldPath;
  /** Without a subject: `cannot ..., write ...`. */
  readonly reason: string;
}

type Spec = ValidResourceOf<'DestinationRule'>['spec'];
type TrafficPolicy = NonNullable<Spec['trafficPolicy']>;
type ConsistentHash = NonNullable<NonNullable<TrafficPolicy['loadBalancer']>['consistentHash']>;

/** Source: Istio `tools/packaging/common/envoy_bootstrap.json` (re2.max_program_size.error_level). */
const MAX_REGEX_PROGRAM = 32_768;
/** Source: Envoy `api/envoy/config/core/v3/base.proto` (HeaderValue), `route_components.proto` (QueryParameterMatcher.name). */
const MAX_HEADER_BYTES = 16_384;
const MAX_QUERY_NAME_BYTES = 1024;
/** Source: Envoy `api/envoy/config/cluster/v3/cluster.proto` (RingHashLbConfig.minimum_ring_size). */
const MAX_RING_SIZE = 8_388_608;
const MAX_WEIGHT_SUM = 0xffffffff;
/** Source: Istio `pilot/pkg/networking/core/route/route.go` (ApplyRedirect); of another code it makes a route that does nothing. */
const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Source: Envoy's `well_known_regex` (HTTP_HEADER_VALUE, not strict). */
const CONTROL = /[\0\r\n]/;

const encoder = new TextEncoder();

/**
 * A finding for each thing that Istio hands on to Envoy and Envoy refuses: all routes that come with it, or the
 * destination. Each was asked of Envoy 1.40.
 */
export function lintEnvoyRefusals(
  resources: readonly ValidResource[],
  { takenExample }: Pick<RuleVerdicts, 'takenExample'>,
): Issue[] {
  return resources.flatMap((resource) => {
    if (resource.kind === 'VirtualService')
      return (resource.spec.http ?? []).flatMap((rule, index) =>
        [...ruleRefusals(rule, ['spec', 'http', index])].map(({ path, reason }) =>
          finding(resource, path, reason, takenExample(resource.metadata, path)),
        ),
      );
    if (resource.kind === 'DestinationRule')
      return [...policyRefusals(resource.spec)].map(({ path, reason }) => finding(resource, path, reason));
    return [];
  });
}

function finding(resource: ValidResource, path: FieldPath, reason: string, example?: string): Issue {
  return warning(resource, path, 'envoy-refuses', `Envoy ${reason}`, example);
}

function* ruleRefusals(rule: HTTPRoute, base: FieldPath): Iterable<Refusal> {
  for (const [index, match] of (rule.match ?? []).entries())
    yield* matchRefusals(match, [...base, 'match', index]);
  for (const [index, origin] of (rule.corsPolicy?.allowOrigins ?? []).entries())
    yield* regexRefusals(origin.regex, [...base, 'corsPolicy', 'allowOrigins', index, 'regex']);
  yield* headerRefusals(rule.headers, [...base, 'headers']);
  let sum = 0;
  for (const [index, { weight = 0, headers }] of (rule.route ?? []).entries()) {
    sum += weight;
    yield* headerRefusals(headers, [...base, 'route', index, 'headers']);
  }
  if (sum > MAX_WEIGHT_SUM)
    yield {
      path: [...base, 'route'],
      reason: `refuses weights that add up to ${sum}, and all routes that come with them: the most is ${MAX_WEIGHT_SUM}`,
    };
  const { redirect, rewrite, directResponse, fault } = rule;
  yield* regexRefusals(rewrite?.uriRegexRewrite?.match, [...base, 'rewrite', 'uriRegexRewrite', 'match']);
  for (const [path, value] of [
    [['redirect', 'uri'], redirect?.uri],
    [['redirect', 'authority'], redirect?.authority],
    [['redirect', 'prefixRewrite'], redirect?.prefixRewrite],
    [['rewrite', 'uri'], rewrite?.uri],
    [['rewrite', 'authority'], rewrite?.authority],
    [['rewrite', 'uriRegexRewrite', 'rewrite'], rewrite?.uriRegexRewrite?.rewrite],
  ] as const)
    if (value !== undefined && CONTROL.test(value))
      yield {
        path: [...base, ...path],
        reason:
          'refuses a line break or NUL here, and all routes that come with it: a block text of YAML ends with one, write ">-"',
      };
  const code = redirect?.redirectCode || 301;
  if (!REDIRECT_CODES.has(code))
    yield {
      path: [...base, 'redirect', 'redirectCode'],
      reason: `is told nothing of a redirect by ${code}, and refuses all routes that come with the empty one: write 301, 302, 303, 307 or 308`,
    };
  for (const [path, status] of [
    [['directResponse', 'status'], directResponse?.status],
    [['fault', 'abort', 'httpStatus'], fault?.abort?.httpStatus],
  ] as const)
    if (status === 600)
      yield {
        path: [...base, ...path],
        reason: 'refuses the status 600, and all routes that come with it: the last one is 599',
      };
}

function* matchRefusals(match: HTTPMatchRequest, base: FieldPath): Iterable<Refusal> {
  const { uri, scheme, method, authority, headers, withoutHeaders, queryParams } = match;
  for (const [field, value] of Object.entries({ uri, scheme, method, authority }))
    yield* regexRefusals(value?.regex, [...base, field, 'regex']);
  for (const [field, map] of Object.entries({ headers, withoutHeaders, queryParams }))
    for (const [name, value] of Object.entries<StringMatch>(map ?? {}))
      yield* regexRefusals(value.regex, [...base, field, name, 'regex']);
  for (const [field, map] of Object.entries({ headers, withoutHeaders }))
    for (const [name, value] of Object.entries<StringMatch>(map ?? {}))
      yield* claimRefusals(name, value, [...base, field, name]);
  for (const name of Object.keys(queryParams ?? {})) {
    const size = encoder.encode(name).length;
    if (size === 0 || size > MAX_QUERY_NAME_BYTES)
      yield {
        path: [...base, 'queryParams', name],
        reason: `refuses a query parameter whose name ${size === 0 ? 'is empty' : `has ${size} bytes, more than ${MAX_QUERY_NAME_BYTES}`}, and all routes that come with it`,
      };
  }
}

function* claimRefusals(name: string, value: StringMatch, path: FieldPath): Iterable<Refusal> {
  const claims = claimPath(name);
  if (claims?.includes(''))
    yield {
      path,
      reason: 'refuses a claim with an empty name on the way to it, and all routes that come with it',
    };
  else if (claims && (value.regex === '*' || Object.keys(value).length === 0))
    yield {
      path,
      reason:
        'refuses a claim that nothing is asked of, and all routes that come with it: for any value write {regex: ".*"}',
    };
}

function* headerRefusals(headers: Headers | undefined, base: FieldPath): Iterable<Refusal> {
  for (const side of ['request', 'response'] as const) {
    const { set, add, remove } = headers?.[side] ?? {};
    for (const [verb, values] of Object.entries({ set, add }))
      for (const [name, value] of Object.entries(values ?? {})) {
        const path = [...base, side, verb, name];
        yield* nameRefusals(name, path);
        const size = Math.max(encoder.encode(name).length, encoder.encode(value).length);
        if (size > MAX_HEADER_BYTES)
          yield {
            path,
            reason: `refuses a name or value of ${size} bytes, and all routes that come with it: the most is ${MAX_HEADER_BYTES}`,
          };
      }
    for (const [index, name] of (remove ?? []).entries())
      yield* nameRefusals(name, [...base, side, 'remove', index]);
  }
}

function* nameRefusals(name: string, path: FieldPath): Iterable<Refusal> {
  if (CONTROL.test(name))
    yield {
      path,
      reason: `refuses a line break or NUL in the name of a header, and all routes that come with it`,
    };
}

function* regexRefusals(regex: string | undefined, path: FieldPath): Iterable<Refusal> {
  if (regex === undefined) return;
  const sequence = escapeBeyondByte(regex);
  if (sequence !== undefined)
    yield {
      path,
      reason: `refuses ${sequence} in a regex, and all routes that come with it, as it reads bytes: write the letter itself, or the bytes of its UTF-8`,
    };
  else if (isTooLarge(regex))
    yield {
      path,
      reason: `refuses a regex whose program has more than ${MAX_REGEX_PROGRAM} steps, and all routes that come with it: repeat less`,
    };
}

/**
 * The first escape of a code point that no byte has: Envoy's RE2 takes each byte for a letter.
 *
 * Source: RE2 `re2/parse.cc` (ParseEscape) with `Latin1`, asked.
 */
export function escapeBeyondByte(regex: string): string | undefined {
  for (const [text, hex, octal] of regex.matchAll(
    /\\Q[\s\S]*?(?:\\E|$)|\\x\{([0-9A-Fa-f]+)\}|\\([1-7][0-7]{1,2})|\\[\s\S]/g,
  )) {
    if (hex !== undefined ? Number.parseInt(hex, 16) > 0xff : Number.parseInt(octal ?? '0', 8) > 0xff)
      return text;
  }
  return undefined;
}

/** RE2 has one instruction at least for each that takes a code point here. */
function isTooLarge(regex: string): boolean {
  if (!regex.includes('{')) return false;
  const program = compileRegex(byteText(regex)) ?? [];
  let taking = 0;
  for (let at = 2; at < program.length; ) {
    const operation = program[at];
    if (operation === REGEX_OP.range) taking++;
    at += operation === REGEX_OP.range ? 3 + 2 * program[at + 2]! : operation === REGEX_OP.match ? 2 : 3;
  }
  return taking > MAX_REGEX_PROGRAM;
}

function* policyRefusals(spec: Spec): Iterable<Refusal> {
  yield* settingRefusals(spec.trafficPolicy, ['spec', 'trafficPolicy']);
  for (const [index, { trafficPolicy }] of (spec.subsets ?? []).entries())
    yield* settingRefusals(trafficPolicy, ['spec', 'subsets', index, 'trafficPolicy']);
}

function* settingRefusals(policy: TrafficPolicy | undefined, base: FieldPath): Iterable<Refusal> {
  const hash = policy?.loadBalancer?.consistentHash;
  const at = [...base, 'loadBalancer', 'consistentHash'];
  if (hash) {
    yield* hashRefusals(hash, at);
    yield* ringRefusals(hash, at);
  }
  // Routes follow the hash of a port only where they name it.
  for (const [index, { loadBalancer }] of (policy?.portLevelSettings ?? []).entries())
    if (loadBalancer?.consistentHash)
      yield* ringRefusals(loadBalancer.consistentHash, [
        ...base,
        ...['portLevelSettings', index, 'loadBalancer', 'consistentHash'],
      ]);
}

function* hashRefusals(hash: ConsistentHash, base: FieldPath): Iterable<Refusal> {
  const { httpHeaderName: header, httpQueryParameterName: query, httpCookie: cookie } = hash;
  const routes = 'and all routes that come with one to this destination';
  if (header !== undefined && (header === '' || CONTROL.test(header)))
    yield {
      path: [...base, 'httpHeaderName'],
      reason: `refuses a header without a name, or with a line break in it, ${routes}`,
    };
  if (query === '')
    yield {
      path: [...base, 'httpQueryParameterName'],
      reason: `refuses a query parameter without a name, ${routes}`,
    };
  if ((durationMs(cookie?.ttl) ?? 0) < 0)
    yield {
      path: [...base, 'httpCookie', 'ttl'],
      reason: `refuses a cookie that ends before it begins, ${routes}`,
    };
}

function* ringRefusals(hash: ConsistentHash, base: FieldPath): Iterable<Refusal> {
  for (const [path, size = 0] of [
    [['minimumRingSize'], hash.minimumRingSize],
    [['ringHash', 'minimumRingSize'], hash.ringHash?.minimumRingSize],
  ] as const)
    if (size > MAX_RING_SIZE)
      yield {
        path: [...base, ...path],
        reason: `refuses the destination with a ring of ${size}: the most is ${MAX_RING_SIZE}`,
      };
  if (hash.maglev?.tableSize === 1)
    yield {
      path: [...base, 'maglev', 'tableSize'],
      reason: 'ends, dividing by zero, with a Maglev table of one place: write a prime, 65537 if in doubt',
    };
}
