/** Rules of a VirtualService from few words, so that many of them meet the same requests. Imports the draw. */
import type { Draw } from './draw.ts';

/** A message of Istio's as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: written as YAML, and judged by Istio
export type Spec = any;

export const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/ab',
  '/A',
  '/A/B',
  '/b',
  '/v1/items/42',
  '/a%20b',
  '/a//b',
].concat(['/api.Greeter/SayHello', '/a/b/', '/a.json', '/a;p=1']);
export const HEADERS = [
  'x-a',
  'x-b',
  'X-C',
  'user-agent',
  'cookie',
  'content-type',
  'accept',
  'referer',
].concat(['x-a', 'x-b']);
/** Headers that proxies know, and what HTTP/2 says in its own way. */
const KNOWN_HEADERS = [
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'te', 'connection'],
  ...['host', ':authority', ':method', ':path', ':scheme', 'content-length', 'transfer-encoding', 'upgrade'],
  ...['x-envoy-attempt-count', 'x-envoy-original-path', 'x-envoy-internal', 'origin', 'x-oracle-random'],
];
export const VALUES = ['', 'a', 'b', 'A', 'ab', '1', 'a,b', 'x=1', 'https://a.com', 'application/grpc'];
const REGEXES = ['.*', '*', '.+', 'a.*', '[a-z]+', '(a|b)', '^a$', '\\d+', '(?i)a', 'a?', '.*b.*'].concat([
  'a|b',
  '[[:alpha:]]+',
  '\\pL+',
  '(?:a|b|1)*',
  '(?P<x>a)b?',
  '[^a]*',
  'a{1,3}',
  '\\Qa\\E',
  '(?s).*',
  '\\x61',
  '(?i:A)|1',
  '\\bа?a\\b',
  '',
  ...[
    '[a-c]|[0-9]',
    '(?U)a+?',
    '(?m)^a$',
    '\\Aa\\z',
    '[^\\d]',
    '\\W?',
    '[[:^digit:]]*',
    '\\p{L}',
    '\\PN+',
    'a||b',
  ],
  ...[
    '()',
    '(?:)',
    'a{0}',
    '(a{2}){3}|b',
    'a*?b??',
    '[\\]a]',
    '[a-]',
    '.',
    '..',
    '\\.',
    '(?i)AB?',
    'é',
    '\\xe9|a',
    '\\x{61}',
  ],
  ...[
    '\\C',
    '[[:word:]]',
    '\\pN',
    '\\p{Greek}|1',
    '(?i)\\x{212a}|a',
    'x=\\d',
    '(?s:.)',
    '(?-s).',
    '$a|a^|b',
    'a$|^b',
  ],
]);
const URI_REGEXES = [
  '/a.*',
  '/(a|b)',
  '/[^/]+',
  '/v[0-9]+/.*',
  '.*',
  '/A(/.*)?',
  '.*/b$',
  '/a/?',
  '(?i)/A.*',
  '/a\\?q=.*',
  ...[
    '/a/b|/b',
    '/(?:a|A)(?:/b)?/?',
    '/api\\.[A-Z]\\w+/.*',
    '(/[a-z]+)+',
    '/a(;p=\\d)?',
    '/.{1}',
    '/v\\d/items/\\d{1,3}',
  ],
  ...['.*[.]json', '(?i)/a', '/a%20b', '/a b', '^/a$', '/(?P<n>a)', '/\\w*', '/a/+b', '[^?]*', '/%61', ''],
];
const FORMATS = ['v', '%REQ(x-a)%', '%REQ(:path)%', '%REQ(x-none?:authority)%', '100%%', '', 'a b']
  .concat([
    '%RESPONSE_CODE%',
    '%RESP(x-a)%',
    '%RESPONSE_FLAGS%',
    '%UPSTREAM_CLUSTER%',
    '%ROUTE_NAME%',
    '%PROTOCOL%',
  ])
  .concat([
    '%REQ(x-a):2%',
    '%REQ(X-B)%-%REQ(x-a)%',
    '%PROTOCOL%/%REQ(:method)%',
    '%REQ(:scheme)%',
    '%FILTER_STATE(a)%x',
    '%METADATA(ROUTE:a:b)%-',
    '%DYNAMIC_METADATA(a)%',
    '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
    '%RESPONSE_CODE_DETAILS%',
    '%REQ(USER-AGENT?x-a)%',
    '%VIRTUAL_CLUSTER_NAME%',
    'é',
    '%RESP(x-none)%',
  ]);
