/** A simulation as an SVG chart, and as a page that holds it: a stacked column for each step of a rollout, else a bar for each destination. */
import { escapeMarkup } from '../markup.ts';
import type { SimulationReport } from './simulate.ts';
import { simulationText } from './text.ts';

const WIDTH = 760;
const LEFT = 60;
const BAR_HEIGHT = 26;
const PLOT_HEIGHT = 260;
const HUES = ['#0969da', '#bf3989', '#1a7f37', '#bc4c00', '#8250df', '#9a6700', '#0598a8', '#cf222e'];

/** The chart, without a final line end. */
export function simulationSvg(report: SimulationReport): string {
  const { targets, steps } = report;
  const plot = steps.length > 1 ? columns(report) : bars(report);
  const legendTop = plot.height + 24;
  const legend = targets.map(({ target, percent }, index) => {
    const y = legendTop + index * 20;
    return `<rect x="${LEFT}" y="${y - 11}" width="12" height="12" fill="${hue(index)}"/><text x="${LEFT + 20}" y="${y}">${escapeMarkup(target)}: ${rounded(percent)} %</text>`;
  });
  const height = legendTop + targets.length * 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Share of requests by destination">`,
    STYLE,
    ...plot.parts,
    ...legend,
    '</svg>',
  ].join('\n');
}

/** A page with the chart and the report in words, which loads nothing from elsewhere. */
export function simulationHtml(report: SimulationReport, title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title>
<style>
:root { color-scheme: light dark; } body { font: 15px system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
svg { max-width: 100%; height: auto; } pre { overflow-x: auto; }
</style>
</head>
<body>
<h1>${escapeMarkup(title)}</h1>
${simulationSvg(report)}
<pre>${escapeMarkup(simulationText(report))}</pre>
</body>
</html>`;
}

const STYLE = `<style>
svg { background: #ffffff; font: 13px system-ui, sans-serif; } text { fill: #1b1f24; } .dim { fill: #57606a; font-size: 11px; } line { stroke: #d0d7de; } .spread { stroke: #1b1f24; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) { svg { background: #0d1117; } text { fill: #e6edf3; } .dim { fill: #8d96a0; } line { stroke: #30363d; } .spread { stroke: #e6edf3; } }
</style>`;

interface Plot {
  readonly parts: readonly string[];
  readonly height: number;
}

/** One bar for each destination, with the bounds of its true share. */
function bars({ targets }: SimulationReport): Plot {
  const x = (percent: number): number => round(LEFT + ((WIDTH - LEFT - 20) * percent) / 100);
  const height = 30 + targets.length * (BAR_HEIGHT + 8);
  const grid = [0, 25, 50, 75, 100].map(
    (percent) =>
      `<line x1="${x(percent)}" y1="20" x2="${x(percent)}" y2="${height}"/><text class="dim" text-anchor="middle" x="${x(percent)}" y="14">${percent} %</text>`,
  );
  const drawn = targets.map(({ percent, interval: [low, high] }, index) => {
    const y = 26 + index * (BAR_HEIGHT + 8);
    const middle = y + BAR_HEIGHT / 2;
    return `<rect x="${x(0)}" y="${y}" width="${round(x(percent) - x(0))}" height="${BAR_HEIGHT}" fill="${hue(index)}"/><line class="spread" x1="${x(low)}" y1="${middle}" x2="${x(high)}" y2="${middle}"/>`;
  });
  return { parts: [...grid, ...drawn], height };
}

/** One stacked column for each step. */
function columns({ steps, targets }: SimulationReport): Plot {
  const order = targets.map(({ target }) => target);
  const top = 20;
  const y = (percent: number): number => round(top + (PLOT_HEIGHT * (100 - percent)) / 100);
  const step = (WIDTH - LEFT - 20) / steps.length;
  const grid = [0, 25, 50, 75, 100].map(
    (percent) =>
      `<line x1="${LEFT}" y1="${y(percent)}" x2="${WIDTH - 20}" y2="${y(percent)}"/><text class="dim" text-anchor="end" x="${LEFT - 8}" y="${y(percent) + 4}">${percent} %</text>`,
  );
  const drawn = steps.flatMap(({ label, targets: own }, place) => {
    let before = 0;
    const x = round(LEFT + place * step);
    const parts = order.map((target, index) => {
      const percent = own.find((each) => each.target === target)?.percent ?? 0;
      const from = before;
      before += percent;
      return `<rect x="${x}" y="${y(before)}" width="${round(step - 2)}" height="${round(y(from) - y(before))}" fill="${hue(index)}"/>`;
    });
    // Labels of many columns would run into each other.
    const isLabelled = step > 36 || place % Math.ceil(36 / step) === 0;
    const text = `<text class="dim" text-anchor="middle" x="${round(x + step / 2)}" y="${top + PLOT_HEIGHT + 16}">${escapeMarkup(label)}</text>`;
    return [...parts, ...(isLabelled ? [text] : [])];
  });
  return { parts: [...grid, ...drawn], height: top + PLOT_HEIGHT + 20 };
}

const hue = (index: number): string => HUES[index % HUES.length]!;
const round = (value: number): number => Math.round(value * 10) / 10;
const rounded = (value: number): number => Number(value.toFixed(2));
