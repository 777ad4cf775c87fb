/**
 * What one route asks of a request, as requirements on independent dimensions: path, method, each header, each
 * query parameter. Imports the table's types.
 */
import { isSingleHeader } from '../route/header.ts';
import { isInternalHeader } from '../route/internal-header.ts';
import type { RouteMatch, StringMatch } from '../table/route-table.ts';

/** Something of a request that can be chosen freely, whatever the rest of it is. */
export interface Dimension {
  /** `path`, `header user`, `query v`, `label app`: unique. */
  readonly id: string;
  /**
   * What a request can have there. `none`: never a value; `one`: exactly one; `optional`: one or none; `many`: any
   * number; `named`: one of the names that rules mention, or another one.
   */
  readonly presence: 'none' | 'one' | 'optional' | 'many' | 'named';
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

const PATH: Dimension = { id: 'path', presence: 'one' };

/** The conditions of a match of a table, but for those on claims and on `:path`, which {@link isWhole} tells of. */
export function requestRequirements({ path, headers, queryParams }: RouteMatch): Requirement[] {
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

/** False when a match of a table has conditions that are not among its {@link requestRequirements}. */
export function isWhole({ headers, claims }: RouteMatch): boolean {
  return claims.length === 0 && headers.every(({ name }) => name !== ':path');
}

/** Source: Envoy's pseudo headers; `host` is the authority, and the last two are set where a client sends none. */
function headerDimension(name: string): Dimension {
  switch (name) {
    case ':method':
      return { id: 'method', presence: 'one' };
    case ':scheme':
      return { id: 'scheme', presence: 'one' };
    case ':authority':
    case 'host':
      return { id: 'authority', presence: 'one' };
    case 'x-forwarded-proto':
    case 'x-request-id':
      return { id: `header ${name}`, presence: 'one' };
    default:
      return { id: `header ${name}`, presence: headerPresence(name) };
  }
}

function headerPresence(name: string): Dimension['presence'] {
  // A gateway that asks for client certificates says itself whose it was.
  if (isInternalHeader(name, false) && name !== 'x-forwarded-client-cert') return 'none';
  return isSingleHeader(name) ? 'optional' : 'many';
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
