import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readTestInput } from '../../../workbench/route-test/input.ts';
import { recordTests, requestsOfLog, requestsOfRules } from '../../../workbench/route-test/record.ts';
import { runRouteTests } from '../../../workbench/route-test/run.ts';
import { createRuleSet } from '../../../workbench/rule-set.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop]
  http:
    - match: [{ headers: { user: { exact: admin } } }, { sourceLabels: { app: tester } }]
      timeout: 5s
      route: [{ destination: { host: shop, subset: v2 } }]
    - match: [{ uri: { regex: "/old/[0-9]+" } }]
      redirect: { uri: /new }
    - match: [{ uri: { prefix: /tea } }]
      directResponse: { status: 418 }
    - route:
        - { destination: { host: shop, subset: v1 }, weight: 90 }
        - { destination: { host: shop, subset: v2 }, weight: 10 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec: { host: shop, subsets: [{ name: v1, labels: { v: "1" } }, { name: v2, labels: { v: "2" } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: ["*.example.com"], gateways: [edge], http: [{ route: [{ destination: { host: shop, subset: v1 } }] }] }
`;

const bytes = (text: string) => new TextEncoder().encode(text);
const { resources } = readTestInput([{ file: 'rules.yaml', bytes: bytes(RULES) }]);
const rules = createRuleSet(resources);

test('recordTests() makes tests of every rule that pass and leave no rule and match uncovered', () => {
  const document = recordTests(rules, requestsOfRules(rules));
  const { tests, issues } = readTestInput([{ file: 'r.test.yaml', bytes: bytes(stringify(document)) }]);
  assert.deepEqual(issues, []);
  const { results, coverage } = runRouteTests(rules, tests);
  assert.deepEqual(
    results.flatMap(({ mismatches }) => mismatches),
    [],
  );
  assert.deepEqual(coverage.uncovered, []);
  assert.equal(results.length, 6);
});

test('recordTests() groups requests by rule and outcome, and keeps the headers that rules look at', () => {
  const request = (path: string, ...headers: [string, string][]) => ({
    client: {},
    request: { method: 'GET', scheme: 'http', authority: 'shop', path, headers, port: 80 },
  });
  const { tests } = recordTests(rules, [
    request('/a', ['user-agent', 'curl']),
    request('/a', ['user-agent', 'other']),
    request('/b'),
    request('/', ['user', 'admin'], ['x-request-id', '1']),
    {
      ...request('/'),
      request: { ...request('/').request, authority: 'nowhere:8080', port: 8080, method: 'POST' },
    },
  ]);
  assert.deepEqual(tests, [
    {
      name: 'VirtualService default/shop http[3]',
      requests: [{ url: 'http://shop/a' }, { url: 'http://shop/b' }],
      expect: { weights: { 'shop/v1': 90, 'shop/v2': 10 } },
    },
    {
      name: 'VirtualService default/shop http[0].match[0]',
      request: { url: 'http://shop/', headers: { user: 'admin' } },
      expect: { destination: 'shop', subset: 'v2', timeout: '5000ms' },
    },
    {
      name: 'nowhere:8080: no rule',
      request: { url: 'http://nowhere:8080/', method: 'POST' },
      expect: { noRoute: true },
    },
  ]);
});

const GATEWAY = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: SIMPLE, credentialName: c } }] }
`;

test('requestsOfLog() has the requests come where a rule takes them, and tests made of them pass', () => {
  const logged = ['shop', 'a.example.com', 'nowhere'].map((authority) => {
    return { method: 'GET', scheme: 'http', authority, path: '/', headers: [], port: 80 };
  });
  const urls = [
    ['http://shop/', 'http://a.example.com/'],
    ['http://shop/', 'https://a.example.com/'],
  ];
  for (const [index, text] of [RULES, RULES + GATEWAY].entries()) {
    const own = createRuleSet(readTestInput([{ file: 'rules.yaml', bytes: bytes(text) }]).resources);
    const document = recordTests(own, requestsOfLog(own, logged));
    assert.deepEqual(
      document.tests.map(({ request, expect }) => ({
        request,
        to: expect.subset ?? expect.weights ?? expect,
      })),
      [
        { request: { url: urls[index]![0]! }, to: { 'shop/v1': 90, 'shop/v2': 10 } },
        { request: { url: urls[index]![1]!, from: { gateway: 'default/edge' } }, to: 'v1' },
        { request: { url: 'http://nowhere/' }, to: { noRoute: true } },
      ],
    );
    const { tests } = readTestInput([{ file: 'r.test.yaml', bytes: bytes(stringify(document)) }]);
    assert.deepEqual(
      runRouteTests(own, tests).results.flatMap(({ mismatches }) => mismatches),
      [],
    );
  }
});

test('requestsOfLog() has requests come through the gateway that sends them to https', () => {
  const redirect = GATEWAY.replace(
    /servers: .*/,
    'servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"], tls: { httpsRedirect: true } }] }',
  );
  const read = readTestInput([{ file: 'rules.yaml', bytes: bytes(RULES + redirect) }]);
  assert.deepEqual(read.issues, []);
  const own = createRuleSet(read.resources);
  const request = {
    method: 'GET',
    scheme: 'http',
    authority: 'a.example.com',
    path: '/',
    headers: [],
    port: 80,
  };
  const [recorded] = recordTests(own, requestsOfLog(own, [request])).tests;
  assert.deepEqual(recorded?.expect, { redirect: { status: 301, location: 'https://a.example.com/' } });
});

test('recordTests() has a request that a fault always aborts be answered, and its test passes', () => {
  const request = { method: 'GET', scheme: 'http', authority: 'shop', path: '/tea', headers: [], port: 80 };
  for (const [abort, expect] of [
    ['httpStatus: 503', { response: { status: 503 } }],
    ['grpcStatus: UNAVAILABLE', { fault: { abort: { grpcStatus: 14, percentage: 100 } } }],
  ] as const) {
    const fault = `fault: { abort: { ${abort}, percentage: { value: 100 } } }`;
    const route = 'route: [{ destination: { host: shop, subset: v1 } }]';
    const text = RULES.replace('directResponse: { status: 418 }', `${fault}\n      ${route}`);
    const own = createRuleSet(readTestInput([{ file: 'rules.yaml', bytes: bytes(text) }]).resources);
    const document = recordTests(own, [{ request, client: {} }]);
    assert.deepEqual(
      document.tests.map((each) => each.expect),
      [expect],
    );
    const { tests } = readTestInput([{ file: 'r.test.yaml', bytes: bytes(stringify(document)) }]);
    assert.deepEqual(runRouteTests(own, tests).results[0]?.mismatches, []);
  }
});
