/**
 * What one rule asks of a request, as requirements on independent dimensions: path, method, each header, each
 * query parameter, and who sends it. Imports the schema's and the table's types and the compiler of matches.
 */
import { compileMatch, isCatchAll } from '../compile/match.ts';
import type { HTTPMatchRequest } from '../schema/virtual-service.ts';
import type { RouteMatch, StringMatch } from '../table/route-table.ts';

/** Something of a request that can be chosen freely, whatever the rest of it is. */
export interface Dimension {
  /** `path`, `header user`, `query v`, `label app`: unique. */
  readonly id: string;
  /**
   * What a request can have there. `one`: exactly one value; `optional`: one or none; `many`: any number;
   * `named`: one of the names that rules mention, or another one.
   */
  readonly presence: 'one' | 'optional' | 'many' | 'named';
}

/** One condition on one dimension. Two with the same `key` are the same. */
export type Requirement = TextRequirement | NameRequirement;

/** As Envoy compares texts: fulfilled by any value; `invert`: by none. */
export interface TextRequirement {
  readonly kind: 'text';
  readonly key: string;
  readonly dimension: Dimension;
  readonly match: StringMatch;
  readonly ignoreCase: boolean;
  readonly invert: boolean;
}

/** As Istio compares what it knows before any request: by equality. */
export interface NameRequirement {
  readonly kind: 'name';
  readonly key: string;
  readonly dimension: Dimension;
  readonly names: readonly string[];
}

/** One rule's, or one match's, conditions. */
export interface Region {
  /** All of them have to be fulfilled. */
  readonly requirements: readonly Requirement[];
  /** False when there are conditions that are not among the requirements: the rule takes at most these requests. */
  readonly whole: boolean;
  /** What of the requests never gets to later rules of the same VirtualService. */
  readonly kept: readonly Requirement[];
}

/**
 * The region of a match; of a rule without one, of every request.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (IsCatchAllRoute): rules after one that takes every
 * path are left out, so that they miss even the requests without a path, `OPTIONS *`.
 */
export function regionOf(match: HTTPMatchRequest | undefined): Region {
  const compiled = compileMatch(match);
  const claims = [...Object.keys(match?.headers ?? {}), ...Object.keys(match?.withoutHeaders ?? {})];
  const whole =
    compiled.headers.every(({ name }) => name !== ':path') &&
    !claims.some((name) => /^@request\.auth\.claims/i.test(name));
  const sender = senderRequirements(match);
  const requirements = [...requestRequirements(compiled), ...sender];
  return { requirements, whole, kept: isCatchAll(compiled, match) ? sender : requirements };
}

/** True for a rule after which its VirtualService has no others. */
export function takesAll({ requirements, kept }: Region): boolean {
  return kept !== requirements;
}

const PATH: Dimension = { id: 'path', presence: 'one' };

function requestRequirements({ path, headers, queryParams }: RouteMatch): Requirement[] {
  const ignoreCase = path.ignoreCase && path.kind !== 'regex';
  return [
    text(PATH, { kind: path.kind, value: path.value }, false, ignoreCase),
    ...headers
      .filter(({ name }) => name !== ':path')
      .map(({ name, value, invert }) => text(headerDimension(name), value, invert)),
    ...queryParams.map(({ name, value }) =>
      text({ id: `query ${name}`, presence: 'optional' }, value, false),
    ),
  ];
}

/** Source: Envoy's pseudo headers; `host` is the authority. */
function headerDimension(name: string): Dimension {
  switch (name) {
    case ':method':
      return { id: 'method', presence: 'one' };
    case ':scheme':
      return { id: 'scheme', presence: 'one' };
    case ':authority':
    case 'host':
      return { id: 'authority', presence: 'one' };
    default:
      return { id: `header ${name}`, presence: 'many' };
  }
}

/**
 * Port, gateway and client. With gateways of its own a match does not look at the client.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (sourceMatchHTTP).
 */
function senderRequirements(match: HTTPMatchRequest | undefined): Requirement[] {
  if (!match) return [];
  const { port, gateways, sourceLabels, sourceNamespace } = match;
  const requirements: Requirement[] = port ? [name('port', [String(port)])] : [];
  if (gateways?.length) return [...requirements, name('gateway', gateways)];
  for (const [label, value] of Object.entries(sourceLabels ?? {})) {
    requirements.push(name(`label ${label}`, [value]));
  }
  if (sourceNamespace) requirements.push(name('namespace', [sourceNamespace]));
  return requirements;
}

/** A requirement of one name out of some. */
export function name(dimension: string, names: readonly string[]): NameRequirement {
  const key = `${dimension}\n${names.join('\n')}`;
  return { kind: 'name', key, dimension: { id: dimension, presence: 'named' }, names };
}

function text(
  dimension: Dimension,
  match: StringMatch,
  invert: boolean,
  ignoreCase = false,
): TextRequirement {
  const value = match.kind === 'any' ? '' : match.value;
  const key = [dimension.id, invert, ignoreCase, match.kind, value].join('\n');
  return { kind: 'text', key, dimension, match, ignoreCase, invert };
}
