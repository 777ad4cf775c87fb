import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from '../../../router/index.ts';
import { createReplay, replayText } from '../../../workbench/diff/replay.ts';
import { tablesOfRules } from '../../../workbench/diff/replay-table.ts';

function rules(http: string) {
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, spec: {hosts: [shop], http: [${http}]}}`;
  return validate(parse(text).resources).resources;
}

const TO_V1 = '{ route: [{ destination: { host: shop, subset: v1 } }] }';
const SPLIT =
  '{ match: [{ uri: { prefix: /cart } }], route: [{ destination: { host: shop, subset: v2 } }] }, { route: [{ destination: { host: shop, subset: v1 }, weight: 90 }, { destination: { host: shop, subset: v2 }, weight: 10 }] }';

test('createReplay() counts logged requests that move, a share of a split as that much, and lines that are none', () => {
  const replay = createReplay(tablesOfRules(rules(TO_V1), rules(SPLIT), {}));
  const line = (path: string) => `{"method":"GET","path":"${path}","authority":"shop","protocol":"HTTP/1.1"}`;
  for (const each of [
    'started',
    ...Array.from({ length: 10 }, () => line('/')),
    line('/cart'),
    '',
    '{"a":',
    line('/cart/1'),
  ])
    replay.add(each);
  const report = replay.report();
  assert.deepEqual(report, {
    requests: 12,
    moved: report.moved,
    moves: [{ what: 'shop v1 → shop v2', requests: report.moves[0]!.requests }],
    broken: 2,
    brokenLines: [1, 14],
    formats: { json: 12 },
  });
  assert.equal(report.moved.toFixed(6), '3.000000');
  assert.equal(
    replayText(report),
    `of 12 logged requests 3 move (25 %)
  3  shop v1 → shop v2
  2 lines are no access log and were left out (line 1, 14)`,
  );
});

/** Rules in which a port can matter in every way that rules have. */
const OF_PORTS = (subset: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop, '*.example.com']
  gateways: [mesh, public]
  http:
    - match: [{ port: 7001 }]
      route: [{ destination: { host: shop, subset: ${subset}, port: { number: 7002 } } }]
    - match: [{ authority: { exact: 'shop:7003' } }, { authority: { regex: 'shop:70[45].*' } }]
      route: [{ destination: { host: shop, subset: ${subset} } }]
    - match: [{ uri: { prefix: /away } }]
      redirect: { derivePort: FROM_REQUEST_PORT, scheme: ${subset === 'v1' ? 'http' : 'https'} }
    - match: [{ uri: { prefix: /copied } }]
      route: [{ destination: { host: shop } }]
      mirror: { host: other, subset: ${subset} }
    - match: [{ uri: { prefix: /out } }]
      route: [{ destination: { host: api.example.com, port: { number: ${subset === 'v1' ? 7005 : 7006} } } }]
    - route: [{ destination: { host: shop } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [cart]
  http: [{ route: [{ destination: { host: cart, subset: ${subset} } }] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api }
spec:
  hosts: [api.example.com]
  resolution: NONE
  ports: [{ number: 7005, name: http, protocol: HTTP }, { number: 7007, name: http-more, protocol: HTTP }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec:
  servers:
    - { port: { number: 7008, name: http, protocol: HTTP }, hosts: ['*'] }
    - { port: { number: 7009, name: http-plain, protocol: HTTP }, hosts: ['*'], tls: { httpsRedirect: ${subset === 'v2'} } }
`;

for (const client of [{}, { gateway: 'public' }]) {
  const through = 'gateway' in client ? 'a gateway' : 'the mesh';
  test(`createReplay() says of ports that nothing names what their own tables say, through ${through}`, () => {
    const [before, after] = ['v1', 'v2'].map((subset) => {
      const { resources, issues } = validate(parse(OF_PORTS(subset)).resources);
      assert.deepEqual(issues, []);
      return resources;
    });
    const tables = tablesOfRules(before!, after!, client);
    const compiled = new Set<number>();
    const before1 = (port: number) => {
      compiled.add(port);
      return tables.before(port);
    };
    const ports = [80, 443, 1234, 7000, 7045, 15001, 61001, 61002, 65535];
    for (let port = 7001; port <= 7010; port++) ports.push(port);
    const shared = createReplay({ ...tables, before: before1 });
    const own = createReplay({ before: tables.before, after: tables.after });
    for (const port of ports)
      for (const host of ['shop', 'cart', 'api.example.com', 'www.example.com', 'unknown'])
        for (const path of ['/', '/away', '/copied', '/out']) {
          const line = JSON.stringify({ method: 'GET', path, authority: `${host}:${port}` });
          shared.add(line);
          own.add(line);
          assert.deepEqual(shared.report(), own.report(), `${host}:${port}${path}`);
        }
    assert.ok(own.report().moved > 0);
    const unnamed = ports.filter((port) => !OF_PORTS('v1v2').includes(String(port)));
    assert.ok([...compiled].length < ports.length - unnamed.length + 4, [...compiled].join());
  });
}

test('createReplay() knows requests that a gateway begins to redirect to https', () => {
  const gateway = (httpsRedirect: boolean) =>
    validate(
      parse(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'], tls: { httpsRedirect: ${httpsRedirect} } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec: { hosts: [shop.example.com], gateways: [public], http: [{ route: [{ destination: { host: shop } }] }] }`)
        .resources,
    ).resources;
  const replay = createReplay(tablesOfRules(gateway(false), gateway(true), { gateway: 'public' }));
  replay.add('{"method":"GET","path":"/","authority":"shop.example.com"}');
  assert.deepEqual(replay.report().moves, [{ what: 'shop → redirect 301 to https', requests: 1 }]);
});
