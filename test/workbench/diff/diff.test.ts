import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../router/index.ts';
import { assumedServices } from '../../../workbench/assumed-service.ts';
import { diffRules, diffTableSets } from '../../../workbench/diff/index.ts';
import { createReplay } from '../../../workbench/diff/replay.ts';
import { tablesOfRules } from '../../../workbench/diff/replay-table.ts';
import { diffMarkdown, diffText } from '../../../workbench/diff/text.ts';
import { movesOf, rules, split, to, virtualService } from './moves.ts';

const CASES: readonly [name: string, before: string, after: string, want: readonly string[]][] = [
  ['the same rules', to('v1'), to('v1'), []],
  ['another name of a rule', to('v1', 'name: a,'), to('v1', 'name: b,'), []],
  [
    'text beyond ASCII',
    `${to('v1', 'match: [{ headers: { x-name: { exact: Zoë } } }], rewrite: { uri: /a, authority: zoë },')}, ${to('v1')}`,
    `${to('v1', 'match: [{ headers: { x-name: { exact: Zoë } } }], rewrite: { uri: /a, authority: zoé },')}, ${to('v1')}`,
    [
      `header x-name = "Zoë" | rewrite authority zoë -> authority zoé | 100 % | curl -H 'x-name: Zoë' http://shop/`,
    ],
  ],
  ['a rule that no request gets to', to('v1'), `${to('v1')}, ${to('v2')}`, []],
  [
    'rules in another order that have no request in common',
    `${to('v1', 'match: [{ uri: { prefix: /a } }],')}, ${to('v2', 'match: [{ uri: { prefix: /b } }],')}`,
    `${to('v2', 'match: [{ uri: { prefix: /b } }],')}, ${to('v1', 'match: [{ uri: { prefix: /a } }],')}`,
    [],
  ],
  [
    'a prefix written as two that cover it',
    to('v1', 'match: [{ uri: { prefix: /a } }],'),
    `${to('v1', 'match: [{ uri: { exact: /a } }, { uri: { regex: "/a.+" } }],')}`,
    [],
  ],
  [
    'a rule for a header put before the others',
    to('v1'),
    `${to('v2', 'match: [{ headers: { user: { exact: admin } } }],')}, ${to('v1')}`,
    [`header user = "admin" | 100 % shop v1 -> shop v2 | 100 % | curl -H 'user: admin' http://shop/`],
  ],
  [
    'a method said by its beginning, by the shortest that moves',
    `${to('v1', 'match: [{ method: { exact: GET } }],')}, ${to('v2')}`,
    `${to('v1', 'match: [{ method: { prefix: GE } }],')}, ${to('v2')}`,
    [
      'method begins with "GE" | 100 % shop v2 -> shop v1 | 100 % | curl -X GE --http2-prior-knowledge http://shop/',
    ],
  ],
  [
    'methods, by one that HTTP/1.1 carries where there is one',
    `${to('v1', "match: [{ method: { regex: 'GET|POST' } }],")}, ${to('v2')}`,
    to('v1'),
    [' | 100 % shop v2 -> shop v1 | 100 % | curl -X PUT http://shop/'],
  ],
  [
    'methods, by one that HTTP/1.1 carries among few',
    `${to('v1', "match: [{ method: { regex: 'PROP[A-F].*' } }],")}, ${to('v2')}`,
    to('v2'),
    ['method matches "PROP[A-F].*" | 100 % shop v1 -> shop v2 | 100 % | curl -X PROPFIND http://shop/'],
  ],
  [
    'QUERY, which no rule sees without a content type',
    `${to('v1', 'match: [{ method: { exact: QUERY } }],')}, ${to('v2')}`,
    to('v2'),
    [
      `method = "QUERY" | 100 % shop v1 -> shop v2 | 100 % | curl -X QUERY -H 'content-type: application/json' http://shop/`,
    ],
  ],
  ['other weights', split(90, 10), split(50, 50), [' | 40 % shop v1 -> shop v2 | 40 % | curl http://shop/']],
  ['weights of another sum and the same shares', split(90, 10), split(45, 5), []],
  [
    'a timeout',
    to('v1'),
    to('v1', 'timeout: 5s,'),
    [' | timeout none -> 5000 ms | 100 % | curl http://shop/'],
  ],
  [
    'a path that is no longer taken',
    `${to('v1', 'match: [{ uri: { prefix: /api } }],')}`,
    `${to('v1', 'match: [{ uri: { prefix: /api/ } }],')}`,
    ['path begins with "/api" | 100 % shop v1 -> no route (404) | 100 % | curl http://shop/api'],
  ],
  [
    'a redirect in place of a destination',
    to('v1'),
    '{ redirect: { uri: /new, redirectCode: 302 } }',
    [' | 100 % shop v1 -> redirect 302 to /new | 100 % | curl http://shop/'],
  ],
  [
    'two rules swapped that have requests in common: a header sent twice has both values',
    `${to('v1', 'match: [{ headers: { x: { exact: a } } }],')}, ${to('v2', 'match: [{ headers: { x: { exact: b } } }],')}`,
    `${to('v2', 'match: [{ headers: { x: { exact: b } } }],')}, ${to('v1', 'match: [{ headers: { x: { exact: a } } }],')}`,
    [
      `header x = "a" and header x = "b" | 100 % shop v1 -> shop v2 | 100 % | curl -H 'x: a' -H 'x: b' http://shop/`,
    ],
  ],
  [
    'a header that Envoy joins when it is sent twice',
    `${to('v1', 'match: [{ headers: { user-agent: { exact: a } } }],')}, ${to('v2', 'match: [{ headers: { user-agent: { exact: b } } }],')}`,
    `${to('v2', 'match: [{ headers: { user-agent: { exact: b } } }],')}, ${to('v1', 'match: [{ headers: { user-agent: { exact: a } } }],')}`,
    [],
  ],
  [
    'regexes, by the shortest text that only one of them takes',
    to('v1', 'match: [{ uri: { regex: "/v[0-9]+" } }],'),
    to('v1', 'match: [{ uri: { regex: "/v[0-9]" } }],'),
    ['path matches "/v[0-9]+" | 100 % shop v1 -> no route (404) | 100 % | curl http://shop/v00'],
  ],
  [
    'a rewrite said in two rules and in one',
    to('v1', 'match: [{ uri: { prefix: /a/b } }], rewrite: { uri: /c/b },') +
      `, ${to('v1', 'match: [{ uri: { prefix: /a } }], rewrite: { uri: /c },')}`,
    to('v1', 'match: [{ uri: { prefix: /a } }], rewrite: { uri: /c },'),
    [],
  ],
  [
    'another rewrite',
    to('v1', 'match: [{ uri: { prefix: /a } }], rewrite: { uri: /c },'),
    to('v1', 'match: [{ uri: { prefix: /a } }], rewrite: { uri: /d },'),
    ['path begins with "/a" | path /c -> /d | 100 % | curl http://shop/a'],
  ],
];

