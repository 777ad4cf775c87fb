/** What explanations say, as data and as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatExplanation, readable } from '../../../router/index.ts';
import { get, routerOf } from '../rules.ts';

const YAML = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: greeter
spec:
  hosts:
    - greeter
  http:
    - name: admins
      match:
        - headers:
            user:
              exact: admin
          withoutHeaders:
            x-debug: {}
      route:
        - destination:
            host: greeter
            subset: v2
    - match:
        - uri:
            prefix: /slow
      fault:
        delay:
          fixedDelay: 2s
          percentage:
            value: 10
      mirror:
        host: other
      mirrorPercentage:
        value: 50
      route:
        - destination:
            host: greeter
            subset: v1
          weight: 90
        - destination:
            host: greeter
            subset: v2
          weight: 10
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: greeter
spec:
  host: greeter
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
`;
const router = routerOf(YAML);

test('explain() names the first condition of each rule that failed, and what it saw', () => {
  const { tried, outcomes } = router.explain(get('/x', { headers: [['user', 'bob']] }));
  assert.deepEqual(
    tried.map(({ matched, failed }) => ({ matched, failed })),
    [
      { matched: false, failed: { field: 'headers[user]', want: 'exact "admin"', got: '"bob"' } },
      { matched: false, failed: { field: 'uri', want: 'prefix "/slow"', got: '"/x"' } },
    ],
  );
  assert.equal(outcomes.length, 1);
  assert.equal(outcomes[0]?.decision.kind, 'reply');
});

test('explain() has an outcome for each weight, and tells chances apart', () => {
  const { outcomes, chances } = router.explain(get('/slow'));
  assert.deepEqual(
    outcomes.map(({ percent, decision }) => [
      percent,
      decision.kind === 'forward' && decision.destination?.subset,
    ]),
    [
      [90, 'v1'],
      [10, 'v2'],
    ],
  );
  assert.deepEqual(
    chances?.map(({ kind, percent }) => [kind, percent]),
    [
      ['fault-delay', 10],
      ['mirror', 50],
    ],
  );
});

test('formatExplanation() shows virtual host, rules with their lines, and what happens', () => {
  const text = formatExplanation(
    router.explain(
      get('/slow/x', {
        authority: 'Greeter:80',
        headers: [
          ['user', 'admin'],
          ['x-debug', '1'],
        ],
      }),
    ),
  );
  assert.equal(
    text,
    `Virtual host greeter.default.svc.cluster.local:80: "Greeter:80" is its domain "greeter", port and letter case aside
  ✗ VirtualService default/greeter http[0].match[0] 'admins' rules.yaml:12
      withoutHeaders[x-debug] is "1", wanted not present
  ✓ VirtualService default/greeter http[1].match[0] rules.yaml:22
  → 90% to greeter.default.svc.cluster.local subset v1 port 80
      sent as GET /slow/x for Greeter:80
      no timeout, up to 2 retries on connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes
  → 10% to greeter.default.svc.cluster.local subset v2 port 80
      sent as GET /slow/x for Greeter:80
      no timeout, up to 2 retries on connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes
  ~ 10% of requests: delay of 2000 ms
  ~ 50% of requests: copy to other.default.svc.cluster.local port 80`,
  );
});

test('formatExplanation() tells by which rule and match of its root a delegate is tried', () => {
  const text = formatExplanation(
    routerOf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: root }
spec:
  hosts: [greeter]
  http:
    - match: [{ headers: { a: { exact: "1" } } }, { headers: { b: { exact: "1" } } }]
      delegate: { name: leaf }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: leaf }
spec:
  http:
    - match: [{ uri: { prefix: /x } }]
      route: [{ destination: { host: greeter } }]
`).explain(get('/x', { headers: [['b', '1']] })),
  );
  assert.deepEqual(
    text.split('\n').filter((line) => /^ {2}[✗✓]/.test(line)),
    [
      '  ✗ VirtualService default/leaf http[0].match[0] via VirtualService default/root http[0].match[0] rules.yaml:16',
      '  ✓ VirtualService default/leaf http[0].match[0] via VirtualService default/root http[0].match[1] rules.yaml:16',
    ],
  );
});

test('formatExplanation() colours only where it is asked to', () => {
  const explanation = router.explain(get('/slow'));
  assert.ok(!formatExplanation(explanation).includes('\u001b['));
  assert.ok(formatExplanation(explanation, { color: true }).includes('\u001b['));
});

const EVERYTHING = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
    - match: [{ uri: { prefix: /old } }]
      rewrite: { uri: /new, authority: new.example }
      timeout: 5s
      retries: { attempts: 1, perTryTimeout: 2s, retryOn: '5xx,404', backoff: 100ms, retryIgnorePreviousHosts: false }
      headers:
        request: { set: { user: '%REQ(user)%-b', x-beta: '1' }, add: { x-a: b, x-b: c }, remove: [cookie] }
        response: { set: { x-v: two }, remove: [server] }
      mirrors: [{ destination: { host: other } }]
      corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }] }
      route: [{ destination: { host: greeter } }]
    - match: [{ uri: { exact: /tea } }]
      directResponse: { status: 418, body: { string: short } }
    - match: [{ uri: { exact: /bytes } }]
      directResponse: { status: 200, body: { bytes: AAEC/w== } }
    - route: [{ destination: { host: other } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: other }
spec:
  host: other
  trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: who, ttl: 60s } } } }
`;

/** What happens, without the rules that were tried. */
function outcomeOf(request: Parameters<typeof get>): string[] {
  const lines = formatExplanation(routerOf(EVERYTHING).explain(get(...request))).split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('  →'))).map((line) => line.trim());
}

