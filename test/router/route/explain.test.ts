/** What explanations say, as data and as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatExplanation } from '../../../router/index.ts';
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
  ~ 50% of requests: copy to outbound|80||other.default.svc.cluster.local`,
  );
});

test('formatExplanation() colours only where it is asked to', () => {
  const explanation = router.explain(get('/slow'));
  assert.ok(!formatExplanation(explanation).includes('\u001b['));
  assert.ok(formatExplanation(explanation, { color: true }).includes('\u001b['));
});