const REWRITES = [
  { match: '^/a/(.*)$', rewrite: '/b/\\1' },
  { match: '[0-9]+', rewrite: 'N' },
  { match: 'a*', rewrite: '/x' },
  { match: '/(a)(b)?', rewrite: '/\\2\\1\\0' },
  { match: '/', rewrite: '' },
  { match: '(?i)/A', rewrite: '/\\\\' },
  { match: '^(.*)$', rewrite: '/p\\1' },
  { match: '/([^/]*)/([^/]*)', rewrite: '/\\2/\\1' },
  { match: 'b|a', rewrite: '%REQ(x)%' },
  { match: '^/(?P<one>[a-z]+)', rewrite: '/\\1\\1' },
  { match: '/$', rewrite: '' },
  { match: '(?:/)+', rewrite: '/' },
  { match: '$', rewrite: '/end' },
  { match: '\\bb', rewrite: 'c\\0' },
  { match: '[?].*', rewrite: '' },
  { match: '%20', rewrite: ' ' },
  { match: '(?i)[A-C]{1}', rewrite: '<\\0>' },
];

/** One of `spec.http`; with `delegates` it may delegate to one of them. */
export function rule(draw: Draw, index: number, delegates: readonly Spec[]): Spec {
  const { chance, pick, maybe, below } = draw;
  const base = {
    ...maybe(0.6, 'name', () => pick([`r${index}`, 'r'])),
    ...maybe(0.7, 'match', () => Array.from({ length: 1 + below(2) }, () => match(draw))),
    ...maybe(0.3, 'timeout', () => pick(['5s', '1.5s', '0s', '2m', '1h5m', '2500ms'])),
    ...maybe(0.3, 'retries', () => retries(draw)),
    ...maybe(0.1, 'fault', () => fault(draw)),
    ...maybe(0.15, 'mirror', () => destination(draw)),
    ...maybe(0.1, 'mirrorPercentage', () => ({ value: pick([0, 100, 12.5]) })),
    ...maybe(0.04, 'mirrorPercent', () => pick([0, 50, 100])),
    ...maybe(0.08, 'mirrors', () =>
      Array.from({ length: 1 + below(2) }, () => ({
        destination: destination(draw),
        ...maybe(0.5, 'percentage', () => ({ value: pick([0, 100, 0.5]) })),
      })),
    ),
    ...maybe(0.2, 'corsPolicy', () => cors(draw)),
    ...maybe(0.35, 'headers', () => headers(draw)),
  };
  if (delegates.length > 0 && chance(0.4)) return { ...base, delegate: pick(delegates) };
  if (chance(0.12)) return { ...base, redirect: redirect(draw) };
  if (chance(0.1)) {
    const body = chance(0.2)
      ? { bytes: pick(['aGk=', '', '_-8']) }
      : { string: pick(['hi', '%REQ(:path)%', 'é', '', '{"a":1}', '%', '100%% of %REQ(x-a)%']) };
    return {
      ...base,
      directResponse: {
        status: pick([200, 204, 301, 418, 503, 404, 599, 302, 500, 401, 429, 304, 205]),
        ...maybe(0.7, 'body', () => body),
      },
    };
  }
  const count = pick([1, 1, 2, 3]);
  const route = Array.from({ length: count }, () => ({
    destination: destination(draw),
    ...((count > 1 ? chance(0.95) : chance(0.1)) && { weight: pick([0, 1, 25, 50, 100, 7, 1000]) }),
    ...maybe(0.35, 'headers', () => headers(draw)),
  }));
  return { ...base, route, ...maybe(0.3, 'rewrite', () => rewrite(draw)) };
}

function text({ pick, chance }: Draw, values: readonly string[]): Spec {
  if (chance(0.45)) return { exact: pick(values) };
  if (chance(0.5)) return { prefix: pick(values).slice(0, 3) };
  return chance(0.9) ? { regex: pick(REGEXES) } : {};
}

function texts(draw: Draw, names: readonly string[]): Spec {
  return Object.fromEntries(draw.some(names, 2).map((name) => [name, text(draw, VALUES)]));
}

