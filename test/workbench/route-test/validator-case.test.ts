import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTestInput } from '../../../workbench/route-test/input.ts';
import { runRouteTests } from '../../../workbench/route-test/run.ts';
import { createRuleSet } from '../../../workbench/rule-set.ts';

function run(rules: string, cases: string) {
  const bytes = new TextEncoder();
  const input = readTestInput([
    { file: 'rules.yaml', bytes: bytes.encode(rules) },
    { file: 'rules_test.yaml', bytes: bytes.encode(cases) },
  ]);
  assert.deepEqual(input.issues, []);
  return runRouteTests(createRuleSet(input.resources), input.tests, input.cases).results;
}

const TO_A = '[{ destination: { host: a.b.svc.cluster.local } }]';
const TO_OTHER = '[{ destination: { host: other.b.svc.cluster.local } }]';

function rulesOf(host: string, match: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: vs }
spec:
  hosts: ["${host}"]
  http: [{ match: [${match}], route: ${TO_A} }, { route: ${TO_OTHER} }]
`;
}

function caseOf(request: string, wantMatch: boolean): string {
  return `testCases: [{ description: probe, wantMatch: ${wantMatch}, request: ${request}, route: ${TO_A} }]`;
}

/**
 * Probes whose verdict of that tool's own code was recorded by running its `unit.GetRoute` (HEAD 8b87d9d): it said
 * the opposite of what Envoy does in each.
 */
const PROBES: readonly [name: string, host: string, match: string, request: string, isTaken: boolean][] = [
  [
    'a regex of alternatives',
    'example.com',
    '{ uri: { regex: "/foo|/bar" } }',
    '{ authority: [example.com], method: [GET], uri: [/foobar] }',
    false,
  ],
  [
    'a header name in another letter case',
    'example.com',
    '{ headers: { X-User: { exact: a } } }',
    '{ authority: [example.com], method: [GET], uri: [/], headers: { x-user: a } }',
    true,
  ],
  [
    'queryParams',
    'example.com',
    '{ queryParams: { v: { exact: "2" } } }',
    '{ authority: [example.com], method: [GET], uri: [/] }',
    false,
  ],
  [
    'withoutHeaders',
    'example.com',
    '{ withoutHeaders: { x-skip: { exact: "1" } } }',
    '{ authority: [example.com], method: [GET], uri: [/], headers: { x-skip: "1" } }',
    false,
  ],
  [
    'ignoreUriCase',
    'example.com',
    '{ uri: { exact: /CI }, ignoreUriCase: true }',
    '{ authority: [example.com], method: [GET], uri: [/ci] }',
    true,
  ],
  ['a port', 'example.com', '{ port: 9 }', '{ authority: [example.com], method: [GET], uri: [/] }', false],
  [
    'an authority with a port in other letters',
    'example.com',
    '{ uri: { prefix: / } }',
    '{ authority: ["Example.com:80"], method: [GET], uri: [/] }',
    true,
  ],
  [
    'a wildcard host',
    '*.example.com',
    '{ uri: { prefix: / } }',
    '{ authority: [a.example.com], method: [GET], uri: [/] }',
    true,
  ],
];

for (const [name, host, match, request, isTaken] of PROBES) {
  test(`runRouteTests() judges ${name} as Envoy does, and says that istio-config-validator would not`, () => {
    const [real] = run(rulesOf(host, match), caseOf(request, isTaken));
    assert.deepEqual(real?.mismatches, []);
    assert.match(real?.validator ?? '', /istio-config-validator would have failed this/);
    const [opposite] = run(rulesOf(host, match), caseOf(request, !isTaken));
    assert.deepEqual(
      opposite?.mismatches.map(({ field }) => field),
      ['route'],
    );
    assert.match(opposite?.validator ?? '', /would have passed this: it takes .*, Envoy takes /);
  });
}

const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec:
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"], tls: { httpsRedirect: true } }
    - { port: { number: 443, name: https, protocol: HTTPS }, hosts: [other.example], tls: { mode: SIMPLE, credentialName: o } }
    - { port: { number: 8443, name: own, protocol: HTTPS }, hosts: [example.com], tls: { mode: SIMPLE, credentialName: c } }
`;

