import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../../router/parse/index.ts';
import { validate } from '../../../router/validate/index.ts';

interface Case {
  readonly name: string;
  readonly kind?: 'VirtualService' | 'DestinationRule' | 'ServiceEntry' | 'WorkloadEntry' | 'Gateway';
  /** The spec, as people write it. */
  readonly spec: string;
  /** `CODE PATH`, a warning with `?` before it. What Istio refuses or warns of was recorded from `istioctl validate` 1.31. */
  readonly want: readonly string[];
}

const route = 'route: [{destination: {host: a}}]';

const table: readonly Case[] = [
  { name: 'takes a plain route', spec: `{hosts: [a], http: [{${route}}]}`, want: [] },
  { name: 'wants routes', spec: '{hosts: [a]}', want: ['no-routes spec'] },
  {
    name: 'wants something to do',
    spec: '{hosts: [a], http: [{match: [{uri: {exact: /}}]}]}',
    want: ['missing-field spec.http[0]'],
  },
  {
    name: 'takes no weights of zero',
    spec: '{hosts: [a], http: [{route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]}]}',
    want: ['weight-sum spec.http[0].route'],
  },
  {
    name: 'takes weights that do not add up to 100',
    spec: '{hosts: [a], http: [{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 2}]}]}',
    want: [],
  },
  {
    name: 'takes no negative weight',
    spec: '{hosts: [a], http: [{route: [{destination: {host: a}, weight: -1}, {destination: {host: b}, weight: 101}]}]}',
    want: ['weight spec.http[0].route[0].weight'],
  },
  {
    name: 'keeps route, redirect and directResponse apart',
    spec: `{hosts: [a], http: [{${route}, redirect: {uri: /b}}, {${route}, directResponse: {status: 200}, match: [{uri: {exact: /}}]}]}`,
    want: [
      'exclusive-fields spec.http[0].route',
      '?unreachable-rule spec.http[1]',
      'exclusive-fields spec.http[1].route',
    ],
  },
  {
    name: 'takes no wildcard for a destination',
    spec: '{hosts: [a], http: [{route: [{destination: {host: "*"}}]}]}',
    want: ['host spec.http[0].route[0].destination.host'],
  },
  {
    name: 'takes no port in a host',
    spec: '{hosts: ["a.com:80"], http: [{redirect: {uri: /}}]}',
    want: ['host spec.hosts[0]'],
  },
  {
    name: 'takes * for a gateway only',
    spec: `{hosts: ["*"], http: [{${route}}]}`,
    want: ['host spec.hosts[0]'],
  },
  {
    name: 'takes * bound to a gateway',
    spec: `{hosts: ["*"], gateways: [ns/gw], http: [{${route}}]}`,
    want: [],
  },
  {
    name: 'takes no hosts that overlap',
    spec: `{hosts: ["*.com", b.org, a.com, b.org], gateways: [gw], http: [{${route}}]}`,
    want: ['duplicate-host spec.hosts[2]', 'duplicate-host spec.hosts[3]'],
  },
  {
    name: 'takes no gateways in a delegate',
    spec: `{gateways: [gw], http: [{${route}}]}`,
    want: ['delegate spec.gateways'],
  },
  {
    name: 'keeps a delegating route without routes of its own',
    spec: `{hosts: [a], http: [{delegate: {name: b}, ${route}}]}`,
    want: ['delegate spec.http[0].route'],
  },
  {
    name: 'takes no lookahead',
    spec: `{hosts: [a], http: [{match: [{uri: {regex: "(?=a)"}}], ${route}}]}`,
    want: ['regex spec.http[0].match[0].uri.regex'],
  },
  {
    name: 'takes no empty prefix but for a uri',
    spec: `{hosts: [a], http: [{match: [{uri: {prefix: ""}, method: {prefix: ""}}], ${route}}]}`,
    want: ['string-match spec.http[0].match[0].method.prefix'],
  },
  {
    name: 'takes no change of pseudo headers',
    spec: `{hosts: [a], http: [{headers: {request: {set: {":path": a, ":authority": b}, remove: [host]}}, ${route}}]}`,
    want: [
      'header-name spec.http[0].headers.request.set[":path"]',
      'header-name spec.http[0].headers.request.remove[0]',
    ],
  },
  {
    name: 'takes no authority set twice',
    spec: `{hosts: [a], http: [{rewrite: {authority: x}, headers: {request: {set: {host: z}}}, ${route}}]}`,
    want: ['authority-twice spec.http[0].headers.request.set.host'],
  },
  {
    name: 'takes no unfinished expression in a header',
    spec: `{hosts: [a], http: [{headers: {response: {set: {a: "100%", b: "100%%", c: "%REQ(x)%", d: '%X(["a","b"])%', e: "%X(["}}}, ${route}}]}`,
    want: [
      'header-value spec.http[0].headers.response.set.a',
      'header-value spec.http[0].headers.response.set.e',
    ],
  },
  {
    name: 'wants durations of a millisecond',
    spec: `{hosts: [a], http: [{timeout: 0s, retries: {attempts: 1, perTryTimeout: 1.0005s, backoff: 25ms}, ${route}}]}`,
    want: ['bad-duration spec.http[0].timeout', 'bad-duration spec.http[0].retries.perTryTimeout'],
  },
  {
    name: 'takes no unknown retry condition',
    spec: `{hosts: [a], http: [{retries: {attempts: 1, retryOn: "5xx, 503"}, ${route}}]}`,
    want: ['retry spec.http[0].retries.retryOn'],
  },
  {
    name: 'takes no retry settings without attempts',
    spec: `{hosts: [a], http: [{retries: {retryOn: 5xx}, ${route}}]}`,
    want: ['retry spec.http[0].retries'],
  },
  {
    name: 'takes no fault beyond 100 percent',
    spec: `{hosts: [a], http: [{fault: {abort: {httpStatus: 503, percentage: {value: 100.1}}, delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}, ${route}}]}`,
    want: [
      'percentage spec.http[0].fault.abort.percentage.value',
      'percentage spec.http[0].fault.delay.percentage.value',
    ],
  },
  {
    name: 'takes no gRPC status but by its name',
    spec: `{hosts: [a], http: [{fault: {abort: {grpcStatus: unavailable}}, ${route}}]}`,
    want: ['grpc-status spec.http[0].fault.abort.grpcStatus'],
  },
  {
    name: 'takes no lower-case CORS method',
    spec: `{hosts: [a], http: [{corsPolicy: {allowMethods: [get], allowHeaders: ["a b"], maxAge: 1.5s}, ${route}}]}`,
    want: [
      'cors spec.http[0].corsPolicy.allowMethods[0]',
      'cors spec.http[0].corsPolicy.allowHeaders[0]',
      'bad-duration spec.http[0].corsPolicy.maxAge',
    ],
  },
  {
    name: 'warns of mirrorPercent',
    spec: `{hosts: [a], http: [{mirror: {host: b}, mirrorPercent: 50, ${route}}]}`,
    want: ['?deprecated spec.http[0].mirrorPercent'],
  },
  {
    name: 'warns of rules behind one without match',
    spec: `{hosts: [a], http: [{${route}}, {match: [{uri: {exact: /}}], ${route}}]}`,
    want: ['?unreachable-rule spec.http[1]'],
  },
  {
    name: 'warns of a prefix behind a shorter one',
    spec: `{hosts: [a], http: [{match: [{uri: {prefix: /a}}], ${route}}, {match: [{uri: {prefix: /a/b}}], ${route}}]}`,
    want: ['?duplicate-match spec.http[1].match[0]'],
  },
  {
    name: 'takes no JWT claims in the mesh',
    spec: `{hosts: [a], http: [{match: [{headers: {"@request.auth.claims.sub": {exact: a}}}], ${route}}]}`,
    want: ['jwt-claim spec.http[0].match[0].headers["@request.auth.claims.sub"]'],
  },
  {
    name: 'wants server names of the hosts',
    spec: '{hosts: [a.com], tls: [{match: [{sniHosts: [b.com]}], route: [{destination: {host: a}}]}]}',
    want: ['sni-host spec.tls[0].match[0].sniHosts[0]'],
  },
  {
    name: 'takes no two subsets of one name',
    kind: 'DestinationRule',
    spec: '{host: a, subsets: [{name: v1}, {name: v1}, {name: "v 2", labels: {a: "b c"}}]}',
    want: [
      'duplicate-subset spec.subsets[1].name',
      'subset-name spec.subsets[2].name',
      'label spec.subsets[2].labels.a',
    ],
  },
  {
    name: 'takes no empty traffic policy',
    kind: 'DestinationRule',
    spec: '{host: a, trafficPolicy: {}}',
    want: ['traffic-policy spec.trafficPolicy'],
  },
  {
    name: 'wants a prime for maglev',
    kind: 'DestinationRule',
    spec: '{host: a, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x, maglev: {tableSize: 65536}}}}}',
    want: ['load-balancer spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize'],
  },
  {
    name: 'wants localities that add up',
    kind: 'DestinationRule',
    spec: '{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: a/b/*, to: {c: 50, d: 40}}]}}}}',
    want: ['locality spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to'],
  },
  {
    name: 'takes no endpoints without resolution',
    kind: 'ServiceEntry',
    spec: '{hosts: [a.com], ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 1.2.3.4}]}',
    want: ['resolution spec.endpoints'],
  },
  {
    name: 'wants addresses for static endpoints',
    kind: 'ServiceEntry',
    spec: '{hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: b.com, ports: {grpc: 1}}]}',
    want: ['address spec.endpoints[0].address', 'endpoint spec.endpoints[0].ports.grpc'],
  },
  {
    name: 'takes no port twice',
    kind: 'ServiceEntry',
    spec: '{hosts: [a.com], resolution: DNS, ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: a, protocol: FOO}]}',
    want: [
      'duplicate-port spec.ports[1].number',
      'duplicate-port spec.ports[1].name',
      'protocol spec.ports[1].protocol',
    ],
  },
  { name: 'wants an address', kind: 'WorkloadEntry', spec: '{labels: {a: b}}', want: ['missing-field spec'] },
  {
    name: 'wants TLS settings for HTTPS',
    kind: 'Gateway',
    spec: '{servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"]}]}',
    want: ['tls spec.servers[0]'],
  },
  {
    name: 'takes no short host',
    kind: 'Gateway',
    spec: '{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [reviews]}]}',
    want: ['host spec.servers[0].hosts[0]'],
  },
  {
    name: 'finds several at once',
    spec: '{hosts: [a], http: [{route: [{destination: {host: a, subset: "v 1"}}], timeout: 0s}, {match: [{uri: {regex: "("}}], redirect: {}}]}',
    want: [
      'subset-name spec.http[0].route[0].destination.subset',
      'bad-duration spec.http[0].timeout',
      '?unreachable-rule spec.http[1]',
      'regex spec.http[1].match[0].uri.regex',
      'redirect spec.http[1].redirect',
    ],
  },
];

