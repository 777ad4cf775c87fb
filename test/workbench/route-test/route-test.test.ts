import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTestInput } from '../../../workbench/route-test/input.ts';
import { runRouteTests } from '../../../workbench/route-test/run.ts';
import { createRuleSet } from '../../../workbench/rule-set.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop]
  http:
    - name: move
      match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new, redirectCode: 302 }
    - name: teapot
      match: [{ uri: { exact: /tea } }]
      directResponse: { status: 418, body: { string: short } }
    - name: beta
      match:
        - { headers: { user: { exact: admin } } }
        - { sourceLabels: { app: tester } }
      rewrite: { uri: /beta, authority: beta.shop }
      timeout: 5s
      retries: { attempts: 3, perTryTimeout: 2s, retryOn: 5xx }
      headers: { request: { set: { x-beta: "1" }, remove: [cookie] }, response: { set: { x-v: two }, remove: [server] } }
      fault: { delay: { fixedDelay: 2s, percentage: { value: 10 } }, abort: { httpStatus: 503, percentage: { value: 0.5 } } }
      mirror: { host: shadow, subset: v3 }
      mirrorPercentage: { value: 25 }
      route: [{ destination: { host: shop, subset: v2 } }]
    - name: rest
      route:
        - { destination: { host: shop, subset: v1 }, weight: 90 }
        - { destination: { host: shop, subset: v2 }, weight: 10 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shadow }
