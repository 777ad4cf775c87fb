/** What resources become in a table, beyond what the corpus records. Rules are Istio's; see the sources that compile/ cites. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createRouter, parse, validate } from '../../../router/index.ts';
import { get, routerOf, rules, service, tableOf, told } from '../rules.ts';

const first = () => 0;

function subsets(name: string, namespace: string, more: string, names: readonly string[]): string {
  const list = names.map((each) => `{name: ${each}, labels: {version: ${each}}}`).join(', ');
  return `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${more}, subsets: [${list}]}}`;
}

function clusterNames(yaml: string, options: Parameters<typeof tableOf>[1] = {}): string[] {
  const { clusters } = tableOf(yaml, { services: [service('greeter', ['v1', 'v2'], 'shop')], ...options });
  return clusters.map(({ destination }) => destination.subset ?? '-');
}

test("compile() takes the DestinationRule of the client's namespace, then the service's, then the root's", () => {
  const host = 'host: greeter.shop.svc.cluster.local';
  const own = subsets('own', 'default', host, ['a']);
  const shop = subsets('shop', 'shop', host, ['b']);
  const root = subsets('root', 'istio-system', host, ['c']);
  assert.deepEqual(clusterNames([own, shop, root].join('\n---\n')), ['-', 'a']);
  assert.deepEqual(clusterNames([shop, root].join('\n---\n')), ['-', 'b']);
  assert.deepEqual(clusterNames(root), ['-', 'c']);
  const hidden = subsets('shop', 'shop', `${host}, exportTo: ["."]`, ['b']);
  assert.deepEqual(clusterNames([hidden, root].join('\n---\n')), ['-', 'c']);
});

test('compile() joins the subsets of two DestinationRules for one host, the more specific host going first', () => {
  const one = subsets('a', 'shop', 'host: greeter', ['v1']);
  const two = subsets('b', 'shop', 'host: greeter.shop.svc.cluster.local', ['v1', 'v2']);
  const wide = subsets('c', 'shop', 'host: "*.shop.svc.cluster.local"', ['x']);
  assert.deepEqual(clusterNames([one, two, wide].join('\n---\n')), ['-', 'v1', 'v2']);
  assert.deepEqual(clusterNames(wide), ['-', 'x']);
});

test("compile() lets a port's settings stand alone, and a subset's go over the rule's", () => {
  const yaml = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: greeter}
spec:
  host: greeter
  trafficPolicy:
    loadBalancer: {simple: RANDOM}
    outlierDetection: {consecutive5xxErrors: 1}
    portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}]
  subsets:
    - {name: s, labels: {}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: X-User}}}}`;
  const greeter = {
    ...service('greeter', ['v1']),
    ports: [80, 81].map((number) => ({ name: `p${number}`, number, protocol: 'HTTP' })),
  };
  const { clusters } = tableOf(yaml, { services: [greeter] });
  const policies = clusters.map(({ name, policy }) => [
    name.split('|').slice(1, 3).join(),
    policy.loadBalancer.kind,
    Boolean(policy.outlierDetection),
  ]);
  assert.deepEqual(policies, [
    ['80,', 'RANDOM', true],
    ['80,s', 'RING_HASH', true],
    ['81,', 'ROUND_ROBIN', false],
    ['81,s', 'RING_HASH', false],
  ]);
});

test("compile() makes endpoints of a ServiceEntry, an endpoint's own port before the target port", () => {
  const yaml = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.example.com]
  ports:
    - {number: 80, name: http, protocol: HTTP, targetPort: 8080}
    - {number: 90, name: grpc, protocol: GRPC}
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - {address: 10.0.0.1, labels: {version: v1}, weight: 3}
    - {address: 10.0.0.2, ports: {http: 9000, grpc: 9001}}`;
  const { clusters } = tableOf(yaml, { services: [] });
  assert.deepEqual(
    clusters.map(({ name, protocol, endpoints }) => [
      name,
      protocol,
      endpoints.map((each) =>
        each.kind === 'socket' ? `${each.id} ${each.address}:${each.port} ${each.weight}` : each.kind,
      ),
    ]),
    [
      [
        'outbound|80||api.example.com',
        'http1',
        ['10.0.0.1:8080 10.0.0.1:8080 3', '10.0.0.2:9000 10.0.0.2:9000 1'],
      ],
      [
        'outbound|90||api.example.com',
        'http2',
        ['10.0.0.1:8080 10.0.0.1:90 3', '10.0.0.2:9000 10.0.0.2:9001 1'],
      ],
    ],
  );
});

test('compile() selects WorkloadEntries of the namespace by their labels, those of the metadata included', () => {
  const entry = (name: string, namespace: string, labels: string, spec: string) =>
    `{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: ${name}, namespace: ${namespace}, labels: {${labels}}}, spec: {${spec}}}`;
  const yaml = [
    '{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: vm}, spec: {hosts: [vm.local], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {labels: {app: vm}}}}',
    entry('b', 'default', 'app: vm', 'address: 10.0.0.2, ports: {http: 8080}, weight: 3'),
    entry('a', 'default', '', 'address: 10.0.0.1, labels: {app: vm}'),
    entry('c', 'default', 'app: other', 'address: 10.0.0.3, labels: {app: vm}'),
    entry('d', 'elsewhere', 'app: vm', 'address: 10.0.0.4'),
  ].join('\n---\n');
  const [cluster] = tableOf(yaml, { services: [] }).clusters;
  assert.deepEqual(
    cluster?.endpoints.map(({ id, weight, ...target }) => [id, weight, 'port' in target && target.port]),
    [
      ['10.0.0.1:80', 1, 80],
      ['10.0.0.2:8080', 3, 8080],
    ],
  );
});

test('compile() sends unknown hosts where the mesh says', () => {
  const request = get('/', { authority: 'nowhere.example' });
  assert.equal(told(routerOf('').route(request, first)), 'PassthroughCluster nowhere.example /');
  const closed = routerOf('', { meshConfig: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } });
  assert.equal(told(closed.route(request, first)), '502');
  assert.equal(told(closed.route({ ...request, port: 4321 }, first)), '502');
});

test('compile() takes the rules of a gateway by name, with or without its Gateway resource', () => {
  const yaml = rules('[{directResponse: {status: 202}}]').replace(
    'hosts: [greeter]',
    'hosts: [shop.example.com], gateways: [edge]',
  );
  const options = { proxy: { type: 'router', gateways: ['edge'] } } as const;
  const request = get('/', { authority: 'shop.example.com', port: 8080 });
  assert.equal(told(routerOf(yaml, options).route(request, first)), '202');
  assert.equal(told(routerOf(yaml).route(request, first)), 'PassthroughCluster shop.example.com /');
  const gateway =
    '{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge}, spec: {selector: {app: edge}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["other/*", "./shop.example.com"]}]}}';
  const router = routerOf(`${yaml}\n---\n${gateway}`, options);
  assert.equal(told(router.route(request, first)), '202');
  assert.equal(told(router.route({ ...request, port: 80 }, first)), '404');
});

test("compile() redirects plain requests where a Gateway's server says so", () => {
  const gateway =
    '{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge}, spec: {selector: {app: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"], tls: {httpsRedirect: true}}]}}';
  const router = routerOf(gateway, { proxy: { type: 'router', labels: { app: 'edge' } } });
  const decision = router.route(get('/a?b', { authority: 'x.example.com:80' }), first);
  assert.equal(told(decision), '301 https://x.example.com:80/a?b');
});

test('compile() reports a delegate that is not there, not visible, or does not fit', () => {
  const text = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root}
spec:
  hosts: [greeter]
  http:
    - {match: [{uri: {prefix: /a}}], delegate: {name: gone}}
    - {match: [{uri: {prefix: /b}}], delegate: {name: hidden, namespace: far}}
    - {match: [{uri: {prefix: /c}}], delegate: {name: near}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: hidden, namespace: far}
spec: {exportTo: ["."], http: [{directResponse: {status: 201}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: near}
spec:
  http:
    - {match: [{uri: {prefix: /x}}], directResponse: {status: 202}}
    - {match: [{uri: {exact: /c/d}}], directResponse: {status: 203}}`;
  const { resources } = validate(parse(text, { file: 'rules.yaml' }).resources);
  const { table, issues } = compile(resources, { services: [service('greeter', ['v1'])] });
  assert.deepEqual(
    issues.map(({ code, severity, line }) => [code, severity, line]),
    [
      ['delegate-not-found', 'warning', 8],
      ['delegate-not-visible', 'warning', 9],
      ['delegate-match-conflict', 'warning', 22],
    ],
  );
  const decision = createRouter(table).route(get('/c/d'), first);
  assert.equal(told(decision), '203');
  assert.deepEqual(decision.rule, {
    kind: 'VirtualService',
    namespace: 'default',
    name: 'near',
    index: 1,
    matchIndex: 0,
    file: 'rules.yaml',
    line: 23,
    via: { kind: 'VirtualService', namespace: 'default', name: 'root', index: 2, matchIndex: 0 },
  });
});

test('compile() makes a table that JSON carries without loss', () => {
  const table = tableOf(
    rules(
      '[{match: [{headers: {__proto__: {regex: "a|b"}}}], fault: {delay: {fixedDelay: 1s, percentage: {value: 5}}}, route: [{destination: {host: greeter}}]}]',
    ),
  );
  assert.deepEqual(JSON.parse(JSON.stringify(table)), table);
});

test('compile() makes a table in time that grows with the number of resources alone', () => {
  const resources = Array.from({ length: 2000 }, (_, index) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService' as const,
    metadata: { name: `vs-${index}`, namespace: 'default' },
    spec: { hosts: [`host-${index}`], http: [{ route: [{ destination: { host: `host-${index}` } }] }] },
  }));
  const services = resources.map((_, index) => service(`host-${index}`, ['v1']));
  const { table } = compile(resources, { services });
  assert.equal(table.listeners[0]?.virtualHosts.length, 2001);
});
