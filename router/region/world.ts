/**
 * What requests there can be at all, so that conditions are compared on those that can arrive and on no others:
 * a path is a normalised one, a query has no `&`, a header's value no line end. Imports automata and the table's types.
 */
import type { PathNormalization } from '../table/route-table.ts';
import type { Automaton } from './automaton.ts';
import type { Dimension } from './requirement.ts';

/** The world in which rules are compared. */
export interface World {
  readonly normalization: PathNormalization;
  /** Names that rules give to where requests come through; the first is the usual one. */
  readonly gateways: readonly string[];
  /** The client's namespace where no rule asks for one; absent: one that no rule names. */
  readonly namespace?: string;
  /** Authorities to take as samples, the best first. */
  readonly authoritySamples: readonly string[];
  /** The authorities of all requests that arrive; never narrower than the truth. */
  authorities(): Automaton;
  /** True when a request with this authority arrives. */
  arrives(sender: Sender): boolean;
}

/** Who sends a request to which authority. */
export interface Sender {
  readonly authority: string;
  readonly gateway: string;
  readonly namespace: string | undefined;
}

/** The texts that a dimension can have but for the authority's, as an RE2 pattern; never narrower than what can arrive. */
export function universeOf(dimension: Dimension, world: World): string {
  const [kind = '', ...rest] = dimension.id.split(' ');
  const name = rest.join(' ');
  switch (kind) {
    case 'path':
      return pathPattern(world.normalization);
    case 'method':
      return '[!-~]+';
    case 'scheme':
      return '[!-@\\[-~]+';
    case 'query':
      return queryPattern(name, world.normalization);
    default:
      return `[^${NO_BYTE}\\x00\\r\\n]*`;
  }
}

/** Texts to take as samples where they belong, the best first. */
export function preferredTexts(dimension: Dimension, world: World): readonly string[] {
  switch (dimension.id) {
    case 'path':
      return ['/'];
    case 'method':
      return HTTP1_METHODS;
    case 'scheme':
      return ['http', 'https'];
    case 'authority':
      return world.authoritySamples;
    default:
      return [];
  }
}

/**
 * Methods that HTTP/1.1 carries to a gateway, the most usual first; HTTP/2 carries any.
 * Source: Envoy `source/common/http/http1/balsa_parser.cc`, isMethodValid.
 */
export const HTTP1_METHODS: readonly string[] = (
  'GET POST PUT DELETE PATCH OPTIONS HEAD ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE ' +
  'MSEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK ' +
  'UNSUBSCRIBE QUERY CONNECT'
).split(' ');

/** What no character of a request is, as each is a byte. */
export const NO_BYTE = '\\x{100}-\\x{10FFFF}';
const NO_TEXT = '[^\\x00-\\x{10FFFF}]';

/** Paths as normalising leaves them. Source: Envoy `source/common/http/path_utility.cc`. */
function pathPattern(normalization: PathNormalization): string {
  if (normalization === 'NONE') return `/[^?#${NO_BYTE}\\x00\\r\\n]*`;
  const dotless = "!$-\\-0-;=@-Z\\[\\]_a-z~%&'()*+,";
  const any = `[.${dotless}]`;
  // All but the segments `.` and `..`.
  const segment = `(?:[${dotless}]${any}*|\\.[${dotless}]${any}*|\\.\\.${any}+)`;
  return normalization === 'BASE' ? `/${segment}?(?:/${segment}?)*` : `//|/(?:${segment}(?:/${segment})*/?)?`;
}

/** The query is cut off the path at `?`, and into pairs at `&`; names and values are not decoded. */
function queryPattern(name: string, normalization: PathNormalization): string {
  if (/[&#=]/.test(name)) return NO_TEXT;
  if (normalization === 'NONE') return `[^&#${NO_BYTE}\\x00\\r\\n]*`;
  return /^[!-~\x80-\xff]*$/.test(name) ? '[!-"$-%\'-~\\x80-\\xff]*' : NO_TEXT;
}
