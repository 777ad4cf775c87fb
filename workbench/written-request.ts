/**
 * A request as people write it down, for `/explain` and the command of that name: a URL, a method, headers. Here its
 * text becomes what the wire would carry, as curl has it: a host in Punycode, a path escaped, the query and headers in
 * UTF-8.
 */
import type { RouteRequest } from '../router/index.ts';
import { byteText } from '../router/table/byte-text.ts';

/** A header as text, its name in lower case. */
export type WrittenHeader = readonly [name: string, value: string];

/** See the fields. */
export interface WrittenRequest {
  /** `http://HOST[:PORT][/PATH]`; without a scheme, http. */
  readonly url: string;
  readonly method: string;
  /** A `host` stands for the URL's. */
  readonly headers: readonly WrittenHeader[];
  /** Default: where only HTTP/2 can carry the query, as HTTP/1.1 has none beyond ASCII. */
  readonly http2?: boolean;
}

/**
 * What a method can be, in one case or another.
 *
 * Source: RFC 9110, 9.1 (method = token).
 */
export const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const AUTHORITY = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#:@[\]]+)(?::\d{1,5})?`;
const URL_PATTERN = new RegExp(String.raw`^(?:(https?)://)?(${AUTHORITY})([/?][^\s#]*)?(?:#.*)?$`, 'i');

/**
 * The request for the router, or undefined when the URL is none. `port` is the listener's service port; default
 * the URL's own.
 */
export function toRouteRequest(written: WrittenRequest, port?: number): RouteRequest | undefined {
  const parts = URL_PATTERN.exec(written.url);
  if (parts === null) return undefined;
  const [, givenScheme = 'http', writtenAuthority = '', writtenPath = '/'] = parts;
  const scheme = givenScheme.toLowerCase();
  const authority = asciiAuthority(writtenAuthority);
  if (authority === undefined) return undefined;
  const ownPort = /:(\d+)$/.exec(authority)?.[1];
  const path = bytePath(writtenPath.startsWith('?') ? `/${writtenPath}` : writtenPath);
  return {
    method: written.method,
    scheme,
    authority: byteText(written.headers.find(([name]) => name === 'host')?.[1] ?? authority),
    path,
    headers: byteHeaders(written.headers).filter(([name]) => name !== 'host'),
    port: port ?? Number(ownPort ?? (scheme === 'https' ? 443 : 80)),
    ...((written.http2 ?? BEYOND_ASCII.test(path)) && { http2: true }),
  };
}

/** The path escaped, in small letters as curl does it, the query as it is. */
function bytePath(path: string): string {
  const bytes = byteText(path);
  const end = bytes.indexOf('?') === -1 ? bytes.length : bytes.indexOf('?');
  const escaped = bytes
    .slice(0, end)
    .replaceAll(/[^ -~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return escaped + bytes.slice(end);
}

const BEYOND_ASCII = /[^ -~]/;

/** The headers as the wire would carry them. */
export function byteHeaders(headers: readonly WrittenHeader[]): WrittenHeader[] {
  return headers.map(([name, value]) => [name, byteText(value)]);
}

/** The URL's own, or with a host of other letters as DNS has it; undefined where DNS has no such host. */
function asciiAuthority(authority: string): string | undefined {
  if (!/[^!-~]/.test(authority)) return authority;
  const [, host = '', port = ''] = /^(.*?)(:\d+)?$/.exec(authority) ?? [];
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname + port : undefined;
}

/** A header written like curl's, `user: admin`, or `user;` for an empty one, its name in lower case; undefined for what is no header. */
export function parseHeaderLine(line: string): WrittenHeader | undefined {
  const [, name, value = ''] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?::[ \t]*([^\r\n\0]*?)[ \t]*|;)$/.exec(line) ?? [];
  return name === undefined ? undefined : [name.toLowerCase(), value];
}