spec: { host: shadow, subsets: [{ name: v3, labels: { version: v3 } }] }
`;

function inputOf(...texts: string[]) {
  const bytes = new TextEncoder();
  return readTestInput(texts.map((text, index) => ({ file: `${index}.yaml`, bytes: bytes.encode(text) })));
}

function run(tests: string) {
  const input = inputOf(RULES, tests);
  assert.deepEqual(input.issues, []);
  return runRouteTests(createRuleSet(input.resources), input.tests, input.cases);
}

/** Request, expectation, and the fields that are not as expected. */
const CASES: readonly [name: string, request: string, expect: string, wrong: readonly string[]][] = [
  [
    'a subset and destination',
    '{ url: http://shop/ , headers: { user: admin } }',
    '{ destination: shop, subset: v2, port: 80 }',
    [],
  ],
  [
    'another subset',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ subset: v1, port: 81, destination: shop.other }',
    ['destination', 'subset', 'port'],
  ],
  ['one subset of a split', '{ url: http://shop/ }', '{ destination: shop.default, subset: v1 }', ['subset']],
  ['a split', '{ url: http://shop/ }', '{ weights: { v1: 90, shop/v2: 10, shop: 100, v3: 0 } }', []],
  [
    'a split that is off',
    '{ url: http://shop/ }',
    '{ weights: { v1: 88, v2: 12 } }',
    ['weights.v1', 'weights.v2'],
  ],
  [
    'a split within a tolerance',
    '{ url: http://shop/ }',
    '{ weights: { v1: 88, v2: 13 }, tolerance: 2 }',
    ['weights.v2'],
  ],
  ['the rule taken', '{ url: http://shop/ }', '{ virtualService: default/shop, route: rest }', []],
  [
    'another rule',
    '{ url: http://shop/ }',
    '{ virtualService: shop2, route: beta }',
    ['virtualService', 'route'],
  ],
  [
    'a rewrite',
    '{ url: "http://shop/a?b=1", headers: { user: admin } }',
    '{ rewrite: { uri: /beta, authority: beta.shop } }',
    ['rewrite.uri'],
  ],
  ['a redirect', '{ url: http://shop/old }', '{ redirect: { status: 302, location: http://shop/new } }', []],
  [
    'another redirect',
    '{ url: http://shop/old }',
    '{ redirect: { status: 301, location: /new }, subset: v1 }',
    ['subset', 'redirect.status', 'redirect.location'],
  ],
  [
    'an answer of the rule itself',
    '{ url: http://shop/tea }',
    '{ response: { status: 418, body: short } }',
    [],
  ],
  [
    'another answer',
    '{ url: http://shop/ }',
    '{ response: { status: 200 }, redirect: { status: 301 } }',
    ['redirect.status', 'response.status'],
  ],
  [
    'headers',
    '{ url: http://shop/, headers: { user: admin, cookie: a } }',
    '{ headers: { request: { x-beta: 1, cookie: null, User: admin }, response: { x-v: two, server: null } } }',
    [],
  ],
  [
    'other headers',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ headers: { request: { x-beta: 2, user: null }, response: { x-v: null, date: null } } }',
    ['headers.request.x-beta', 'headers.request.user', 'headers.response.x-v', 'headers.response.date'],
  ],
  [
    'timeout and retries',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ timeout: 5000ms, retries: { attempts: 3, perTryTimeout: 2s, retryOn: 5xx } }',
    [],
  ],
  [
    'another timeout and retries',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ timeout: 0s, retries: { attempts: 0, perTryTimeout: 1s, retryOn: reset } }',
    ['timeout', 'retries.attempts', 'retries.perTryTimeout', 'retries.retryOn'],
  ],
  [
    'faults and a mirror',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ fault: { delay: { fixedDelay: 2s, percentage: 10 }, abort: { httpStatus: 503, percentage: 0.5 } }, mirror: { host: shadow, subset: v3, percentage: 25 } }',
    [],
  ],
  [
    'other faults and mirrors',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ fault: { delay: { fixedDelay: 1s, percentage: 20 }, abort: { grpcStatus: 14 } }, mirror: [shadow/v3, shadow/v4] }',
    ['fault.delay.fixedDelay', 'fault.delay.percentage', 'fault.abort.grpcStatus', 'mirror'],
  ],
  ['no faults and mirrors', '{ url: http://shop/ }', '{ fault: none, mirror: none }', []],
  [
    'faults where none are',
    '{ url: http://shop/, headers: { user: admin } }',
    '{ fault: none, mirror: none }',
    ['fault', 'mirror'],
  ],
  ['no route', '{ url: http://nowhere/ }', '{ noRoute: true }', []],
  ['a route where none is expected', '{ url: http://shop/ }', '{ noRoute: true }', ['noRoute']],
  ['the client', '{ url: http://shop/, from: { labels: { app: tester } } }', '{ route: beta }', []],
];

for (const [name, request, expect, wrong] of CASES) {
  test(`runRouteTests() compares ${name}`, () => {
    const { results } = run(`tests: [{ name: a, request: ${request}, expect: ${expect} }]`);
    assert.deepEqual(
      results.map(({ mismatches }) => [...new Set(mismatches.map(({ field }) => field))].sort()),
      [[...wrong].sort()],
    );
  });
}

test('runRouteTests() takes an abort of every request for their answer, and one of some for none', () => {
  const abort = (fault: string, percent: number) =>
    RULES.replace(/fault: .*/, `fault: { abort: { ${fault}, percentage: { value: ${percent} } } }`);
  const fields = (rules: string, expect: string) => {
    const request = '{ url: http://shop/, headers: { user: admin } }';
    const input = inputOf(rules, `tests: [{ name: a, request: ${request}, expect: ${expect} }]`);
    assert.deepEqual(input.issues, []);
    const { results } = runRouteTests(createRuleSet(input.resources), input.tests);
    return results.flatMap(({ mismatches }) => mismatches.map(({ field, got }) => `${field} ${got}`));
  };
  const answered =
    '{ response: { status: 503, body: fault filter abort }, headers: { response: { x-v: two } } }';
  assert.deepEqual(fields(abort('httpStatus: 503', 100), answered), []);
  assert.deepEqual(fields(abort('httpStatus: 503', 100), '{ response: { status: 500 } }'), [
    'response.status 503',
  ]);
  assert.deepEqual(fields(abort('grpcStatus: UNAVAILABLE', 100), '{ response: { status: 200 } }'), []);
  assert.deepEqual(fields(abort('httpStatus: 503', 99), '{ response: { status: 503 } }'), [
    'response.status shop.default.svc.cluster.local subset v2 port 80',
  ]);
});

test('runRouteTests() sees what a request itself chooses where an annotation lets it', () => {
  const rules = RULES.replace(
    'name: shop }',
    'name: shop, annotations: { pointsman.dev/sticky-split: header:x-user } }',
  );
  const request = (user: string) => `{ url: http://shop/, headers: { x-user: ${user} } }`;
  const input = inputOf(
    rules,
    `tests: [{ name: a, requests: [${['a', 'b', 'c'].map(request).join()}], expect: { weights: { shop: 100 } } }, { name: b, request: { url: http://shop/ }, expect: { weights: { v1: 90 } } }]`,
  );
  const { results } = runRouteTests(createRuleSet(input.resources), input.tests);
  assert.deepEqual(
    results.flatMap(({ mismatches }) => mismatches),
    [],
  );
  const chosen = inputOf(
    rules,
    `tests: [{ name: a, request: ${request('a')}, expect: { weights: { v1: 90 } } }]`,
  );
  const [result] = runRouteTests(createRuleSet(chosen.resources), chosen.tests).results;
  assert.match(result?.mismatches[0]?.got ?? '', /^(?:0|100) %$/);
});

