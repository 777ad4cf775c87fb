/** Requests at the edges of what a wire carries, and beyond what a codec lets through. */
import type { RouteRequest } from '../../../router/index.ts';
import type { Draws } from '../route/generate.ts';

const PARTS = [
  ...[
    '/',
    '//',
    '/.',
    '/..',
    '/../',
    '/a',
    'a',
    '%',
    '%2',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%2e%2e/',
    '%00',
    '\u0000',
    '%zz',
  ],
  ...[
    '?',
    '??',
    '&',
    '=',
    'a=b',
    '#',
    ';',
    ';x=1',
    '*',
    ' ',
    '\t',
    '\r\n',
    'é',
    '\u00ff',
    '😀',
    '\uD800',
    '%25',
    '+',
    ':',
    '@',
  ],
];
const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'get', '', 'A'.repeat(300), '\u0000'];
const NAMES = [
  ...[
    'x-a',
    'cookie',
    'origin',
    'host',
    'content-type',
    'grpc-timeout',
    'te',
    'x-forwarded-proto',
    'x-forwarded-for',
  ],
  ...[
    'access-control-request-method',
    'x-envoy-upstream-rq-timeout-ms',
    '__proto__',
    'constructor',
    '',
    ':path',
    'X-Upper',
  ],
];
const VALUES = [
  ...[
    '',
    ' ',
    'a',
    'application/grpc',
    'application/grpc+proto',
    'GET',
    '*',
    'a; b=c; ',
    ';;;===',
    'a=',
    '=a',
    '"',
    'a,b,,',
  ],
  ...[
    '\u0000',
    '\u00ff',
    '\r\nx: y',
    '1S',
    '99999999H',
    '-1',
    'https',
    'a=b; a=c',
    '%REQ(x)%',
    '😀',
    '__proto__=1',
  ],
];
const AUTHORITIES = [
  ...[
    '',
    ':',
    ':80',
    'a:',
    'a:b',
    'a:99999999',
    '[',
    '[::1',
    '[::1]',
    '[::1]:80',
    '[]:80',
    '*',
    '*.example.com',
    '.',
    '..',
  ],
  ...[
    'a..b',
    'A.B',
    '.a',
    'a.',
    '%',
    'é',
    '\u0000',
    '__proto__',
    'constructor',
    'user@host',
    'a:80:80',
    'a'.repeat(5000),
  ],
];

/** `base` with some of it made extreme; the sizes are those of the largest heads that proxies take. */
export function extremeRequest(draws: Draws, base: RouteRequest): RouteRequest {
  return {
    ...base,
    ...(draws.oneIn(2) && { path: extremePath(draws, base.path) }),
    ...(draws.oneIn(3) && { headers: extremeHeaders(draws, base) }),
    ...(draws.oneIn(4) && {
      authority: draws.pick([...AUTHORITIES, `${base.authority}:80`, `${base.authority}.`]),
    }),
    ...(draws.oneIn(6) && { method: draws.pick(METHODS) }),
    ...(draws.oneIn(8) && { scheme: draws.pick(['https', '', 'ftp', 'HTTP', '\u0000']) }),
    ...(draws.oneIn(8) && { port: draws.pick([0, -1, 65536, 1.5, Number.NaN]) }),
    ...(draws.oneIn(8) && { sourceAddress: draws.pick(['', '::1', 'x', '1.2.3.4']) }),
    ...(draws.oneIn(4) && { http2: draws.oneIn(2) }),
  };
}

function extremePath(draws: Draws, path: string): string {
  const part = () => draws.pick(PARTS);
  switch (draws.below(5)) {
    case 0:
      return path + part().repeat(draws.below(20));
    case 1:
      return part() + path;
    case 2:
      return Array.from({ length: draws.below(40) }, part).join('');
    case 3: {
      // As long as the longest heads that proxies take; rarely, for they cost most.
      const long = (part() + part()).repeat(draws.oneIn(10) ? 65536 : 500);
      return `${draws.pick(['', '/', path, `${path}?`])}${long}`.slice(0, 64 * 1024);
    }
    default:
      return draws.pick(['', '*', 'http://a/b', '/', '?', '#']);
  }
}

function extremeHeaders(draws: Draws, { headers }: RouteRequest): RouteRequest['headers'] {
  const pair = () => [draws.pick(NAMES), draws.pick(VALUES)] as const;
  switch (draws.below(4)) {
    case 0:
      return Array.from({ length: draws.oneIn(10) ? 1000 : 20 }, pair);
    case 1: {
      const repeated = pair();
      return [...headers, ...Array.from({ length: draws.oneIn(10) ? 1000 : 20 }, () => repeated)];
    }
    case 2:
      return [
        ...headers,
        [
          draws.pick(NAMES),
          draws
            .pick(VALUES)
            .repeat(draws.oneIn(10) ? 8192 : 50)
            .slice(0, 65536),
        ],
      ];
    default:
      return [...headers.map(([name]) => [name, draws.pick(VALUES)] as const), pair()];
  }
}
