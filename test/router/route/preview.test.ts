import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CompileOptions, formatExplanation, type RouteRequest } from '../../../router/index.ts';
import { isInRange, parseAddress, parseAddressRange } from '../../../router/route/address.ts';
import { get, routerOf } from '../rules.ts';

const addressCases: readonly (readonly [text: string, want: readonly number[] | undefined])[] = [
  ['10.1.2.3', [10, 1, 2, 3]],
  ['::', new Array(16).fill(0)],
  ['fe80::1%eth0', [0xfe, 0x80, ...new Array(13).fill(0), 1]],
  ['2001:db8:1:2:3:4:5:6', [0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]],
  ['::ffff:10.1.2.3', [10, 1, 2, 3]],
  ['10.1.2', undefined],
  ['10.1.2.256', undefined],
  ['010.1.2.3', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4::5:6:7:8', undefined],
  ['12345::', undefined],
  ['::10.1.2.3.4', undefined],
  ['', undefined],
];
for (const [text, want] of addressCases)
  test(`parseAddress() reads "${text}"`, () => assert.deepEqual(parseAddress(text), want));

const rangeCases: readonly (readonly [range: string, address: string, want: boolean | undefined])[] = [
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/9', '10.128.0.1', false],
  ['10.128.0.0/9', '10.200.0.1', true],
  ['0.0.0.0/0', '1.2.3.4', true],
  ['0.0.0.0/0', '::1', false],
  ['10.0.0.7', '10.0.0.7', true],
  ['10.0.0.7', '10.0.0.8', false],
  ['fd00::/8', 'fd12::1', true],
  ['fd00::/8', 'fe00::1', false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['::ffff:10.0.0.0/104', '10.9.0.1', true],
  ['10.0.0.0/33', '10.0.0.1', undefined],
  ['10.0.0.0/', '10.0.0.1', undefined],
  ['10.0.0.0/8/8', '10.0.0.1', undefined],
  ['10.0.0/8', '10.0.0.1', undefined],
  ['::ffff:10.0.0.0/64', '10.9.0.1', undefined],
];
for (const [text, address, want] of rangeCases)
  test(`isInRange() finds ${address} ${want === undefined ? 'nowhere by' : want ? 'in' : 'outside'} ${text}`, () => {
    const range = parseAddressRange(text);
    assert.equal(range && isInRange(parseAddress(address)!, range), want);
  });

const yaml = (from: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: greeter
  annotations: { pointsman.dev/preview-header: X-Preview, pointsman.dev/preview-from: '${from}' }
spec:
  hosts: [greeter]
  http:
    - match: [{ uri: { prefix: /only } }]
      route: [{ destination: { host: greeter, subset: v1 } }]
    - route:
        - { destination: { host: greeter, subset: v1 }, weight: 100 }
        - { destination: { host: greeter, subset: v2 }, weight: 0, headers: { request: { set: { x-canary: 'yes' } } } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: v3, labels: { version: v2 } }]
`;

const cases: readonly {
  readonly name: string;
  readonly from?: string;
  readonly request?: Partial<RouteRequest>;
  readonly path?: string;
  readonly asked?: string;
  readonly proxy?: CompileOptions['proxy'];
  readonly want: string;
}[] = [
  { name: 'takes a trusted client to a subset of weight 0', want: 'v2' },
  {
    name: 'takes a client of no trusted range where everybody goes',
    request: { sourceAddress: '192.168.0.1' },
    want: 'v1',
  },
  {
    name: 'takes a client of unknown address where everybody goes',
    request: { sourceAddress: '' },
    want: 'v1',
  },
  {
    name: 'does not believe what a header says of the address',
    request: {
      sourceAddress: '192.168.0.1',
      headers: [
        ['x-preview', 'v2'],
        ['x-forwarded-for', '10.0.0.1'],
      ],
    },
    want: 'v1',
  },
  { name: 'takes a name that the rule has not where everybody goes', asked: 'v3', want: 'v1' },
  { name: 'takes an empty name where everybody goes', asked: '', want: 'v1' },
  { name: 'has nothing to offer beyond the destinations of the rule', path: '/only', want: 'v1' },
  { name: 'trusts a namespace', from: 'namespace:qa', proxy: { namespace: 'qa' }, want: 'v2' },
  { name: 'trusts no other namespace', from: 'namespace:qa', proxy: { namespace: 'prod' }, want: 'v1' },
  { name: 'trusts a namespace or a range', from: 'namespace:qa, 10.0.0.0/8', want: 'v2' },
];
for (const {
  name,
  from = '10.0.0.0/8,fd00::/8',
  request = {},
  path = '/',
  asked = 'v2',
  proxy,
  want,
} of cases)
  test(`route() ${name}`, () => {
    const router = routerOf(
      yaml(from).replace('hosts: [greeter]', 'hosts: [greeter.default.svc.cluster.local]'),
      proxy ? { proxy } : {},
    );
    const decision = router.route(
      get(path, {
        authority: 'greeter.default.svc.cluster.local',
        sourceAddress: '10.1.2.3',
        headers: [['x-preview', asked]],
        ...request,
      }),
      () => 0,
    );
    assert.equal(decision.destination?.subset, want);
    assert.ok(decision.kind === 'forward');
    assert.equal(decision.chosenBy, want === 'v2' ? 'preview' : undefined);
    const canary = decision.request.headers.find(([header]) => header === 'x-canary')?.[1];
    assert.equal(canary, want === 'v2' ? 'yes' : undefined, "the destination's own changes");
  });

test('a namespace is trusted in the mesh alone: at a gateway it is not the client’s', () => {
  const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: g }
spec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
---`;
  const rules = yaml('namespace:default').replace(
    'hosts: [greeter]',
    'hosts: [greeter.example]\n  gateways: [g]',
  );
  const router = routerOf(`${gateway}${rules}`, { proxy: { type: 'router', gateways: ['g'] } });
  const asked = get('/', {
    authority: 'greeter.example',
    sourceAddress: '10.1.2.3',
    headers: [['x-preview', 'v2']],
  });
  assert.equal(router.route(asked, () => 0).destination?.subset, 'v1');
});

test('formatExplanation() tells who may preview, and that a client did', () => {
  const router = routerOf(yaml('10.0.0.0/8'));
  const text = formatExplanation(
    router.explain(get('/', { sourceAddress: '10.1.2.3', headers: [['x-preview', 'v2']] })),
  );
  assert.match(text, /→ to greeter\.default\.svc\.cluster\.local subset v2/);
  assert.match(text, /named by the client, whatever the weights say/);
  assert.match(text, /\+ the header x-preview may name one of the subsets v1, v2, from 10\.0\.0\.0\/8/);
});
