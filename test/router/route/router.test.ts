/** What rules do with requests. Answers that no case of the corpus holds are Envoy 1.40's, asked with the same routes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  abortReply,
  type Cluster,
  createRouter,
  type Decision,
  failureReply,
  type HeaderList,
  wireReply,
} from '../../../router/index.ts';
import { get, routerOf, rules, tableOf, told } from '../rules.ts';

const first = () => 0;
const OTHER = 'route: [{destination: {host: other}}]';
const other = 'outbound|80||other.default.svc.cluster.local';

function requestHeaders(decision: Decision): HeaderList {
  assert.equal(decision.kind, 'forward');
  return decision.kind === 'forward' ? decision.request.headers : [];
}

test('route() believes what a proxy has made of the headers, and of a client not all it says', () => {
  const router = routerOf(
    rules(`[{match: [{headers: {x-envoy-internal: {}}}], redirect: {uri: /in}}, {${OTHER}}]`),
  );
  const headers: HeaderList = [['x-envoy-internal', 'true']];
  assert.equal(told(router.route(get('/', { headers }), first)), `${other} greeter /`);
  assert.match(told(router.route({ ...get('/', { headers }), isSanitized: true }, first)), /^301/);
});

test("route() leaves out of an answer's changes what is of its connection", () => {
  const set = '{response: {set: {connection: x-a, keep-alive: "5", x-a: "1"}}}';
  for (const rule of [
    `headers: ${set}, ${OTHER}`,
    `route: [{destination: {host: other}, headers: ${set}}]`,
  ]) {
    const { responseHeaders } = routerOf(rules(`[{${rule}}]`)).route(get('/'), first);
    assert.deepEqual(
      responseHeaders.map(({ name }) => name),
      ['x-a'],
    );
  }
});

test('route() passes on a header that asks for retries, where a rule sets it to what only a request tells', () => {
  const set = '{request: {set: {x-envoy-retry-on: "%REQ(x-on)%", x-envoy-max-retries: "3"}}}';
  const decision = routerOf(rules(`[{headers: ${set}, retries: {attempts: 0}, ${OTHER}}]`)).route(
    get('/'),
    first,
  );
  assert.deepEqual(requestHeaders(decision), [['x-envoy-max-retries', '3']]);
  assert.equal(decision.kind === 'forward' && decision.retry, undefined);
});

test('route() normalises the path before it matches, as Envoy does', () => {
  const router = routerOf(rules(`[{${OTHER}}]`));
  const cases: readonly (readonly [string, string])[] = [
    ['/a/./b/../c', '/a/c'],
    ['/a/..', '/'],
    ['/a/.../b/..../c', '/a/.../b/..../c'],
    ['/a/b/../../../c', '/c'],
    ['/a//../b', '/a/b'],
    ['//..//a', '//a'],
    ['/a%7eb%2d%2E%5f', '/a~b-._'],
    ['/%41%2f%5c%3f%23', '/A%2f%5c%3f%23'],
    ['/a\\b\\..\\c', '/a/c'],
    ['/a^b|c', '/a%5Eb%7Cc'],
    ['/a[b]c', '/a[b]c'],
    ['/a"b<c>`{}', '/a%22b%3Cc%3E%60%7B%7D'],
    ['/a%zz%', '/a%zz%'],
    ['/a%c3%a9', '/a%c3%a9'],
    ['/a?b/../c', '/a?b/../c'],
    ['/a#b?c', '/a'],
    ['http://other/x/../y?z', '/y?z'],
  ];
  for (const [path, want] of cases) {
    const decision = router.route(get(path), first);
    assert.equal(decision.kind === 'forward' && decision.request.path, want, path);
  }
});

test('route() answers 400 to a path that cannot be normalised, and 404 to OPTIONS *', () => {
  const router = routerOf(rules(`[{${OTHER}}]`));
  assert.equal(told(router.route(get('/a%00b'), first)), '400');
  assert.equal(told(router.route(get('*', { method: 'OPTIONS' }), first)), '404');
});

test('route() says of what no rule takes by which method, path, host and port it was asked for', () => {
  const router = routerOf(rules('[{match: [{uri: {exact: /only}}], route: [{destination: {host: other}}]}]'));
  const cases: readonly (readonly [method: string, path: string, said: string])[] = [
    ['GET', '/x?y', 'takes GET /x for "'],
    ['CONNECT', '', 'takes CONNECT for "'],
  ];
  for (const [method, path, said] of cases) {
    const decision = router.route(get(path, { method }), first);
    assert.equal(told(decision), '404');
    assert.ok(decision.kind === 'reply' && decision.reason?.includes(said), JSON.stringify(decision));
  }
});

test('route() merges and decodes slashes only where the mesh says so', () => {
  const yaml = rules(`[{${OTHER}}]`);
  const wants = { BASE: '/a//b%2Fc', MERGE_SLASHES: '/a/b%2Fc', DECODE_AND_MERGE_SLASHES: '/a/b/c' };
  for (const [normalization, want] of Object.entries(wants)) {
    const router = routerOf(yaml, { meshConfig: { pathNormalization: { normalization } } });
    assert.equal(told(router.route(get('/a//b%2Fc'), first)), `${other} greeter ${want}`);
  }
});

test('route() replaces every match of a regex rewrite, none of them empty after another', () => {
  const cases: readonly (readonly [match: string, rewrite: string, path: string, want: string])[] = [
    ['x*', '-', '/rx1xxyx?xx', '-/-r-1-y-?xx'],
    ['^.', 'X', '/aabb?a', 'Xaabb?a'],
    ['(b*)', '[\\1]', '/abbc', '[]/[]a[bb]c[]'],
    ['(x)|(8)', '[\\1-\\2]', '/x8', '/[x-][-8]'],
    ['^/([^/]+)(/.*)?$', '\\2/\\1\\\\', '/a/b', '/b/a\\'],
    ['nothing', '!', '/a', '/a'],
  ];
  for (const [match, rewrite, path, want] of cases) {
    const regex = JSON.stringify({ match, rewrite });
    const router = routerOf(rules(`[{rewrite: {uriRegexRewrite: ${regex}}, ${OTHER}}]`));
    assert.equal(told(router.route(get(path), first)), `${other} greeter ${want}`, match);
  }
});

test('route() takes format strings in header values, and none in a rewrite', () => {
  const router = routerOf(
    rules(`[{
      rewrite: {uri: "/%REQ(x-a)%%%", authority: "a%%"},
      headers: {request: {
        set: {x-path: "%REQ(:path)%", x-pct: "100%%", x-none: "%REQ(x-no)%", x-alt: "%REQ(x-no?:authority)%", x-gone: "%REQ(x-r)%"},
        add: {x-proto: "%PROTOCOL%", accept: text/b}, remove: [x-r]}},
      ${OTHER}}]`),
  );
  const decision = router.route(
    get('/q', {
      headers: [
        ['x-r', '1'],
        ['accept', 'text/a'],
      ],
    }),
    first,
  );
  assert.equal(told(decision), `${other} a%% /%REQ(x-a)%%%q`);
  assert.deepEqual(Object.fromEntries(requestHeaders(decision)), {
    accept: 'text/a,text/b',
    'x-path': '/q',
    'x-pct': '100%',
    'x-alt': 'greeter',
    'x-proto': 'HTTP/1.1',
    'x-envoy-original-path': '/q',
    'x-envoy-original-host': 'greeter',
  });
});

test('route() joins repeats of headers that Envoy holds once, and leaves others apart', () => {
  const router = routerOf(rules(`[{${OTHER}}]`));
  const headers: HeaderList = [
    ['accept', 'a'],
    ['x-f', '1'],
    ['accept', ''],
    ['accept', 'b'],
    ['x-f', '2'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ];
  assert.deepEqual(requestHeaders(router.route(get('/', { headers }), first)), [
    ['accept', 'a,b'],
    ['x-f', '1'],
    ['x-f', '2'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ]);
  assert.ok(
    requestHeaders(router.route(get('/', { headers, http2: true }), first)).some(
      ([, value]) => value === 'a=1; b=2',
    ),
  );
});

test('route() makes the location of a redirect of what the rule leaves open', () => {
  const forwarded = (value: string) => ({ headers: [['x-forwarded-proto', value]] as const });
  const cases: readonly (readonly [redirect: string, request: ReturnType<typeof get>, want: string])[] = [
    ['{scheme: https}', get('/r?q', { authority: 'greeter:80' }), 'https://greeter/r?q'],
    ['{scheme: https}', get('/r', { authority: 'greeter:443' }), 'https://greeter:443/r'],
    ['{scheme: http}', get('/r', { authority: 'greeter:443', ...forwarded('https') }), 'http://greeter/r'],
    ['{scheme: http}', get('/r', { authority: 'greeter:80', ...forwarded('https') }), 'http://greeter:80/r'],
    ['{port: 8080}', get('/r', { authority: 'greeter:81' }), 'http://greeter:8080/r'],
    ['{uri: "/x?y=1"}', get('/r?z=2'), 'http://greeter/x?y=1'],
    ['{uri: noslash}', get('/r?z=2'), 'http://greeter/noslash?z=2'],
    ['{authority: "x.com", port: 443, scheme: https}', get('/r'), 'https://x.com/r'],
    ['{derivePort: FROM_REQUEST_PORT, scheme: https}', get('/r'), 'https://greeter:80/r'],
  ];
  for (const [redirect, request, want] of cases) {
    const router = routerOf(rules(`[{redirect: ${redirect}}]`));
    assert.equal(told(router.route(request, first)), `301 ${want}`, redirect);
  }
});

test("route() replaces a redirect's prefix", () => {
  const router = routerOf(rules(`[{match: [{uri: {prefix: /r7/}}], redirect: {prefixRewrite: /q/}}]`));
  assert.equal(told(router.route(get('/r7/a/b?z'), first)), '301 http://greeter/q/a/b?z');
});

test('route() gives a direct response whose status may have one a location', () => {
  const wants = { 200: '200', 201: '201 http://greeter/d', 302: '302 http://greeter/d', 404: '404' };
  for (const [status, want] of Object.entries(wants)) {
    const router = routerOf(rules(`[{directResponse: {status: ${status}}}]`));
    assert.equal(told(router.route(get('/d'), first)), want);
  }
});

test('wireReply() tells gRPC clients by status and message, whatever content type the rule sets', () => {
  const router = routerOf(
    rules(
      `[{directResponse: {status: 403, body: {string: "no é"}}, headers: {response: {set: {content-type: a/b, x-code: "%RESPONSE_CODE%"}}}}]`,
    ),
  );
  const decision = router.route(get('/', { headers: [['content-type', 'application/grpc+proto']] }), first);
  assert.equal(decision.kind, 'reply');
  if (decision.kind !== 'reply') return;
  const { status, headers, body } = wireReply(decision);
  assert.equal(status, 200);
  assert.equal(body, '');
  assert.deepEqual(Object.fromEntries(headers), {
    'content-type': 'application/grpc',
    'grpc-status': '7',
    'grpc-message': 'no %C3%A9',
    'x-code': '0',
  });
});

test("failureReply() and abortReply() carry the rule's changes to response headers, the first also its CORS headers", () => {
  const router = routerOf(
    rules(`[{
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}},
      headers: {response: {set: {x-a: "1"}}},
      corsPolicy: {allowOrigins: [{exact: "http://a"}]},
      route: [{destination: {host: empty}}]}]`),
  );
  const decision = router.route(get('/', { headers: [['origin', 'http://a']] }), first);
  assert.deepEqual(decision.fault, { abort: { httpStatus: 418 } });
  assert.deepEqual(failureReply(decision, false, 503, 'no healthy upstream').headers, [
    ['x-a', '1'],
    ['content-type', 'text/plain'],
    ['access-control-allow-origin', 'http://a'],
  ]);
  assert.deepEqual(abortReply(decision, false, { httpStatus: 418 }), {
    status: 418,
    headers: [
      ['x-a', '1'],
      ['content-type', 'text/plain'],
    ],
    body: 'fault filter abort',
  });
});

test('route() answers 503 NC for a subset that no DestinationRule has, response headers changed', () => {
  const router = routerOf(
    rules(`[{headers: {response: {add: {x-b: "2"}}}, route: [{destination: {host: other, subset: nope}}]}]`),
  );
  const decision = router.route(get('/'), first);
  assert.equal(decision.kind === 'reply' && decision.flag, 'NC');
  assert.deepEqual(decision.kind === 'reply' && decision.headers, [['x-b', '2']]);
});

test('route() finds the clusters of its own table, whatever one before with the same first cluster had', () => {
  const table = tableOf(rules(`[{${OTHER}}]`));
  const [a, b, c] = ['greeter', 'other', 'empty'].map(
    (name) => table.clusters.find(({ destination: { host } }) => host.startsWith(`${name}.`))!,
  ) as [Cluster, Cluster, Cluster];
  const answers = [[a, b], [a, c], [a, { ...b, endpoints: [] }], [a], [a, c, b], [b], []].map((clusters) => {
    const decision = createRouter({ ...table, clusters }).route(get('/'), first);
    return decision.kind === 'forward' ? decision.destination : decision.kind === 'reply' && decision.flag;
  });
  const { destination } = b;
  assert.deepEqual(answers, [destination, 'NC', destination, 'NC', destination, destination, 'NC']);
});

test('route() answers a preflight with what was asked for where the policy says *', () => {
  const router = routerOf(
    rules(`[{
      corsPolicy: {allowOrigins: [{exact: "http://a"}], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: [x-e], maxAge: 90s, allowCredentials: true},
      ${OTHER}}]`),
  );
  const headers: HeaderList = [
    ['origin', 'http://a'],
    ['access-control-request-method', 'PATCH'],
    ['access-control-request-headers', 'x-q,y'],
  ];
  const decision = router.route(get('/', { method: 'OPTIONS', headers }), first);
  assert.equal(decision.kind, 'reply');
  assert.deepEqual(decision.kind === 'reply' && Object.fromEntries(decision.headers), {
    'access-control-allow-origin': 'http://a',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'PATCH',
    'access-control-allow-headers': 'x-q,y',
    'access-control-max-age': '90',
    'access-control-expose-headers': 'x-e',
  });
});

test('route() lays weights end to end over the draw', () => {
  const router = routerOf(
    rules(
      `[{route: [{destination: {host: greeter}, weight: 1}, {destination: {host: other}, weight: 0}, {destination: {host: empty}, weight: 3}]}]`,
    ),
  );
  const clusters = [0, 1, 2, 3].map((draw) => {
    const decision = router.route(get('/'), (bound, purpose) => {
      assert.equal(purpose, 'weight');
      assert.equal(bound, 4);
      return draw;
    });
    return told(decision).split('|')[3]?.split('.')[0];
  });
  assert.deepEqual(clusters, ['greeter', 'empty', 'empty', 'empty']);
});

test("route() takes the lower of a gRPC client's timeout and the rule's", () => {
  const timeoutMs = (rule: string, timeout?: string) => {
    const grpc: [string, string][] = [['content-type', 'application/grpc']];
    if (timeout) grpc.push(['grpc-timeout', timeout]);
    const decision = routerOf(rules(`[{${rule}${OTHER}}]`)).route(get('/', { headers: grpc }), first);
    return decision.kind === 'forward' ? decision.timeoutMs : undefined;
  };
  assert.equal(timeoutMs('timeout: 2s, ', '500m'), 500);
  assert.equal(timeoutMs('timeout: 2s, ', '5S'), 2000);
  assert.equal(timeoutMs('timeout: 2s, '), 2000);
  assert.equal(timeoutMs('', '1M'), 60_000);
  assert.equal(timeoutMs(''), 0);
});

test('route() is not misled by names such as __proto__', () => {
  const router = routerOf(
    rules(
      `[{match: [{headers: {__proto__: {exact: "1"}}, queryParams: {constructor: {}}}], directResponse: {status: 201}}, {${OTHER}}]`,
    ),
  );
  assert.equal(told(router.route(get('/'), first)), `${other} greeter /`);
  const decision = router.route(get('/?constructor', { headers: [['__proto__', '1']] }), first);
  assert.equal(decision.kind === 'reply' && decision.status, 201);
});

test('route() refuses a path without the headers that a rule adds to responses', () => {
  const router = routerOf(
    rules('[{headers: {response: {set: {x-rule: "1"}}}, route: [{destination: {host: greeter}}]}]'),
  );
  const decision = router.route(get('/a%00b', { headers: [['x-forwarded-proto', 'http']] }), first);
  assert(decision.kind === 'reply');
  assert.deepEqual([decision.status, decision.headers], [400, []]);
});

test('route() gives gRPC a direct response that is no UTF-8 with replacement characters', () => {
  const router = routerOf(rules('[{directResponse: {status: 503, body: {bytes: /w==}}}]'));
  const decision = router.route(get('/', { headers: [['content-type', 'application/grpc']] }), first);
  assert(decision.kind === 'reply');
  assert.equal(decision.grpc?.message, '\ufffd');
});