test('formatExplanation() tells all that a rule has set', () => {
  const headers = [
    ['user', 'admin'],
    ['x-a', 'a'],
    ['cookie', 'c=d'],
    ['origin', 'https://a.example'],
  ] as const;
  assert.deepEqual(outcomeOf(['/old/x', { headers }]), [
    '→ to greeter.default.svc.cluster.local port 80',
    'sent as GET /new/x for new.example',
    'request headers: set user: admin-b; add x-a: b; set x-beta: 1; set x-b: c; set x-envoy-original-path: /old/x; set x-envoy-original-host: greeter; remove cookie',
    'timeout 5000 ms, up to 1 retry on 5xx,retriable-status-codes (404), each try at most 2000 ms, back-off from 100 ms, of the same endpoint too',
    'response headers: remove server; set x-v: two',
    'copied to other.default.svc.cluster.local port 80',
    'cross-origin: access-control-allow-origin: https://a.example',
  ]);
  assert.deepEqual(outcomeOf(['/', {}]).slice(2), [
    'no timeout, up to 2 retries on connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes, of the same endpoint too',
    'endpoint by the hash of cookie who, which is set for 60000 ms where there is none',
  ]);
  assert.deepEqual(outcomeOf(['/tea', {}]).slice(2), ['headers: content-type: text/plain', 'body: "short"']);
});

test('formatExplanation() says of a preflight, which goes nowhere, that no copy of it does', () => {
  const yaml = EVERYTHING.replace('{ host: other } }]', '{ host: other }, percentage: { value: 50 } }]');
  const headers = [
    ['origin', 'https://a.example'],
    ['access-control-request-method', 'GET'],
  ] as const;
  const chancesOf = (method: string) =>
    routerOf(yaml).explain({ ...get('/old', { headers }), method }).chances;
  assert.equal(chancesOf('GET')?.length, 1);
  assert.deepEqual(chancesOf('OPTIONS'), []);
});

test('readable() has a body of bytes as the rule has it', () => {
  const { outcomes } = readable(routerOf(EVERYTHING).explain(get('/bytes')));
  assert.match(JSON.stringify(outcomes), /"body":\{"bytes":"AAEC\/w=="\}/);
});
