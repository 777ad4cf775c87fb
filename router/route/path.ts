/**
 * Paths as the rules see them: fragment dropped, dots and escapes resolved, query set aside. Imports table
 * types alone.
 */
import type { PathNormalization } from '../table/route-table.ts';

/**
 * The path with its query, normalised; undefined where it cannot be, which is answered 400. What follows the
 * first `?` is kept as it is. Bytes above ASCII are HTTP/2's alone: the codec of HTTP/1.1 has refused them.
 *
 * Source: Envoy `source/common/http/path_utility.cc` (PathUtil::canonicalPath, mergeSlashes, unescapeSlashes),
 * Istio `pilot/pkg/networking/core/listener.go` (normalization of the mesh).
 */
export function normalizePath(path: string, normalization: PathNormalization): string | undefined {
  const hash = path.indexOf('#');
  const withoutFragment = hash === -1 ? path : path.slice(0, hash);
  if (normalization === 'NONE') return withoutFragment;
  const end = withoutFragment.indexOf('?');
  let bare = end === -1 ? withoutFragment : withoutFragment.slice(0, end);
  const query = end === -1 ? '' : withoutFragment.slice(end);
  if (!PRINTABLE.test(withoutFragment)) return undefined;
  if (bare === '' || !NEEDS_WORK.test(bare)) return withoutFragment;
  if (normalization === 'DECODE_AND_MERGE_SLASHES') bare = bare.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  const canonical = canonicalPath(bare);
  if (canonical === undefined) return undefined;
  bare = canonical;
  if (normalization !== 'BASE') bare = mergeSlashes(bare);
  return bare + query;
}

/**
 * The length of the path without its query, if every normalisation leaves it as it is, else -1. Most are so, and
 * one look at each character tells; four are taken at a time, as the loop costs as much as what is done in it.
 */
export function normalLength(path: string): number {
  const size = path.length;
  let index = 0;
  let wrong = 0;
  let afterSlash = 0;
  for (; index + 4 <= size; index += 4) {
    const a = path.charCodeAt(index);
    const b = path.charCodeAt(index + 1);
    const c = path.charCodeAt(index + 2);
    const d = path.charCodeAt(index + 3);
    if ((a | b | c | d) >= ASCII) return NOT_NORMAL;
    const kindA = PATH_CHARACTERS[a]!;
    const kindB = PATH_CHARACTERS[b]!;
    const kindC = PATH_CHARACTERS[c]!;
    const kindD = PATH_CHARACTERS[d]!;
    if ((kindA | kindB | kindC | kindD) & OTHER) break;
    wrong |= (kindA & afterSlash) | (kindB & (kindA >> 1)) | (kindC & (kindB >> 1)) | (kindD & (kindC >> 1));
    afterSlash = kindD >> 1;
  }
  for (; index < size; index++) {
    const char = path.charCodeAt(index);
    const kind = char < ASCII ? PATH_CHARACTERS[char]! : OTHER;
    if (kind === OTHER) break;
    wrong |= kind & afterSlash;
    afterSlash = kind >> 1;
  }
  if (wrong || path.charCodeAt(0) !== SLASH) return NOT_NORMAL;
  if (index < size && path.charCodeAt(index) !== QUESTION_MARK) return NOT_NORMAL;
  for (let rest = index; rest < size; rest++) {
    const char = path.charCodeAt(rest);
    if (char <= 0x20 || char >= 0x7f || char === HASH) return NOT_NORMAL;
  }
  return index;
}

/** No control characters and no space. */
const PRINTABLE = /^[\x21-\x7e\x80-\uffff]*$/;
const NOT_NORMAL = -1;
const ASCII = 128;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;
/** Of a character that ends what is looked at, `?` included. */
const OTHER = 4;
/** 0 for characters that stay as they are; bit 0 for those that may not follow a slash, bit 1 for the slash. */
const PATH_CHARACTERS = new Uint8Array(ASCII).fill(OTHER);
for (let char = 0; char < ASCII; char++) {
  if (/[\w\-~!$&'()*+,;=:@]/.test(String.fromCharCode(char))) PATH_CHARACTERS[char] = 0;
}
PATH_CHARACTERS['.'.charCodeAt(0)] = 1;
PATH_CHARACTERS[SLASH] = 3;

/** One slash for several, but two for a path of nothing else: its first and its last one stay. */
function mergeSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const segments = path.split('/').filter((segment) => segment !== '');
  return `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`;
}

/** Anything but the characters that normalising leaves alone, a dot after a slash, or two slashes. */
const NEEDS_WORK = /[^\w\-~!$&'()*+,;=:@/.]|\/\.|\/\/|^[^/]/;

/**
 * Resolves `.` and `..`, `\` as `/`, and escapes of unreserved characters; other escapes stay, in upper case
 * where the parser writes them itself. Undefined for what a URL parser refuses.
 */
function canonicalPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const decoded = decodeUnreserved(path);
  if (decoded === undefined) return undefined;
  const out: string[] = [];
  const segments = decoded.slice(1).replaceAll('\\', '/').split('/');
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (isDots(segment, 2)) {
      out.pop();
      if (last) out.push('');
    } else if (isDots(segment, 1)) {
      if (last) out.push('');
    } else {
      out.push(segment);
    }
  });
  return `/${out.join('/')}`;
}