test('runRouteTests() assumes the Gateway of a request where the rules come without it', () => {
  const rules = RULES.replace('hosts: [shop]', 'hosts: [shop]\n  gateways: [public]');
  const input = inputOf(
    rules.replace('http:', 'http:\n    - { match: [{ port: 8080 }], directResponse: { status: 418 } }'),
    `tests: [{ name: a, request: { url: 'http://shop.default.svc.cluster.local:8080/', from: { gateway: public } }, expect: { response: { status: 418 } } }]`,
  );
  const [result] = runRouteTests(createRuleSet(input.resources), input.tests).results;
  assert.deepEqual(result?.mismatches, []);
});

test('readRouteTests() fills in what a request leaves out from the test and the document', () => {
  const { tests } = inputOf(`
request: { url: 'http://shop/', headers: { a: 1 } }
tests:
  - name: table
    request: { method: POST, headers: { b: [x, z] } }
    requests: [{}, { method: PUT, headers: { a: 2 } }, { url: 'http://shop:81/x' }]
    expect: { subset: v1 }
`);
  assert.deepEqual(
    tests[0]!.requests.map(({ request: { method, authority, path, headers, port } }) =>
      [method, authority, path, port, ...headers.map((each) => each.join('='))].join(' '),
    ),
    ['POST shop / 80 a=1 b=x b=z', 'PUT shop / 80 a=2 b=x b=z', 'POST shop:81 /x 81 a=1 b=x b=z'],
  );
});

test('readRouteTests() tells of typos with the place and the nearest name', () => {
  const { issues, tests } = inputOf(`tests:
  - name: a
    request: { url: 'http://shop/', heders: { a: b } }
    expect: { subest: v1, fault: { delya: {} }, mirror: [{ hst: a }], port: 70000 }
  - nam: b
    expect: {}
  - name: c
    expect: {}
  - name: d
    request: { url: 'http://a b/' }
    expect: {}
`);
  assert.deepEqual(tests, []);
  const told = issues.map(({ line, column, message }) => `${line}:${column} ${message}`);
  for (const want of [
    '3:37 Unknown field "heders": did you mean "headers"?',
    '4:15 Unknown field "subest": did you mean "subset"?',
    '4:36 Unknown field "delya": did you mean "delay"?',
    '4:60 Unknown field "hst": did you mean "host"?',
    '5:5 Unknown field "nam": did you mean "name"?',
  ])
    assert.ok(told.includes(want), `${want} is among\n${told.join('\n')}`);
});

test('readRouteTests() refuses a method that cannot be one', () => {
  const { issues } = inputOf(
    "tests: [{ name: a, requests: [{ url: 'http://a/' }, { url: 'http://a/', method: GE T }], expect: { port: 80 } }]",
  );
  assert.deepEqual(
    issues.map(({ code, path }) => [code, path]),
    [['wrong-type', ['tests', 0, 'requests', 1, 'method']]],
  );
});

