/** A request as people write it down, for `/explain` and the command of that name: a URL, a method, headers. */
import type { HeaderList, RouteRequest } from '../router/index.ts';

/** See the fields. */
export interface WrittenRequest {
  /** `http://HOST[:PORT][/PATH]`; without a scheme, http. */
  readonly url: string;
  readonly method: string;
  /** Names in lower case. A `host` stands for the URL's. */
  readonly headers: HeaderList;
}

const AUTHORITY = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#:@[\]]+)(?::\d{1,5})?`;
const URL_PATTERN = new RegExp(String.raw`^(?:(https?)://)?(${AUTHORITY})([/?][^\s#]*)?(?:#.*)?$`, 'i');

/**
 * The request for the router, or undefined when the URL is none. `port` is the listener's service port; default
 * the URL's own.
 */
export function toRouteRequest(written: WrittenRequest, port?: number): RouteRequest | undefined {
  const parts = URL_PATTERN.exec(written.url);
  if (parts === null) return undefined;
  const [, givenScheme = 'http', authority = '', path = '/'] = parts;
  const scheme = givenScheme.toLowerCase();
  const ownPort = /:(\d+)$/.exec(authority)?.[1];
  return {
    method: written.method,
    scheme,
    authority: written.headers.find(([name]) => name === 'host')?.[1] ?? authority,
    path: path.startsWith('?') ? `/${path}` : path,
    headers: written.headers.filter(([name]) => name !== 'host'),
    port: port ?? Number(ownPort ?? (scheme === 'https' ? 443 : 80)),
  };
}

/** A header written like curl's, `user: admin`, or `user;` for an empty one, its name in lower case; undefined for what is no header. */
export function parseHeaderLine(line: string): readonly [name: string, value: string] | undefined {
  const [, name, value = ''] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?::[ \t]*([^\r\n\0]*?)[ \t]*|;)$/.exec(line) ?? [];
  return name === undefined ? undefined : [name.toLowerCase(), value];
}