test('runRouteTests() sends the requests of a case where the Gateway of the rules serves their host', () => {
  const rules = rulesOf('example.com', '{ uri: { prefix: / }, scheme: { exact: https } }');
  const bound = `${rules.replace('hosts:', 'gateways: [public]\n  hosts:')}---${GATEWAY}`;
  const request = '{ authority: [example.com, "example.com:80"], method: [GET], uri: [/] }';
  const results = run(bound, caseOf(request, true));
  assert.deepEqual(
    results.map(({ mismatches, request: { scheme, port } }) => ({ mismatches, scheme, port })),
    Array.from({ length: 2 }, () => ({ mismatches: [], scheme: 'https', port: 8443 })),
  );
});

test('runRouteTests() unfolds the lists of a case, and agrees where the tool is right', () => {
  const request = '{ authority: [example.com, www.example.com], method: [GET, POST], uri: ["/a?b=1", /a/b] }';
  const rules = rulesOf('example.com', '{ uri: { prefix: /a }, method: { regex: "GET|POST" } }').replace(
    'hosts: [',
    'hosts: [www.example.com, ',
  );
  const results = run(rules, caseOf(request, true));
  assert.equal(results.length, 8);
  assert.deepEqual(
    results.flatMap(({ mismatches, validator }) => [...mismatches, validator]).filter(Boolean),
    [],
  );
});

test('runRouteTests() compares redirect, rewrite, fault and headers of the rule as a whole, defaults aside', () => {
  const rules = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: vs }
spec:
  hosts: [example.com]
  gateways: [public]
  http:
    - match: [{ uri: { prefix: /a } }]
      rewrite: { uri: /b }
      headers: { request: { set: { x: ok } } }
      fault: { abort: { httpStatus: 403, percentage: { value: 100 } } }
      route: ${TO_A}
    - redirect: { uri: /home }
`;
  const cases = `testCases:
  - { description: same, wantMatch: true, request: { authority: [example.com], method: [GET], uri: [/a] }, rewrite: { uri: /b }, headers: { request: { set: { x: ok } } }, fault: { abort: { percentage: { value: 100.0 }, httpStatus: 403 } }, route: [{ destination: { host: a.b.svc.cluster.local }, weight: 0 }] }
  - { description: other, wantMatch: true, request: { authority: [example.com], method: [GET], uri: [/a] }, rewrite: { uri: /c }, headers: { request: { set: { x: other } } }, fault: { abort: { httpStatus: 404 } } }
  - { description: redirect, wantMatch: true, request: { authority: [example.com], method: [GET], uri: [/z] }, redirect: { uri: /home } }
`;
  assert.deepEqual(
    run(rules, cases).map(({ mismatches }) => mismatches.map(({ field }) => field)),
    [[], ['rewrite', 'fault', 'headers'], []],
  );
});

test('runRouteTests() tells of delegate rules that Istio leaves out', () => {
  const rules = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: root }
spec: { hosts: [example.com], http: [{ match: [{ uri: { regex: "/a(/.*)?" } }], delegate: { name: part } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part }
spec: { http: [{ match: [{ uri: { regex: "/a(/.*)?" } }], route: ${TO_A} }] }
`;
  const [result] = run(rules, caseOf('{ authority: [example.com], method: [GET], uri: [/a] }', true));
  assert.deepEqual(
    result?.mismatches.map(({ field }) => field),
    ['route'],
  );
  assert.match(result?.validator ?? '', /would have passed this: .* Envoy takes no rule \(Istio leaves out/);
});

test('readValidatorCases() tells of typos and of what is missing with the place', () => {
  const text = `testCases:
  - description: a
    wantMach: true
    request: { authority: [a], uri: [/] }
    route: [{ destinaton: {} }]
`;
  const { issues, cases } = readTestInput([{ file: 'x.yaml', bytes: new TextEncoder().encode(text) }]);
  assert.deepEqual(cases, []);
  assert.deepEqual(
    issues.map(({ line, message }) => `${line} ${message}`),
    [
      '3 Unknown field "wantMach": did you mean "wantMatch"?',
      '4 The list "method" is missing or empty',
      '5 Cannot read route.0 as VirtualServices have it',
    ],
  );
});