for (const [name, before, after, want] of CASES) {
  test(`diffRules() compares ${name}`, () => {
    assert.deepEqual(movesOf(virtualService(before), virtualService(after)), want);
  });
}

test('diffRules() tells of annotations that change where requests go', () => {
  const annotated = (annotations: string) =>
    virtualService(split(90, 10)).replace('name: shop }', `name: shop, annotations: { ${annotations} } }`);
  const effects = (before: string, after: string) =>
    diffRules(rules(before), rules(after)).moves.flatMap(({ changes }) => changes.map(({ name }) => name));
  assert.deepEqual(effects(annotated(''), annotated('pointsman.dev/sticky-split: header:user')), [
    'sticky split',
  ]);
  const preview = 'pointsman.dev/preview-header: x-preview, pointsman.dev/preview-from:';
  assert.deepEqual(effects(annotated(''), annotated(`${preview} 10.0.0.0/8`)), ['preview']);
  assert.deepEqual(effects(annotated(`${preview} 10.0.0.0/8`), annotated(`${preview} 10.0.0.0/16`)), [
    'preview',
  ]);
  assert.deepEqual(effects(annotated('a: b'), annotated('a: c')), []);
  const sticky = annotated('pointsman.dev/sticky-split: header:user');
  const turned = virtualService(
    split(10, 90).replaceAll('v1', 'vx').replaceAll('v2', 'v1').replaceAll('vx', 'v2'),
  );
  const stickyTurned = turned.replace(
    'name: shop }',
    'name: shop, annotations: { pointsman.dev/sticky-split: header:user } }',
  );
  assert.deepEqual(movesOf(sticky, stickyTurned), []);
});

test('diffRules() looks at every sort of client that rules tell apart', () => {
  const before = virtualService(to('v1'));
  const after = virtualService(
    `${to('v2', 'match: [{ sourceLabels: { app: web } }, { sourceNamespace: other }],')}, ${to('v1')}`,
  );
  const { moves, isComplete } = diffRules(rules(before), rules(after));
  const clients = moves.flatMap((move) =>
    move.clients.map(({ namespace, labels }) => `${namespace} ${labels?.['app']}`),
  );
  assert.deepEqual([...new Set(clients)].sort(), [
    'default web',
    'elsewhere web',
    'other undefined',
    'other web',
  ]);
  assert.equal(isComplete, true);
  assert.deepEqual(movesOf(before, after, { clients: [{ namespace: 'default' }] }), []);
});

