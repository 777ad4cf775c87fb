/** A sample as a request: for the router, and as a line to paste. Imports table types. */
import { byteText, textOfBytes } from '../table/byte-text.ts';
import type { RouteRequest } from '../table/request.ts';
import { type Sample, stateOf } from './reach.ts';
import { HTTP1_METHODS, type World } from './world.ts';

/** A request with who sends it. */
export interface ExampleRequest {
  readonly request: RouteRequest;
  /** `mesh` or `NAMESPACE/NAME`. */
  readonly gateway: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The client's; absent: one that no rule names. */
  readonly namespace?: string;
}

/** The request of a sample; `port` is the service port where no rule asks for one. */
export function requestOf(sample: Sample, world: World, port: number): ExampleRequest {
  const one = (id: string): string => stateOf(sample, { id, presence: 'one' }, world)[0] ?? '';
  const named = (kind: string): [string, string][] =>
    [...sample].flatMap(([id, values]) =>
      id.startsWith(`${kind} `)
        ? values.map((value): [string, string] => [id.slice(kind.length + 1), value])
        : [],
    );
  const query = named('query').map(([name, value]) => `${name}=${value}`);
  const scheme = one('scheme');
  const namespace = one('namespace');
  const method = one('method');
  const headers = named('header');
  // Without one no rule gets to see it.
  if (method === 'QUERY' && !sample.has('header content-type'))
    headers.push(['content-type', 'application/json']);
  const forwarded = sample.get('header x-forwarded-proto')?.[0];
  return {
    request: {
      method,
      scheme,
      authority: one('authority'),
      path: `${one('path')}${query.length > 0 ? `?${query.join('&')}` : ''}`,
      headers,
      port: Number(one('port') || port),
      // Only HTTP/2 says its scheme itself.
      ...(sample.has('scheme') && { http2: true }),
      ...(forwarded === 'https' && { tls: true }),
    },
    gateway: one('gateway'),
    labels: Object.fromEntries(named('label')),
    ...(namespace && { namespace }),
  };
}

/**
 * The request as a curl command. Headers that curl sends by itself are taken away where a rule looks for their
 * absence: `asked` has the ids of the dimensions that rules speak of.
 */
export function curlOf(
  { request }: ExampleRequest,
  asked: { has(dimension: string): boolean } = new Set(),
): string {
  const words = ['curl'];
  const { scheme, authority, path } = request;
  // Of a host beyond ASCII in a URL curl makes Punycode.
  const isInUrl = /^[!-~]*$/.test(authority);
  const place = isInUrl ? authority : `localhost${/:\d+$/.exec(authority)?.[0] ?? ''}`;
  const headers = isInUrl ? request.headers : [['host', authority] as const, ...request.headers];
  if (request.method !== 'GET') words.push('-X', quote(request.method));
  for (const [name, value] of headers)
    words.push('-H', quoteBytes(value === '' ? `${name};` : `${name}: ${value}`));
  for (const name of ['accept', 'user-agent']) {
    if (asked.has(`header ${name}`) && !request.headers.some(([given]) => given === name))
      words.push('-H', quote(`${name}:`));
  }
  if (/[[\]{}]/.test(place + path)) words.push('-g');
  // HTTP/1.1 carries no such query or method; over TLS curl asks for HTTP/2 by itself.
  if (scheme === 'http' && (/[^!-~]/.test(path) || !HTTP1_METHODS.includes(request.method)))
    words.push('--http2-prior-knowledge');
  words.push(quoteBytes(`${scheme}://${place}${path}`));
  return words.join(' ');
}

/** The word that a terminal of UTF-8 makes the bytes of; where they are no UTF-8, with escapes that bash reads. */
function quoteBytes(bytes: string): string {
  const text = textOfBytes(bytes);
  if (byteText(text) === bytes) return quote(text);
  const escaped = bytes.replaceAll(
    /[^ -~]|['\\]/g,
    (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `$'${escaped}'`;
}

/** The word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
