/** Requests that meet a case's rules, and odd ones. Imports the draw. */
import type { Draw } from './draw.ts';
import { HEADERS, PATHS, type Spec, VALUES } from './rule.ts';

const AUTHORITIES = [
  'greeter',
  'greeter:80',
  'greeter.default',
  'GREETER',
  'other',
  'greeter.prod',
  'a.example.com',
]
  .concat([
    'x.a.example.com',
    'b.example.com:80',
    '10.96.0.10',
    'unknown.org',
    'ext',
    'plain',
    'ext.prod',
    '240.0.0.1',
  ])
  .concat([
    '10.96.0.10:80',
    'greeter.default.svc',
    'greeter.default.svc.cluster.local.',
    'greeter.default.svc.cluster.local:8080',
    'a.example.com:8080',
    'greeter:99',
    '[::1]:80',
    'B.EXAMPLE.com',
    'example.com',
    '.example.com',
    'single',
    'empty:80',
    'greeter.prod.svc.cluster.local:80',
    'greeter.default.svc.cluster.local',
    'greeter:8080',
    'greeter:9090',
    'greeter.',
    '10.96.0.12:80',
    'a.example.com.',
    'A.example.com:80',
    'y.x.a.example.com',
    'example.com:80',
  ]);
const SPECIAL_HEADERS: readonly [string, string][] = [
  ['te', 'trailers'],
  ['te', 'trailers, deflate'],
  ['connection', 'x-a'],
  ['connection', 'keep-alive, x-b'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'close'],
  ['x-forwarded-host', 'a.example.com'],
  ['x-forwarded-for', '1.2.3.4, 5.6.7.8'],
  ['x-request-id', 'mine'],
  ['x-envoy-original-path', '/a'],
  ['x-envoy-attempt-count', '7'],
  ['x-envoy-internal', 'true'],
  ['x-envoy-upstream-rq-timeout-ms', '2000'],
  ['x-envoy-retry-on', '5xx'],
  ['x-envoy-max-retries', '2'],
  ['x-envoy-decorator-operation', 'op'],
  ['forwarded', 'for=1.2.3.4'],
  ['via', '1.1 me'],
  ['authorization', 'Bearer a'],
  ['x-b3-traceid', '0123456789abcdef0123456789abcdef'],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['x_under', 'a'],
  ['x-a', 'a\tb'],
  ['x-a', '\u00e9'],
  ['x-a', 'a%20b'],
  ['x-a', 'a'.repeat(3000)],
  ['accept-encoding', 'gzip'],
  ['grpc-timeout', '5S'],
  ['expect', '100-continue'],
];

/** What rules ask for, so that requests meet them. */
export interface Focus {
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

/** Of VirtualServices. */
export function focusOf(virtualServices: readonly Spec[]): Focus {
  const hosts = virtualServices.flatMap(({ spec }) => spec.hosts ?? []);
  const matches = virtualServices.flatMap(({ spec }) => spec.http.flatMap((rule: Spec) => rule.match ?? []));
  return {
    hosts: hosts.map((host: string) => host.replace(/^\*$/, 'any.org').replace('*', 'x')),
    paths: matches.flatMap(({ uri }: Spec) => uri?.exact ?? uri?.prefix ?? []),
  };
}

/** One request. */
export function request({ pick, chance, below, maybe }: Draw, { hosts, paths }: Focus): Spec {
  const isGrpc = chance(0.15);
  const headers: [string, string][] = isGrpc
    ? [['content-type', pick(['application/grpc', 'application/grpc', 'application/grpc+proto'])]]
    : [];
  for (let left = below(4); left > 0; left--) {
    const name = pick(HEADERS);
    // Crumbs of a cookie that end in none leave a space that an upstream over HTTP/2 may refuse.
    const values = name === 'cookie' ? VALUES.filter((each) => each !== '') : VALUES;
    if (name !== 'content-type' || !isGrpc) headers.push([name, pick(values)]);
  }
  const isPreflight = !isGrpc && chance(0.12);
  if (isPreflight || chance(0.1))
    headers.push([
      pick(['origin', 'origin', 'Origin']),
      pick(['https://a.com', 'https://b.x', 'https://evil.com', 'null', 'https://A.com', '']),
    ]);
  if (isPreflight && chance(0.9)) headers.push(['access-control-request-method', pick(['GET', 'PUT', ''])]);
  if (isPreflight && chance(0.3)) headers.push(['access-control-request-headers', 'x-a, x-b']);
  if (chance(0.06)) headers.push(['x-forwarded-proto', pick(['https', 'HTTPS', 'ftp', ''])]);
  if (chance(0.1)) headers.push(pick(SPECIAL_HEADERS));
  headers.push(['x-oracle-random', String(below(300))]);
  return {
    proto: isGrpc || chance(0.25) ? 'h2' : 'h1',
    port: pick([80, 80, 80, 8080, 8080, 9090]),
    method: isGrpc
      ? 'POST'
      : isPreflight
        ? 'OPTIONS'
        : pick(['GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']),
    authority:
      chance(0.7) && hosts.length > 0 ? pick(hosts) + pick(['', '', '', ':80', ':8080']) : pick(AUTHORITIES),
    path:
      (chance(0.4) && paths.length > 0
        ? pick(paths) + pick(['', '', '', '/x', '/', 'x', '/../x'])
        : pick([
            ...PATHS,
            '/a/../b',
            '/%61',
            '/c/d',
            '/a%2Fb',
            '/a\\b',
            '/a/./b',
            '/a;p=1',
            '/%e4',
            '/é',
            '//',
            '/a?',
            '/A%2fb',
            '/a%',
            '*',
            '/a/b/c/',
            '/v1/items/',
            '/a.json',
            '/a%00',
            '/a%25',
            ...[
              '/a/%2e%2e/b',
              '/../a',
              '/a/..',
              '/a/.',
              '/./a',
              '/a%5Cb',
              '/%41',
              '/a%2f%2Fb',
              '/a/b?',
              '/~a',
              '/a%7e',
              '/a+b',
            ],
            ...[
              '/a/%2E/b',
              '//a/b',
              '/a///b',
              '/a/..//b',
              '/%2e',
              '/a:b@c',
              '/a,b',
              '/a|b',
              '/a"b',
              '/a%C3%A9',
              '/a/b;x/../c',
              'a',
              '',
            ],
            ...['http://a.example.com/a', 'http://greeter/b?q=1', 'HTTP://greeter:8080'],
          ])) +
      pick([
        '',
        '',
        '',
        '?q=1',
        '?id=a&q=',
        '?q',
        '#f',
        '?q=a&q=b',
        '?Q=1',
        '?a%20b=1',
        '?a+b=1',
        '?q=%61',
        '?&q=1&',
        '?=1',
        '?q=1;id=a',
        '?q=a%2Cb',
        '?q==',
        '?q=1#f?q=2',
        '?id=x=1',
        '?x%20y=a',
        '??q=1',
      ]),
    headers,
    ...(isGrpc && { bodyB64: 'AAAAAAA=' }),
    ...maybe(0.1, 'upstream', () => [{ status: pick([200, 404, 503]), headers: [['x-a', 'up']] }]),
  };
}