test('diffRules() has proved at once that nothing changes between texts that say the same', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    virtualService(to('v1')).replace('name: shop }', `name: shop, namespace: n${index} }`),
  );
  const { moves, unknown, isComplete } = diffRules(rules(many.join('---\n')), rules(many.join('---\n\n')));
  assert.deepEqual([moves, unknown, isComplete], [[], [], true]);
});

test('diffRules() looks at gateways, hosts that come and go, and wildcards', () => {
  const gateway = (hosts: string, subset: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [${hosts}], gateways: [public], http: [${to(subset)}] }
`;
  const before = gateway('"*.example.com"', 'v1');
  const after = `${gateway('"*.example.com"', 'v1')}---${gateway('www.example.com', 'v2').replace('name: public', 'name: www')}`;
  const { moves } = diffRules(rules(before), rules(after));
  assert.deepEqual(
    moves.map(({ hosts, clients, example }) => [hosts, clients.map(({ gateway }) => gateway), example?.curl]),
    [[['www.example.com'], ['default/public'], 'curl http://www.example.com/']],
  );
  const gone = diffRules(rules(before), []);
  assert.deepEqual(
    gone.moves.map(({ hosts, after: side }) => [hosts, side.outcome]),
    [[['*.example.com'], 'no route (404)']],
  );
});

test('diffRules() looks at every port that rules ask for at a gateway without its Gateway', () => {
  const gateway = (subset: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [shop.example.com], gateways: [public], http: [${to(subset, 'match: [{ port: 8080 }],')}] }
`;
  for (const options of [{}, { clients: [{ gateway: 'public' }] }]) {
    const { moves } = diffRules(rules(gateway('v1')), rules(gateway('v2')), options);
    assert.deepEqual(
      moves.map(({ ports, flows }) => [ports, flows.map(({ from, to }) => `${from} -> ${to}`)]),
      [[[8080], ['shop v1 -> shop v2']]],
    );
  }
});

test('createReplay() finds the rules of a gateway without its Gateway on the port of each request', () => {
  const gateway = (subset: string) =>
    rules(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [shop.example.com], gateways: [public], http: [${to(subset, 'match: [{ port: 8080 }],')}] }
`);
  const replay = createReplay(tablesOfRules(gateway('v1'), gateway('v2'), { gateway: 'public' }));
  for (const port of [80, 8080])
    replay.add(
      `[2026-01-01T00:00:00.000Z] "GET / HTTP/1.1" 200 - 5 9 1 1 "-" "curl" "1" "shop.example.com:${port}" "-"`,
    );
  assert.deepEqual(replay.report().moves, [{ what: 'shop v1 → shop v2', requests: 1 }]);
});

test('createReplay() finds the port and the scheme that a gateway took a request by', () => {
  const gateway = (subset: string, port: string) =>
    rules(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { servers: [${port}] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec:
  hosts: [shop.example.com]
  gateways: [public]
  http: [${to(subset, 'match: [{ scheme: { exact: https } }],')}, ${to('v1')}]
`);
  const https =
    "{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*'], tls: { mode: SIMPLE, credentialName: c } }";
  const http =
    "{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'], tls: { httpsRedirect: true } }";
  const moved = (ports: string, local: string | undefined) => {
    const replay = createReplay(
      tablesOfRules(gateway('v1', ports), gateway('v2', ports), { gateway: 'public' }),
    );
    const log = { method: 'GET', path: '/', authority: 'shop.example.com', downstream_local_address: local };
    replay.add(JSON.stringify(log));
    return replay.report().moved;
  };
  assert.equal(moved(https, '10.1.1.2:443'), 1);
  assert.equal(moved(`${http}, ${https}`, '10.1.1.2:8443'), 1);
  assert.equal(moved(`${http}, ${https}`, '10.1.1.2:8080'), 0);
  assert.equal(moved(https, undefined), 1);
});

test('diffRules() and createReplay() see the requests that a gateway loses with its Gateway', () => {
  const bound = rules(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [shop.example.com], gateways: [public], http: [${to('v1')}] }
`);
  const gateway = rules(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
`);
  const before = [...bound, ...gateway];
  for (const options of [{}, { clients: [{ gateway: 'public' }] }]) {
    const { moves } = diffRules(before, bound, options);
    assert.deepEqual(
      moves.map(({ ports, flows }) => [ports, flows.map(({ from, to }) => `${from} -> ${to}`)]),
      [[[80], ['shop v1 -> no route (404)']]],
    );
  }
  const replay = createReplay(tablesOfRules(before, bound, { gateway: 'public' }));
  replay.add(
    '[2026-01-01T00:00:00.000Z] "GET / HTTP/1.1" 200 - 5 9 1 1 "-" "curl" "1" "shop.example.com" "-"',
  );
  assert.deepEqual(replay.report().moves, [{ what: 'shop v1 → no route (404)', requests: 1 }]);
});

