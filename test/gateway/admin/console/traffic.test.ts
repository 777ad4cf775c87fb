import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrafficView } from '../../../../gateway/admin/console/traffic.ts';
import type { RequestOutcome } from '../../../../gateway/telemetry/metric.ts';
import { TrafficCount } from '../../../../gateway/telemetry/traffic-count.ts';
import { compile, parse, type RouteTable, type RuleOrigin, validate } from '../../../../router/index.ts';

const CLUSTER = 'outbound|80|v1|shop.default.svc.cluster.local';

function tableOf(weights: readonly [number, number], firstUser = 'admin'): RouteTable {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop]
  http:
    - name: staff
      match: [{ headers: { user: { exact: ${firstUser} } } }, { uri: { prefix: /staff } }]
      route: [{ destination: { host: shop, subset: v2 } }]
    - route:
        - { destination: { host: shop, subset: v1 }, weight: ${weights[0]} }
        - { destination: { host: shop, subset: v2 }, weight: ${weights[1]} }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;
  const { resources } = validate(parse(text, { file: 'rules.yaml' }).resources);
  const host = 'shop.default.svc.cluster.local';
  return compile(resources, {
    services: [
      { host, namespace: 'default', ports: [{ name: 'http', number: 80, protocol: 'HTTP' }], endpoints: [] },
    ],
  }).table;
}

/** The rule's routes of the shop in the order tried. */
function originsOf(table: RouteTable): RuleOrigin[] {
  const host = table.listeners
    .flatMap(({ virtualHosts }) => virtualHosts)
    .find(({ name }) => name.startsWith('shop.'))!;
  return host.routes.flatMap(({ origin }) => origin ?? []);
}

function outcome(rule: RuleOrigin | undefined, more: Partial<RequestOutcome> = {}): RequestOutcome {
  return {
    host: 'shop.default.svc.cluster.local',
    subset: 'v1',
    cluster: CLUSTER,
    route: undefined,
    rule,
    status: 200,
    grpcStatus: undefined,
    flag: undefined,
    details: undefined,
    protocol: 'http',
    durationMs: 3,
    requestBytes: 0,
    responseBytes: 0,
    endpointLabels: undefined,
    ...more,
  };
}

test('TrafficView shows hosts, each match of their rules in words, and where it leads', () => {
  const { hosts } = new TrafficView(new TrafficCount(), () => tableOf([90, 10])).rules();
  assert.deepEqual(
    hosts.map(({ names, rules }) => [
      names,
      rules.map(({ name, conditions, destinations }) => [
        name,
        conditions,
        destinations.map(({ target, weight }) => `${weight} ${target}`),
      ]),
    ]),
    [
      [
        ['shop'],
        [
          ['staff', ['header user = "admin"'], ['1 shop v2']],
          ['staff', ['path begins with "/staff"'], ['1 shop v2']],
          [undefined, [], ['90 shop v1', '10 shop v2']],
        ],
      ],
    ],
  );
});

test('TrafficView counts requests, errors and draws by match and by destination', () => {
  const table = tableOf([90, 10]);
  const counts = new TrafficCount();
  const [, staff, rest] = originsOf(table);
  for (let index = 0; index < 700; index++) counts.requestEnded(outcome(rest));
  for (let index = 0; index < 300; index++)
    counts.requestEnded(outcome(rest, { subset: 'v2', cluster: CLUSTER.replace('v1', 'v2') }));
  counts.requestEnded(outcome(staff, { status: 503 }));
  counts.requestEnded(outcome(rest, { isChosen: true, status: 200, grpcStatus: 14 }));
  counts.requestEnded(
    outcome(undefined, { host: undefined, subset: undefined, cluster: undefined, status: 404 }),
  );
  const report = new TrafficView(counts, () => table).report();
  assert.deepEqual(
    report.rules.map(({ id, count, errors, drawn }) => [id, count, errors, drawn]),
    [
      ['0.1', 1, 1, [0]],
      ['0.2', 1001, 1, [700, 300]],
    ],
  );
  // 30 % in place of 10 % of a thousand is no matter of chance.
  assert.ok(report.rules[1]!.chance! < 1e-12);
  assert.deepEqual(
    report.destinations.map(({ host, subset, count, errors }) => [host, subset, count, errors]),
    [
      ['shop.default.svc.cluster.local', 'v1', 702, 2],
      ['shop.default.svc.cluster.local', 'v2', 300, 0],
      ['', '', 1, 0],
    ],
  );
  assert.equal(report.destinations[0]!.buckets[report.boundsMs.indexOf(4)], 702);
});

test('TrafficView keeps the counts of rules that a reload leaves as they are, and begins anew with others', () => {
  let table = tableOf([90, 10]);
  const counts = new TrafficCount();
  const view = new TrafficView(counts, () => table);
  const count = () => view.report().rules.map((rule) => [rule.id, rule.count]);
  const { revision } = view.rules();
  for (const rule of originsOf(table)) counts.requestEnded(outcome(rule));
  assert.deepEqual(count(), [
    ['0.0', 1],
    ['0.1', 1],
    ['0.2', 1],
  ]);
  table = tableOf([50, 50]);
  // Requests that come before anybody looks are of the rules in effect, too.
  for (const rule of originsOf(table)) counts.requestEnded(outcome(rule));
  assert.deepEqual(count(), [
    ['0.0', 2],
    ['0.1', 2],
    ['0.2', 1],
  ]);
  assert.equal(view.rules().revision, revision + 1);
});

test('TrafficCount holds a bounded number of destinations', () => {
  const counts = new TrafficCount();
  for (let index = 0; index < 3000; index++)
    counts.requestEnded(outcome(undefined, { host: `host-${index}`, subset: undefined }));
  const all = counts.destinations();
  assert.ok(all.length <= 1001);
  assert.equal(
    all.reduce((sum, { tally }) => sum + tally.count, 0),
    3000,
  );
});
