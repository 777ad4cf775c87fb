import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRouter } from '../../../router/index.ts';
import { diffTableSets } from '../../../workbench/diff/index.ts';
import { isEnvoyDump, readEnvoyDump } from '../../../workbench/proxy/envoy-dump.ts';

type Json = Record<string, unknown>;

/** What Istio's pilot made of a recorded case. */
function pilot(name: string): { routes: Record<string, Json>; clusters: Json[] } {
  const file = join(import.meta.dirname, '../../conformance/corpus/cases', name, 'envoy.json');
  return JSON.parse(readFileSync(file, 'utf8'));
}

const { routes, clusters } = pilot('match-scheme');
/** As `istioctl proxy-config routes POD -o json` prints them. */
const ROUTES = [
  ...Object.values(routes),
  { name: 'inbound|80||', virtualHosts: [{ name: 'a', domains: ['*'] }] },
];
/** As Envoy's `/config_dump` prints it, by proto names. */
const CONFIG_DUMP = {
  configs: [
    { '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap: {} },
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
      dynamic_active_clusters: clusters.map((cluster) => ({ cluster })),
    },
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.RoutesConfigDump',
      dynamic_route_configs: Object.values(routes).map((each) => ({ route_config: each })),
    },
  ],
};

const request = (scheme: string) => {
  return { method: 'GET', scheme, authority: 'greeter', path: '/', headers: [], port: 80, http2: true };
};

for (const [form, dump] of [
  ['the routes of istioctl', ROUTES],
  ["one of istioctl's routes", Object.values(routes)[0]],
  ["Envoy's config dump", CONFIG_DUMP],
] as const) {
  test(`readEnvoyDump() reads ${form}`, () => {
    assert.equal(isEnvoyDump(dump), true);
    const { table, leftOut } = readEnvoyDump(dump);
    assert.deepEqual(leftOut, []);
    const router = createRouter(table);
    const subsets = ['http', 'https'].map((scheme) => {
      const decision = router.route(request(scheme), () => 0);
      return decision.kind === 'forward' ? decision.destination?.subset : decision.reason;
    });
    // The case's rule sends https to v2 and all else to v1.
    assert.deepEqual(subsets, ['v1', 'v2']);
  });
}

test('readEnvoyDump() passes over settings of filters that are not run here, and says so', () => {
  const [first] = Object.values(routes);
  const host = (first!['virtualHosts'] as Json[])[0]!;
  const typedPerFilterConfig = {
    'envoy.filters.http.lua': {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute',
      disabled: true,
    },
  };
  const routesWith = (host['routes'] as Json[]).map((route) => ({ ...route, typedPerFilterConfig }));
  const { table, leftOut } = readEnvoyDump([{ ...first, virtualHosts: [{ ...host, routes: routesWith }] }]);
  const place = 'virtual_hosts[0].routes[0].typed_per_filter_config.envoy.filters.http.lua';
  assert.deepEqual(leftOut, [`of RouteConfiguration "80" ${place} and 1 more is not read`]);
  assert.equal(table.listeners[0]!.virtualHosts[0]!.routes.length, 2);
});

const HEADER = [{ header: { key: 'x', value: '1' } }];
const HOST = 'virtual_hosts[0]';
const ROUTE = `${HOST}.routes[0]`;

for (const [place, ofConfiguration, ofHost, ofRoute, ofMatch, ofAction] of [
  ['request_headers_to_add', { requestHeadersToAdd: HEADER }],
  [`${HOST}.request_headers_to_add`, {}, { request_headers_to_add: HEADER }],
  [`${HOST}.retry_policy`, {}, { retryPolicy: { retryOn: '5xx' } }],
  [`${HOST}.response_headers_to_remove`, {}, { responseHeadersToRemove: ['server'] }],
  [`${ROUTE}.future_field`, {}, {}, { futureField: 1 }],
  [`${ROUTE}.match.runtime_fraction`, {}, {}, {}, { runtimeFraction: { defaultValue: { numerator: 1 } } }],
  [`${ROUTE}.match.grpc`, {}, {}, {}, { grpc: {} }],
  [`${ROUTE}.route.idle_timeout`, {}, {}, {}, {}, { idleTimeout: '3s' }],
  [`${ROUTE}.route.max_grpc_timeout`, {}, {}, {}, {}, { maxGrpcTimeout: '3s' }],
  [
    `${ROUTE}.route.max_stream_duration.max_stream_duration`,
    {},
    {},
    {},
    {},
    { maxStreamDuration: { maxStreamDuration: '3s' } },
  ],
  [`${ROUTE}.route.host_rewrite_header`, {}, {}, {}, {}, { hostRewriteHeader: 'x-h' }],
  [
    `${ROUTE}.route.retry_policy.retry_host_predicate[0].name`,
    {},
    {},
    {},
    {},
    { retryPolicy: { retryOn: '5xx', retryHostPredicate: [{ name: 'other' }] } },
  ],
] as const) {
  test(`readEnvoyDump() tells that it does not read ${place}`, () => {
    const { leftOut } = readEnvoyDump([
      {
        ...{ name: '80', ...ofConfiguration },
        virtualHosts: [
          {
            ...{ name: 'a', domains: ['*'], ...ofHost },
            routes: [
              {
                match: { prefix: '/', ...ofMatch },
                route: { cluster: 'a', timeout: '0s', ...ofAction },
                ...ofRoute,
              },
            ],
          },
        ],
      },
    ]);
    assert.equal(leftOut.length, 1);
    assert.ok(leftOut[0]!.startsWith(`of RouteConfiguration "80" ${place} is not read`), leftOut[0]);
  });
}

test('readEnvoyDump() tells what it leaves out', () => {
  const wrong = {
    name: '81',
    virtualHosts: [
      { name: 'a', domains: ['*'], routes: [{ match: { pathTemplate: 3 }, route: { cluster: 'a' } }] },
    ],
  };
  const { table, leftOut } = readEnvoyDump([...ROUTES, wrong]);
  assert.equal(table.listeners.length, 1);
  assert.match(leftOut.join(), /^RouteConfiguration "81": /);
});

test('isEnvoyDump() takes no rules for a dump', () => {
  for (const value of [[], {}, null, 'a', { kind: 'List', items: [] }, [{ kind: 'VirtualService' }]])
    assert.equal(isEnvoyDump(value), false);
});

test('diffTableSets() compares what two proxies have', () => {
  const text = JSON.stringify(ROUTES);
  const before = readEnvoyDump(ROUTES).table;
  const after = readEnvoyDump(JSON.parse(text.replaceAll('|v2|', '|v3|'))).table;
  assert.deepEqual(diffTableSets(before, before).moves, []);
  const { moves, unknown } = diffTableSets(before, after);
  assert.deepEqual(unknown, []);
  assert.deepEqual(
    moves.map(({ conditions, flows }) => [
      conditions,
      flows.map(({ from, to, percent }) => `${percent} % ${from} -> ${to}`),
    ]),
    [[['scheme = "https"'], ['100 % greeter v2 -> greeter v3']]],
  );
});