const check = (spec: string, kind = 'VirtualService', options = {}) =>
  validate(
    parse(`apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: test}\nspec: ${spec}\n`)
      .resources,
    options,
  );

const pathText = (path: readonly (string | number)[] = []): string =>
  path
    .map((step) =>
      typeof step === 'number'
        ? `[${step}]`
        : /^[\w-]+$/.test(step)
          ? `.${step}`
          : `[${JSON.stringify(step)}]`,
    )
    .join('')
    .slice(1);

for (const { name, kind, spec, want } of table) {
  test(`validate() ${name} (${kind ?? 'VirtualService'})`, () => {
    const { resources, issues } = check(spec, kind);
    assert.deepEqual(
      issues.map(
        ({ code, severity, path }) => `${severity === 'warning' ? '?' : ''}${code} ${pathText(path)}`,
      ),
      want,
    );
    assert.equal(resources.length, want.some((text) => !text.startsWith('?')) ? 0 : 1);
    for (const issue of issues) assert.ok(issue.line === 4 && issue.excerpt?.startsWith('spec: '));
  });
}

test('validate() gives the canonical spec', () => {
  const { resources } = check(
    '{hosts: [a], export_to: ["."], tcp: null, http: [{route: [{destination: {host: a, port: {number: "80"}}}], timeout: 1m}]}',
  );
  assert.deepEqual(JSON.parse(JSON.stringify(resources[0]?.spec)), {
    hosts: ['a'],
    exportTo: ['.'],
    http: [{ route: [{ destination: { host: 'a', port: { number: 80 } } }], timeout: '1m' }],
  });
});