test('readRouteTests() asks for a URL', () => {
  const { issues } = inputOf(
    "tests: [{ name: a, expect: { port: 80 } }, { name: b, request: { url: 'http://a b/' }, expect: { port: 80 } }]",
  );
  assert.deepEqual(
    issues.map(({ code }) => code),
    ['missing-field', 'wrong-type'],
  );
});

test('readRouteTests() refuses what compares nothing, which could not fail', () => {
  const expected = [
    '{}',
    '{ tolerance: 5 }',
    '{ subset: v1, weights: {} }',
    '{ headers: { request: {} } }',
    '{ fault: { delay: {} } }',
    '{ mirror: [] }',
    '{ response: { status: 503 } }',
  ];
  const tests = expected.map(
    (expect) => `  - { name: a, request: { url: 'http://shop/' }, expect: ${expect} }`,
  );
  const { issues } = inputOf(['tests:', ...tests].join('\n'));
  assert.deepEqual(
    issues.map(({ code, path }) => `${code} ${path?.slice(1).join('.')}`),
    [
      'missing-field 0.expect',
      'missing-field 1.expect',
      'missing-field 2.expect.weights',
      'missing-field 3.expect.headers.request',
      'missing-field 4.expect.fault.delay',
      'missing-field 5.expect.mirror',
    ],
  );
  for (const text of ['tests: []', 'testCases: []', 'testCases: {}'])
    assert.match(
      inputOf(text)
        .issues.map(({ message }) => message)
        .join(),
      /at least: an empty .* proves nothing/,
    );
});

