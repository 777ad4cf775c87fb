/** A simulation on a terminal: bars with what is certain about them, and the steps of a rollout below each other. */
import type { SimulationReport, TargetCount } from './simulate.ts';

/** How {@link simulationText} prints. */
export interface SimulationFormat {
  /** Terminal colours. Default false. */
  readonly color?: boolean;
}

const WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/** Of the parts of one bar, without colours. */
const FILLS = ['█', '░', '▓', '▒'];
const COLORS = [34, 35, 32, 33, 36, 31];

/** The report in words and bars, without a final line end. */
export function simulationText(report: SimulationReport, { color = false }: SimulationFormat = {}): string {
  const { requests, seed, targets, steps } = report;
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [`${number(requests)} ${requests === 1 ? 'request' : 'requests'}, seed ${seed}`];
  const widest = Math.max(0, ...targets.map(({ target }) => target.length));
  for (const [index, each] of targets.entries()) {
    const hue = COLORS[index % COLORS.length]!;
    lines.push(`  ${each.target.padEnd(widest)}  ${paint(hue, bar(each.percent))}  ${countText(each)}`);
  }
  if (steps.length > 1) lines.push('', ...stepLines(report, paint));
  lines.push('', ...factLines(report));
  return lines.join('\n');
}

function countText({ count, percent, interval, intended }: TargetCount): string {
  const [low, high] = interval;
  const meant =
    intended === undefined
      ? ''
      : `, ${rounded(intended)} % intended${isOff(interval, intended) ? ': not by chance' : ''}`;
  return `${number(count)} = ${rounded(percent)} % (${rounded(low)} to ${rounded(high)} %)${meant}`;
}

/** True where the weights lie outside of what chance explains. */
function isOff([low, high]: readonly [number, number], intended: number): boolean {
  // Bounds that are right 95 times of 100 are wrong too often to cry wolf: twice their distance is never seen.
  const slack = (high - low) / 2;
  return intended < low - slack || intended > high + slack;
}

function bar(percent: number): string {
  const eighths = Math.round((percent / 100) * WIDTH * 8);
  return ('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!).padEnd(WIDTH);
}

/** One stacked bar for each step. */
function stepLines(
  { steps, targets }: SimulationReport,
  paint: (code: number, text: string) => string,
): string[] {
  const order = targets.map(({ target }) => target);
  const widest = Math.max(...steps.map(({ label }) => label.length));
  const legend = order.map(
    (target, index) => `${paint(COLORS[index % COLORS.length]!, FILLS[index % FILLS.length]!)} ${target}`,
  );
  return [
    `  ${' '.repeat(widest)}  ${legend.join('  ')}`,
    ...steps.map(({ label, targets: own }) => {
      let before = 0;
      const parts = order.map((target, index) => {
        const percent = own.find((each) => each.target === target)?.percent ?? 0;
        const from = Math.round((before / 100) * WIDTH);
        before += percent;
        const size = Math.round((before / 100) * WIDTH) - from;
        return paint(COLORS[index % COLORS.length]!, FILLS[index % FILLS.length]!.repeat(size));
      });
      const shares = order.map(
        (target) => `${rounded(own.find((each) => each.target === target)?.percent ?? 0)} %`,
      );
      return `  ${label.padStart(widest)}  ${parts.join('')}  ${shares.join(' / ')}`;
    }),
  ];
}

/** What else is worth a line. */
function factLines(report: SimulationReport): string[] {
  const { statuses, latency, retried, requests, delayed, aborted, mirrors, users } = report;
  const share = (count: number): string => `${rounded((100 * count) / requests)} %`;
  return [
    `answers: ${statuses.map(({ status, percent }) => `${status} ${rounded(percent)} %`).join(', ')}`,
    ...(latency.p99 > 0
      ? [
          `time: p50 ${milliseconds(latency.p50)}, p95 ${milliseconds(latency.p95)}, p99 ${milliseconds(latency.p99)}`,
        ]
      : []),
    ...(retried > 0 ? [`tried again: ${share(retried)}`] : []),
    ...(delayed + aborted > 0 ? [`faults: ${share(delayed)} delayed, ${share(aborted)} aborted`] : []),
    ...mirrors.map(({ target, count }) => `copies to ${target}: ${number(count)} (${share(count)})`),
    ...(users
      ? [`users: ${number(users.withSeveral)} of ${number(users.count)} saw more than one of these`]
      : []),
  ];
}

const rounded = (value: number): number => Number(value.toFixed(2));
const number = (value: number): string => String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
const milliseconds = (ms: number): string => `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