/** A header that proxies know and a value that it has. */
function knownText({ pick, chance }: Draw): Spec {
  const [name, values] = pick([
    [':method', ['GET', 'POST', 'P']],
    [':path', ['/a', '/', '/a?q=1']],
    [':scheme', ['http', 'https']],
    [':authority', ['greeter', 'a.example.com']],
    ['host', ['greeter', 'greeter:80', 'a.']],
    ['x-forwarded-proto', ['http', 'https']],
    ['x-forwarded-host', ['a', 'a.example.com']],
    ['te', ['trailers']],
    ['content-type', ['application/grpc', 'application/grpc+proto', 'application/']],
    ['origin', ['https://a.com', 'https://']],
    ['x-oracle-random', ['1', '2']],
    ['connection', ['x-a', 'close']],
    ['content-length', ['5', '0']],
    ['x-envoy-attempt-count', ['1']],
    ['x-envoy-original-path', ['/a']],
    ['upgrade', ['websocket']],
  ] as const);
  const value = pick(values as readonly string[]);
  const condition = chance(0.5)
    ? { exact: value }
    : chance(0.5)
      ? { prefix: value }
      : chance(0.5)
        ? {}
        : { regex: '.+' };
  return { [name]: condition };
}

function match(draw: Draw): Spec {
  const { pick, chance, maybe, some } = draw;
  const uri = () =>
    chance(0.4)
      ? { exact: pick(PATHS) }
      : chance(0.7)
        ? { prefix: pick(PATHS) }
        : { regex: pick(URI_REGEXES) };
  return {
    ...maybe(0.2, 'name', () => pick(['m', 'n'])),
    ...maybe(0.65, 'uri', uri),
    ...maybe(0.15, 'ignoreUriCase', () => true),
    ...maybe(0.1, 'scheme', () => text(draw, ['http', 'https'])),
    ...maybe(0.2, 'method', () => text(draw, ['GET', 'POST', 'get', 'PATCH', 'CONNECT', 'OPTIONS', 'HEAD'])),
    ...maybe(0.1, 'authority', () =>
      text(draw, [
        'greeter',
        'a.example.com',
        'greeter:80',
        'GREETER',
        'greeter.default',
        '10.96.0.10',
        'gre',
      ]),
    ),
    ...maybe(0.35, 'headers', () => (chance(0.15) ? knownText(draw) : texts(draw, [...HEADERS, 'host']))),
    ...maybe(0.15, 'withoutHeaders', () => (chance(0.15) ? knownText(draw) : texts(draw, HEADERS))),
    ...maybe(0.2, 'queryParams', () => texts(draw, ['q', 'id', 'Q', 'a b', 'x%20y'])),
    ...maybe(0.1, 'port', () => pick([80, 8080, 9090])),
    ...maybe(0.1, 'sourceLabels', () =>
      pick([{ app: 'client' }, { app: 'x' }, { app: 'client', more: 'y' }, { istio: 'ingressgateway' }]),
    ),
    ...maybe(0.08, 'gateways', () => some(['mesh', 'gw', 'default/gw', 'istio-system/gw2'], 2)),
    ...maybe(0.08, 'sourceNamespace', () => pick(['default', 'prod', 'istio-system'])),
    ...maybe(0.05, 'statPrefix', () => 'stat'),
  };
}

function destination({ pick, maybe }: Draw): Spec {
  return {
    host: pick([
      ...['greeter', 'greeter', 'greeter.default.svc.cluster.local', 'other', 'nowhere'],
      ...[
        'a.example.com',
        'x.a.example.com',
        'greeter.prod.svc.cluster.local',
        'ext',
        'b.example.com',
        '*.example.com',
        'greeter.prod',
        'Greeter',
        'empty',
        'single',
        'greeter.default.svc',
      ],
    ]),
    ...maybe(0.5, 'subset', () => pick(['v1', 'v2', 'v3', 'gone'])),
    ...maybe(0.25, 'port', () => ({ number: pick([80, 8080, 9090, 9999]) })),
  };
}

function headers(draw: Draw): Spec {
  const { pick, maybe, some, chance } = draw;
  const names = [
    ...HEADERS,
    'x-d',
    'set-cookie',
    'x-upstream',
    'Host',
    ':authority',
    'via',
    'x-forwarded-for',
    'authorization',
    'server',
    ...(chance(0.2) ? KNOWN_HEADERS : []),
  ];
  const changes = () => ({
    ...maybe(0.5, 'set', () => Object.fromEntries(some(names, 2).map((name) => [name, pick(FORMATS)]))),
    ...maybe(0.5, 'add', () => Object.fromEntries(some(names, 2).map((name) => [name, pick(FORMATS)]))),
    ...maybe(0.4, 'remove', () => some(names, 2)),
  });
  return { ...maybe(0.75, 'request', changes), ...maybe(0.6, 'response', changes) };
}