const isDots = (segment: string, count: 1 | 2): boolean => segment === '.'.repeat(count);

/**
 * Undefined for an escaped NUL. A `%` that begins no escape stays; where what is decoded after it would make it one,
 * it is escaped itself.
 *
 * Source: googleurl `url/url_canon_path.cc` (DoPartialPath, CheckForNestedEscapes).
 */
function decodeUnreserved(path: string): string | undefined {
  let out = '';
  let lonePercent = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < path.length; i++) {
    const char = path[i]!;
    if (char === '%' && ESCAPE_DIGITS.test(path.slice(i + 1, i + 3))) {
      const code = Number.parseInt(path.slice(i + 1, i + 3), 16);
      if (code === 0) return undefined;
      const text = String.fromCharCode(code);
      const isDecoded = UNRESERVED.test(text);
      out += isDecoded ? text : path.slice(i, i + 3);
      i += 2;
      if (!isDecoded || lonePercent < out.length - 3) continue;
      const digits = out.slice(lonePercent + 1) + path.slice(i + 1, i + 2);
      if (ESCAPE_DIGITS.test(digits.slice(0, 2)))
        out = `${out.slice(0, lonePercent)}%25${out.slice(lonePercent + 1)}`;
    } else if (ESCAPED.test(char)) {
      out += escapeChar(char);
    } else {
      if (char === '%') lonePercent = out.length;
      out += char;
    }
  }
  return out;
}

const ESCAPE_DIGITS = /^[0-9a-fA-F]{2}$/;

/** A character up to U+00FF stands for one byte, as header values come from runtimes; others are UTF-8. */
function escapeChar(char: string): string {
  const bytes = char.charCodeAt(0) < 0x100 ? [char.charCodeAt(0)] : [...encoder.encode(char)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;
/** Characters that the parser escapes when they come raw. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
const ESCAPED = /[\u0000-\u0020"<>^`{|}\u007f-\uffff]/;
const encoder = new TextEncoder();

/** The path without its query. */
export function pathOf(path: string): string {
  const end = path.indexOf('?');
  return end === -1 ? path : path.slice(0, end);
}

/** What follows the path: the query with its `?`, or nothing. */
export function queryOf(path: string): string {
  const end = path.indexOf('?');
  return end === -1 ? '' : path.slice(end);
}

/**
 * Query parameters in the order written, neither names nor values decoded; a name without `=` has an empty value.
 *
 * Source: Envoy `source/common/http/utility.cc` (QueryParamsMulti::parseParameters).
 */
export function parseQuery(path: string): [name: string, value: string][] {
  const query = queryOf(path);
  if (query.length < 2) return [];
  return query
    .slice(1)
    .split('&')
    .map((pair) => {
      const equal = pair.indexOf('=');
      return equal === -1 ? [pair, ''] : [pair.slice(0, equal), pair.slice(equal + 1)];
    });
}

/** The first value of the name among parameters that begin at `from`, as {@link parseQuery} has it. */
export function findQueryValue(path: string, from: number, name: string): string | undefined {
  if (from >= path.length) return undefined;
  for (let start = from; start <= path.length; ) {
    const and = path.indexOf('&', start);
    const end = and === -1 ? path.length : and;
    const equal = path.indexOf('=', start);
    const nameEnd = equal === -1 || equal > end ? end : equal;
    if (nameEnd - start === name.length && path.startsWith(name, start)) return path.slice(nameEnd + 1, end);
    start = end + 1;
  }
  return undefined;
}
