/** Live traffic: the gateway as a whole, its destinations, and splits as intended and as seen. */
import type { HostNode, RuleNode } from '../rule-tree.ts';
import type { Counts, RuleCounts, TrafficReport } from '../traffic.ts';
import { Course } from './chart.ts';
import { byId, element, table } from './element.ts';
import { type Rate, sumOf, Window, WindowSet } from './rate.ts';
import { chanceText, numberText, percentText, timeText } from './text.ts';

/** Rates are those of the last 10 seconds. */
const WINDOW_MS = 10_000;
/** A minute at two samples a second. */
const COURSE_LENGTH = 120;
/** Rows beyond these make the page slow; those with the most requests are shown. */
const MAX_ROWS = 200;

/** Fills the view anew with each report. */
export function trafficView(): (report: TrafficReport, hosts: readonly HostNode[], atMs: number) => void {
  const figures = {
    requests: new Course('requests/s', COURSE_LENGTH),
    errors: new Course('errors', COURSE_LENGTH),
    p50: new Course('p50', COURSE_LENGTH),
    p95: new Course('p95', COURSE_LENGTH),
    p99: new Course('p99', COURSE_LENGTH),
  };
  const splits = element('div', { class: 'splits' });
  const destinations = element('div');
  const routes = element('div');
  byId('traffic').append(
    element('div', { class: 'figures' }, ...Object.values(figures).map(({ node }) => node)),
    splits,
    destinations,
    routes,
  );
  const whole = new Window(WINDOW_MS);
  const windows = { Destinations: new WindowSet(WINDOW_MS), Routes: new WindowSet(WINDOW_MS) };
  return (report, hosts, atMs) => {
    const { boundsMs } = report;
    const rateTable = (
      what: keyof typeof windows,
      heads: readonly string[],
      all: readonly { readonly key: string; readonly cells: readonly string[]; readonly counts: Counts }[],
    ): HTMLElement => {
      const rates = windows[what].rates(atMs, all, boundsMs);
      const rows = all
        .map(({ cells, counts }, index) => ({ cells, counts, rate: rates[index]! }))
        .sort((a, b) => b.counts.count - a.counts.count)
        .slice(0, MAX_ROWS)
        .map(({ cells, counts, rate }) => [...cells, ...rateCells(rate, counts)]);
      return table(`${what}, rates of the last 10 s`, [...heads, ...RATE_HEADS], rows);
    };
    whole.add(atMs, sumOf(report.destinations));
    const all = whole.rate(boundsMs);
    figures.requests.add(all.perSecond, numberText(all.perSecond));
    figures.errors.add(all.errorShare, percentText(all.errorShare));
    figures.p50.add(all.p50, timeText(all.p50));
    figures.p95.add(all.p95, timeText(all.p95));
    figures.p99.add(all.p99, timeText(all.p99));
    const counts = new Map(report.rules.map((each) => [each.id, each]));
    // Also without a row, so that all rates begin at the same time.
    const reached = rateTable(
      'Destinations',
      ['host', 'subset'],
      report.destinations.map((each) => {
        const cells = destinationCells(each);
        return { key: JSON.stringify(cells), cells, counts: each };
      }),
    );
    destinations.replaceChildren(
      report.destinations.length === 0
        ? element('p', { class: 'notice' }, 'No request yet. Send one, and it is counted here.')
        : reached,
    );
    const taken = hosts.flatMap((host) =>
      host.rules.flatMap((rule) => {
        const own = counts.get(rule.id);
        return own ? [{ key: ruleKey(rule), cells: ruleCells(host, rule), counts: own }] : [];
      }),
    );
    const met = rateTable('Routes', ['host', 'route'], taken);
    routes.replaceChildren(...(taken.length === 0 ? [] : [met]));
    splits.replaceChildren(
      ...hosts
        .flatMap((host) =>
          host.rules
            .filter(({ id, destinations: { length } }) => length > 1 && counts.has(id))
            .map((rule) => splitCard(host, rule, counts.get(rule.id)!)),
        )
        .slice(0, MAX_ROWS),
    );
  };
}

const RATE_HEADS = ['requests/s', 'total', 'errors', 'p50', 'p95', 'p99'];

function destinationCells({ host, subset }: TrafficReport['destinations'][number]): string[] {
  return [
    host === '' ? 'no destination' : host.replace(/\.svc\.cluster\.local$/, ''),
    subset === '' ? '–' : subset,
  ];
}

/** What is counted as one rule, as long as it stands where it stood and takes the same requests. */
function ruleKey({ origin: { kind, namespace, name, index, matchIndex }, conditions }: RuleNode): string {
  return JSON.stringify([kind, namespace, name, index, matchIndex, conditions]);
}

/** The rule by its name where it has one, as people speak of it by that. */
function ruleCells({ names }: HostNode, { name, conditions }: RuleNode): string[] {
  const condition = conditions.join(' and ') || 'all requests';
  return [names[0] ?? '', name === undefined ? condition : `${name}: ${condition}`];
}

function rateCells({ perSecond, p50, p95, p99 }: Rate, { count, errors }: Counts): string[] {
  return [
    numberText(perSecond),
    numberText(count),
    count === 0 ? '–' : `${numberText(errors)} (${percentText(errors / count)})`,
    timeText(p50),
    timeText(p95),
    timeText(p99),
  ];
}

/** What the rule intends beside what was seen. */
function splitCard(
  { names }: HostNode,
  { conditions, destinations, isDrawn }: RuleNode,
  counts: RuleCounts,
): HTMLElement {
  const total = counts.drawn.reduce((sum, count) => sum + count, 0);
  const weights = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const { text, mood } = isDrawn
    ? chanceText(counts.chance)
    : ({ text: 'users stick to their version, so counts need not follow', mood: 'none' } as const);
  return element(
    'article',
    { class: 'split' },
    element('h3', {}, `${names[0] ?? ''}: ${conditions.join(' and ') || 'all requests'}`),
    ...destinations.map(({ target, weight }, index) => {
      const want = weights === 0 ? 0 : weight / weights;
      const seen = total === 0 ? 0 : (counts.drawn[index] ?? 0) / total;
      return element(
        'div',
        { class: 'share' },
        element('span', { class: 'target' }, target),
        element('meter', { min: 0, max: 1, value: want, class: 'want', title: 'intended' }),
        element('span', {}, `intended ${percentText(want)}`),
        element('meter', { min: 0, max: 1, value: seen, class: 'seen', title: 'observed' }),
        element('span', {}, `observed ${percentText(seen)} (${numberText(counts.drawn[index] ?? 0)})`),
      );
    }),
    element('p', { class: `verdict ${mood}` }, text),
  );
}