function retries({ pick, maybe }: Draw): Spec {
  return {
    attempts: pick([0, 1, 2, 3]),
    ...maybe(0.4, 'perTryTimeout', () => pick(['1s', '100ms'])),
    ...maybe(0.6, 'retryOn', () =>
      pick([
        '5xx',
        '503',
        'gateway-error,404',
        'reset,unavailable',
        '',
        '5xx, reset',
        '503,504,retriable-4xx',
        '409',
        'connect-failure,refused-stream,503',
        ' 503 , 5xx',
        'retriable-status-codes,404',
        'envoy-ratelimited,reset-before-request',
        'cancelled,deadline-exceeded,internal,resource-exhausted,unavailable',
        '500,501,500',
        'http3-post-connect-failure',
        'retriable-headers',
      ]),
    ),
    ...maybe(0.15, 'backoff', () => pick(['10ms', '1s'])),
    ...maybe(0.15, 'retryRemoteLocalities', () => pick([true, false])),
    ...maybe(0.2, 'retryIgnorePreviousHosts', () => pick([true, false])),
  };
}

function fault({ pick, chance }: Draw): Spec {
  const percentage = { value: pick([0, 100, 100, 100, 0.001, 33.3333]) };
  if (chance(0.3)) return { delay: { fixedDelay: pick(['5ms', '0.002s']), percentage } };
  return {
    ...(chance(0.15) && {
      delay: { fixedDelay: '3ms', ...(chance(0.5) ? { percent: 100 } : { percentage }) },
    }),
    abort: {
      percentage,
      ...pick([
        { httpStatus: 418 },
        { httpStatus: 503 },
        { grpcStatus: 'NOT_FOUND' },
        { grpcStatus: 'UNAVAILABLE' },
        { grpcStatus: 'OK' },
        { httpStatus: 200 },
        { httpStatus: 404 },
        { httpStatus: 429 },
      ]),
    },
  };
}

function cors({ pick, maybe, some }: Draw): Spec {
  const origins = [
    { exact: 'https://a.com' },
    { prefix: 'https://b.' },
    { regex: '.*c.com' },
    { exact: '*' },
    { prefix: '' },
    { regex: 'https://[ab]\\..*' },
    { regex: '.*' },
    { regex: 'https://(a|evil)\\.com' },
    { exact: 'null' },
    { prefix: 'HTTPS://' },
    { exact: 'https://A.com' },
  ];
  return {
    ...maybe(0.8, 'allowOrigins', () => some(origins, 2)),
    ...maybe(0.1, 'allowOrigin', () => ['https://a.com']),
    ...maybe(0.6, 'allowMethods', () => some(['GET', 'POST', '*', 'put', 'DELETE'], 3)),
    ...maybe(0.4, 'allowHeaders', () => some(['x-a', '*', 'X-B', 'content-type'], 3)),
    ...maybe(0.4, 'exposeHeaders', () => some(['x-e', 'X-F', '*'], 2)),
    ...maybe(0.4, 'maxAge', () => pick(['1m', '0s', '1.5s', '24h'])),
    ...maybe(0.4, 'allowCredentials', () => pick([true, false])),
    ...maybe(0.3, 'unmatchedPreflights', () => pick(['FORWARD', 'IGNORE'])),
  };
}

function rewrite({ pick, chance, maybe }: Draw): Spec {
  const authority = maybe(0.4, 'authority', () =>
    pick(['new.example.com', 'UP.example.com:8080', '%REQ(x-a)%', 'a b']),
  );
  if (chance(0.4)) return { uriRegexRewrite: pick(REWRITES), ...authority };
  return {
    uri: pick(['/', '/b', '/b/', 'b', '/a?z=1', '/é', '/b//', ' ', '/b#f', '/%20', '/%REQ(x-a)%', '//b']),
    ...authority,
  };
}

function redirect({ pick, maybe }: Draw): Spec {
  const port = pick([
    {},
    {},
    { port: 80 },
    { port: 443 },
    { port: 8080 },
    { derivePort: 'FROM_REQUEST_PORT' },
    { derivePort: 'FROM_PROTOCOL_DEFAULT' },
  ]);
  return {
    ...maybe(0.5, 'uri', () =>
      pick(['/r', '/r?x=1', '/', 'r', '%PREFIX()%/x', '/a b', '/é', '/r#f', '', '/r?', '//r', '/%41']),
    ),
    ...maybe(0.4, 'authority', () =>
      pick(['r.example.com', 'r.example.com:8443', 'R.example.com:80', '[::1]', '[::1]:443']),
    ),
    ...maybe(0.4, 'scheme', () => pick(['http', 'https'])),
    ...maybe(0.4, 'redirectCode', () => pick([301, 302, 303, 307, 308])),
    ...port,
  };
}