test('diffRules() tells of plain requests that a gateway begins to redirect to https', () => {
  const gateway = (tls: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example.com]${tls} }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [shop.example.com], gateways: [public], http: [${to('v1')}] }
`;
  assert.deepEqual(movesOf(gateway(''), gateway(', tls: { httpsRedirect: true }')), [
    'scheme = "http" | 100 % answer of the rules -> redirect 301 to https | 100 % | curl http://shop.example.com/',
  ]);
  assert.deepEqual(
    movesOf(gateway(', tls: { httpsRedirect: true }'), gateway(', tls: { httpsRedirect: true }')),
    [],
  );
});

test('diffTables() compares no listeners that read requests differently', () => {
  const table = (normalization: string) =>
    compile(rules(virtualService(to('v1'))), {
      services: assumedServices(rules(virtualService(to('v1'))), [80]),
      meshConfig: { pathNormalization: { normalization } },
    }).table;
  const { unknown, moves } = diffTableSets(table('BASE'), table('MERGE_SLASHES'));
  assert.deepEqual(moves, []);
  assert.ok(unknown.length > 0);
});

test('diffRules() names all subsets that do not exist, as whichever is drawn the answer is the same', () => {
  const subsets = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec: { host: shop, subsets: [{ name: v1, labels: { version: v1 } }] }
`;
  const missing = `{ route: [{ destination: { host: shop, subset: v2 }, weight: 90 }, { destination: { host: shop, subset: v3 }, weight: 10 }] }`;
  const diff = diffRules(rules(virtualService(to('v1')) + subsets), rules(virtualService(missing) + subsets));
  assert.deepEqual(diff.moves[0]?.flows, [
    { from: 'shop v1', to: 'shop v2 and shop v3, which do not exist (503)', percent: 100 },
  ]);
  assert.match(diffText(diff), /all of them go to v2 and v3, which do not exist \(503\) instead of v1/);
});

test('diffRules() tells of subsets that select other endpoints and of other policies', () => {
  const rule = (labels: string, policy: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec: { host: shop, trafficPolicy: { ${policy} }, subsets: [{ name: v1, labels: { ${labels} } }] }
`;
  const { clusters, moves } = diffRules(
    rules(rule('version: v1', 'loadBalancer: { simple: ROUND_ROBIN }')),
    rules(rule('version: v2', 'loadBalancer: { simple: RANDOM }')),
  );
  assert.deepEqual(moves, []);
  assert.deepEqual(
    clusters.map(({ target, field, from, to }) => `${target}: ${field} ${from} -> ${to}`),
    [
      'shop: loadBalancer {"kind":"ROUND_ROBIN"} -> {"kind":"RANDOM"}',
      'shop v1: endpoints version=v1 -> version=v2',
      'shop v1: loadBalancer {"kind":"ROUND_ROBIN"} -> {"kind":"RANDOM"}',
    ],
  );
});

test('diffRules() names what is too complex to compare, and proves nothing then', () => {
  const before = virtualService(to('v1', 'match: [{ uri: { regex: "/.*a.{14}" } }],'));
  const after = virtualService(to('v1', 'match: [{ uri: { regex: "/.*b.{14}" } }],'));
  const diff = diffRules(rules(before), rules(after), { maxSteps: 1000 });
  assert.ok(diff.unknown.length > 0);
  assert.deepEqual(diff.moves, []);
  assert.doesNotMatch(diffText(diff), /no request changes/);
  assert.match(diffText(diff), /could not be compared$/);
});

test('diffText() says what moves, by which rules, with a line to paste', () => {
  const before = rules(virtualService(to('v1')));
  const after = rules(
    virtualService(`${to('v2', 'match: [{ headers: { user: { exact: admin } } }],')}, ${split(90, 10)}`),
  );
  const diff = diffRules(before, after);
  assert.equal(
    diffText(diff),
    `shop: requests with header user = "admin"
  all of them go to v2 instead of v1
  by VirtualService default/shop http[0] (-:5); now VirtualService default/shop http[0].match[0] (-:5)
  curl -H 'user: admin' http://shop/

shop: all other requests
  10 % of them go to v2 instead of v1
  by VirtualService default/shop http[0] (-:5); now VirtualService default/shop http[1] (-:5)
  curl http://shop/

2 sets of requests move`,
  );
  assert.match(
    diffMarkdown(diff),
    /^\*\*2 sets of requests move\*\*\n\n\| requests \| what changes \| for example \|\n/,
  );
  assert.equal(diffText(diffRules(before, before)), 'no request changes');
});