test('runRouteTests() fails what comes through a gateway that no rule knows, or where it serves nothing', () => {
  const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }
`;
  const rules = RULES.replace('hosts: [shop]', 'hosts: [shop.example]\n  gateways: [edge, public]');
  const urls = [
    ['http://other.example:8080/', 'edge'],
    ['http://other.example/', 'edge'],
    ['http://other.example/', 'public'],
    ['http://other.example/', 'pulbic'],
    ['http://other.example/', 'mesh'],
  ];
  const tests = urls.map(
    ([url, name]) =>
      `{ name: a, request: { url: '${url}', from: { gateway: ${name} } }, expect: { noRoute: true } }`,
  );
  const input = inputOf(`${rules}---${gateway}`, `tests: [${tests.join()}]`);
  assert.deepEqual(input.issues, []);
  const { results } = runRouteTests(createRuleSet(input.resources), input.tests);
  assert.deepEqual(
    results.map(({ mismatches }) => mismatches.map(({ field, want, got }) => `${field} ${want}, ${got}`)),
    [
      [],
      ['request.port one that gateway default/edge serves (8080), 80'],
      [],
      ['request.from.gateway one of default/edge, default/public, default/pulbic'],
      [],
    ],
  );
});

test('runRouteTests() tells which hosts, rules, matches and destinations were looked at', () => {
  const { coverage } = run(`tests:
  - { name: a, request: { url: 'http://shop/', headers: { user: admin } }, expect: { subset: v2 } }
  - { name: b, request: { url: 'http://shop/' }, expect: { weights: { v1: 90 } } }
`);
  assert.deepEqual(coverage.counts, {
    hosts: { covered: 1, total: 1 },
    rules: { covered: 2, total: 4 },
    matches: { covered: 1, total: 4 },
    destinations: { covered: 2, total: 3 },
  });
  assert.equal(coverage.percent, 50);
  assert.deepEqual(
    coverage.uncovered.map(({ what, line, example }) => [what, line, example]),
    [
      ['VirtualService default/shop http[0]', 9, 'curl http://shop.default.svc.cluster.local/old'],
      ['VirtualService default/shop http[0].match[0]', 9, 'curl http://shop.default.svc.cluster.local/old'],
      ['VirtualService default/shop http[1]', 12, 'curl http://shop.default.svc.cluster.local/tea'],
      ['VirtualService default/shop http[1].match[0]', 12, 'curl http://shop.default.svc.cluster.local/tea'],
      [
        'VirtualService default/shop http[2].match[1]',
        17,
        'curl http://shop.default.svc.cluster.local/ # explain --labels app=tester',
      ],
      [
        'VirtualService default/shop http[3] to shop.default.svc.cluster.local subset v2',
        26,
        'curl http://shop.default.svc.cluster.local/',
      ],
    ],
  );
});

test('runRouteTests() counts a destination that a test expects, not one that a request got to instead', () => {
  const covered = (expect: string) => {
    const { coverage } = run(`tests: [{ name: a, request: { url: 'http://shop/' }, expect: ${expect} }]`);
    const open = new Set(coverage.uncovered.map(({ what }) => what));
    const place = 'VirtualService default/shop http[3] to shop.default.svc.cluster.local';
    return ['v1', 'v2'].filter((subset) => !open.has(`${place} subset ${subset}`));
  };
  assert.deepEqual(covered('{ subset: v1 }'), ['v1']);
  assert.deepEqual(covered('{ destination: shop.default, subset: v1 }'), ['v1']);
  assert.deepEqual(covered('{ destination: shop }'), ['v1', 'v2']);
  assert.deepEqual(covered('{ weights: { v1: 10 } }'), ['v1']);
  assert.deepEqual(covered('{ subset: v3 }'), []);
  assert.deepEqual(covered('{ destination: other, subset: v1 }'), []);
  assert.deepEqual(covered('{ timeout: 0s }'), []);
});

test('runRouteTests() runs 1,000 cases against 1,000 rules', () => {
  const rules = Array.from({ length: 1000 }, (_, index) => ({
    match: [{ uri: { prefix: `/api/v${index}/` } }],
    route: [{ destination: { host: 'shop', subset: index % 2 ? 'v1' : 'v2' } }],
  }));
  const resource = JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop' },
    spec: { hosts: ['shop'], http: rules },
  });
  const subsets = RULES.slice(RULES.indexOf('---'));
  const tests = JSON.stringify({
    tests: rules.map((_, index) => ({
      name: `case ${index}`,
      request: { url: `http://shop/api/v${index}/x` },
      expect: { subset: index % 2 ? 'v1' : 'v2' },
    })),
  });
  const input = inputOf(resource, subsets, tests);
  const { results, coverage } = runRouteTests(createRuleSet(input.resources), input.tests);
  assert.equal(results.filter(({ mismatches }) => mismatches.length === 0).length, 1000);
  assert.equal(coverage.percent, 100);
});

test('runRouteTests() compares text beyond ASCII as it is written', () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: zoo }
spec:
  hosts: [zoo]
  http:
    - match: [{ headers: { x-name: { exact: Zoë } } }]
      rewrite: { uri: /grüß }
      headers: { request: { set: { x-greeting: grüß dich } }, response: { set: { x-v: zwölf } } }
      route: [{ destination: { host: zoo } }]
`;
  const tests = `
request: { url: http://zoo/, headers: { x-name: Zoë } }
tests:
  - name: as written
    expect: { rewrite: { uri: /grüß }, headers: { request: { x-greeting: grüß dich }, response: { x-v: zwölf } } }
  - name: otherwise
    expect: { headers: { request: { x-greeting: gruß dich }, response: { x-v: zwÃ¶lf } } }
`;
  const input = inputOf(rule, tests);
  assert.deepEqual(input.issues, []);
  const { results } = runRouteTests(createRuleSet(input.resources), input.tests, input.cases);
  assert.deepEqual(
    results.map(({ mismatches }) => mismatches),
    [
      [],
      [
        { field: 'headers.request.x-greeting', want: 'gruß dich', got: 'grüß dich' },
        { field: 'headers.response.x-v', want: 'zwÃ¶lf', got: 'zwölf' },
      ],
    ],
  );
});
