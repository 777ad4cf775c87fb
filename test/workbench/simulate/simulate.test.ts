import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from '../../../router/index.ts';
import { assumedServices, assumedSubsets } from '../../../workbench/assumed-service.ts';
import { createRuleSet } from '../../../workbench/rule-set.ts';
import { simulationHtml, simulationSvg } from '../../../workbench/simulate/chart.ts';
import { createChance } from '../../../workbench/simulate/random.ts';
import { withShare } from '../../../workbench/simulate/rollout.ts';
import {
  type SimulateOptions,
  type SimulationReport,
  simulate,
} from '../../../workbench/simulate/simulate.ts';
import { createHistogram, wilsonInterval } from '../../../workbench/simulate/statistic.ts';
import { othersThan, parseTargetModel, type TargetModel } from '../../../workbench/simulate/target-model.ts';
import { simulationText } from '../../../workbench/simulate/text.ts';

const REQUEST = { method: 'GET', scheme: 'http', authority: 'shop', path: '/', headers: [], port: 80 };
const SPLIT =
  'route: [{ destination: { host: shop, subset: v1 }, weight: 75 }, { destination: { host: shop, subset: v2 }, weight: 25 }]';

function tableOf(rule: string, annotations = '') {
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop, annotations: {${annotations}}}, spec: {hosts: [shop], http: [{${rule}}]}}`;
  const { resources, issues } = validate(parse(text).resources);
  assert.deepEqual(issues, []);
  const all = [...resources, ...assumedSubsets(resources)];
  return createRuleSet(all, assumedServices(all, [80])).tableFor({}, [80]);
}

function run(rule: string, options: Partial<SimulateOptions> = {}, annotations = ''): SimulationReport {
  const steps = [{ label: '', table: tableOf(rule, annotations) }];
  const running = simulate({ request: REQUEST, requests: 20_000, steps, ...options });
  let next = running.next();
  while (!next.done) next = running.next();
  return next.value;
}

function model(text: string): TargetModel {
  const parsed = parseTargetModel(text);
  assert.ok(typeof parsed !== 'string', String(parsed));
  return parsed;
}

/** Asserts that chance explains a count: the true share lies within bounds that are wrong once in some billions. */
function assertShare(count: number, total: number, share: number): void {
  const spread = 6 * Math.sqrt((share * (1 - share)) / total);
  assert.ok(Math.abs(count / total - share) <= spread, `${count} of ${total} is not ${share} by chance`);
}

const statusCount = ({ statuses }: SimulationReport, wanted: number): number =>
  statuses.find(({ status }) => status === wanted)?.count ?? 0;

test('simulate() splits by the weights, alike for the same seed', () => {
  const report = run(SPLIT);
  assert.deepEqual(
    report.targets.map(({ target, intended }) => [target, intended]),
    [
      ['shop v1', 75],
      ['shop v2', 25],
    ],
  );
  assertShare(report.targets[1]!.count, 20_000, 0.25);
  assert.deepEqual(run(SPLIT), report);
  assert.notEqual(run(SPLIT, { seed: 2 }).targets[0]!.count, report.targets[0]!.count);
});

test('simulate() draws faults and mirrors', () => {
  const report = run(
    `fault: { delay: { fixedDelay: 2s, percentage: { value: 20 } }, abort: { httpStatus: 418, percentage: { value: 10 } } }, mirror: { host: shop }, mirrorPercentage: { value: 5 }, ${SPLIT}`,
  );
  assertShare(report.delayed, 20_000, 0.2);
  assertShare(report.aborted, 20_000, 0.1);
  assert.equal(statusCount(report, 418), report.aborted);
  assertShare(report.mirrors[0]!.count, 20_000, 0.9 * 0.05);
  assert.ok(report.latency.p95 > 1980 && report.latency.p95 < 2020);
});

test('simulate() tries again as the rule says: three tries of which each fails with 0.3 fail with 0.027', () => {
  const to = 'route: [{ destination: { host: shop, subset: v1 } }]';
  const models = [model('v1:fail=30%,latency=10ms')];
  const retried = run(`retries: { attempts: 2, retryOn: 5xx }, ${to}`, { models });
  assertShare(statusCount(retried, 503), 20_000, 0.3 ** 3);
  assertShare(retried.retried, 20_000, 0.3);
  const plain = run(`retries: { attempts: 0 }, ${to}`, { models });
  assertShare(statusCount(plain, 503), 20_000, 0.3);
  assert.equal(plain.retried, 0);
  const other = run(`retries: { attempts: 2, retryOn: connect-failure }, ${to}`, { models });
  assertShare(statusCount(other, 503), 20_000, 0.3);
  const refused = run(`retries: { attempts: 1, retryOn: connect-failure }, ${to}`, {
    models: [model('shop/v1:refuse=50%')],
  });
  assertShare(statusCount(refused, 503), 20_000, 0.25);
});

test('simulate() keeps to timeouts', () => {
  const to = 'route: [{ destination: { host: shop, subset: v1 } }]';
  const slow = run(`timeout: 50ms, ${to}`, { models: [model('shop:latency=0ms..100ms')] });
  assertShare(statusCount(slow, 504), 20_000, 0.5);
  assert.ok(slow.latency.p99 <= 51);
  const perTry = run(`retries: { attempts: 1, perTryTimeout: 25ms, retryOn: reset }, ${to}`, {
    models: [model('v1:latency=0ms..100ms')],
  });
  assertShare(statusCount(perTry, 200), 20_000, 1 - 0.75 ** 2);
});

test('simulate() counts users who see several versions, none of them where the split is sticky', () => {
  const users = { count: 100, header: 'x-user' };
  assert.deepEqual(run(SPLIT, { users }).users, { count: 100, withSeveral: 100 });
  assert.deepEqual(run(SPLIT, { users }, 'pointsman.dev/sticky-split: header:x-user').users, {
    count: 100,
    withSeveral: 0,
  });
});

test('withShare() gives a version its percentage step by step, and the others their shares of the rest', () => {
  const table = tableOf(
    'route: [{ destination: { host: shop, subset: v1 }, weight: 60 }, { destination: { host: shop, subset: v2 }, weight: 10 }, { destination: { host: shop, subset: v3 }, weight: 30 }]',
  );
  const steps = [0, 40, 100].map((percent) => ({
    label: `${percent}`,
    table: withShare(table, 'v2', percent)!,
  }));
  const report = run(SPLIT, { steps, requests: 30_000 });
  assert.deepEqual(
    report.steps.map(({ targets }) => targets.map(({ target, intended }) => `${target} ${intended}`).sort()),
    [
      ['shop v1 66.67', 'shop v2 0', 'shop v3 33.33'].filter((each) => each !== 'shop v2 0'),
      ['shop v1 40', 'shop v2 40', 'shop v3 20'],
      ['shop v2 100'],
    ],
  );
  assert.equal(withShare(table, 'v9', 5), undefined);
  const text = simulationText(report);
  assert.match(text, /█ shop v2 {2}░ shop v1 {2}▓ shop v3/);
  const svg = simulationSvg(report);
  assert.equal(svg.match(/<rect /g)?.length, 3 * 3 + 3);
  assert.doesNotMatch(simulationHtml(report, '<b>'), /<b>|src=|href=/);
});

test('parseTargetModel() says what is wrong with a model', () => {
  assert.deepEqual(parseTargetModel('shop/v2:fail=5%,status=500,refuse=1%,latency=20ms..1s'), {
    name: 'shop/v2',
    fail: 0.05,
    status: 500,
    refuse: 0.01,
    latencyMs: [20, 1000],
  });
  for (const [text, reason] of [
    ['v2', /write it like/],
    ['v2:fail=5', /"5" is no percentage/],
    ['v2:fail=500%', /is no percentage/],
    ['v2:latency=9', /"9" is no time/],
    ['v2:latency=9ms..1ms', /is no time/],
    ['v2:status=99', /is no HTTP status/],
    ['v2:fial=5%', /"fial=5%" is none of/],
    ['v2:fail=60%,refuse=60%', /more than 100%/],
  ] as const)
    assert.match(String(parseTargetModel(text)), reason);
});

test('wilsonInterval() has the bounds of the literature', () => {
  // 10 of 100: 5.52 to 17.44 percent, as R's prop.test(10, 100, correct = FALSE) gives them.
  const [low, high] = wilsonInterval(10, 100);
  assert.equal(low.toFixed(2), '5.52');
  assert.equal(high.toFixed(2), '17.44');
  assert.equal(wilsonInterval(0, 10)[0], 0);
  assert.deepEqual(wilsonInterval(0, 0), [0, 100]);
});

test('createHistogram() finds quantiles to about a percent', () => {
  const histogram = createHistogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
  for (const share of [0.5, 0.95, 0.99])
    assert.ok(Math.abs(histogram.quantile(share) / (1000 * share) - 1) < 0.02);
  assert.equal(createHistogram().quantile(0.5), 0);
});

test('createHistogram() has a time that all take exactly, as a timeout is', () => {
  const to = 'route: [{ destination: { host: shop, subset: v1 } }]';
  const { latency } = run(`timeout: 1s, ${to}`, { models: [model('shop:latency=2s')] });
  assert.deepEqual(latency, { p50: 1000, p95: 1000, p99: 1000 });
});

test('othersThan() knows each destination by its subset, its host, and both', () => {
  const table = tableOf(SPLIT);
  for (const name of ['v1', 'shop', 'shop.default/v2'])
    assert.equal(othersThan(model(`${name}:fail=1%`), table), undefined, name);
  assert.deepEqual(othersThan(model('shop/v3:fail=1%'), table), ['shop v1', 'shop v2']);
});

test('simulationText() speaks of one request as one', () => {
  assert.match(simulationText(run(SPLIT, { requests: 1 })), /^1 request, seed 1\n/);
});

test('createChance() is even over its range', () => {
  const chance = createChance(7);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 20_000; draw++) counts[chance.below(10)]!++;
  for (const count of counts) assertShare(count, 20_000, 0.1);
});