test('validate() passes unknown fields over when told to, with a warning', () => {
  const spec = `{hosts: [a], hostss: [b], http: [{${route}, timeouts: 1s}]}`;
  assert.deepEqual(
    check(spec).issues.map(({ severity }) => severity),
    ['error', 'error'],
  );
  const { resources, issues } = check(spec, 'VirtualService', { unknownFields: 'warning' });
  assert.deepEqual(
    issues.map(({ code, severity, message }) => [code, severity, message]),
    [
      ['unknown-field', 'warning', 'Unknown field "hostss": did you mean "hosts"?'],
      ['unknown-field', 'warning', 'Unknown field "timeouts": did you mean "timeout"?'],
    ],
  );
  assert.deepEqual(Object.keys(resources[0]?.spec ?? {}), ['hosts', 'http']);
});

test('validate() takes resources that come from no text', () => {
  const { resources, issues } = validate([
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'a', namespace: 'b' },
      spec: { host: '' },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'c', namespace: 'b' },
      spec: { host: 'x' },
    },
  ]);
  assert.deepEqual(
    resources.map(({ metadata }) => metadata.name),
    ['c'],
  );
  assert.deepEqual(issues[0]?.resource, { kind: 'DestinationRule', namespace: 'b', name: 'a' });
  assert.equal(issues[0]?.line, undefined);
});

test('validate() keeps up with many hosts, prefixes and regexes', () => {
  const hosts = Array.from({ length: 20_000 }, (_, index) =>
    index % 10 === 0 ? `*.h${index}.example.com` : `h${index}.example.org`,
  );
  const http = Array.from({ length: 5_000 }, (_, index) => ({
    match: [{ uri: { prefix: `/p${index}/` } }],
    route: [{ destination: { host: 'a' } }],
  }));
  const { resources, issues } = validate([
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'big', namespace: 'a' },
      spec: { hosts, gateways: ['gw'], http },
    },
  ]);
  assert.deepEqual(issues, []);
  assert.equal(resources.length, 1);
});
