/**
 * Prometheus' text for metrics of many labels. prom-client writes each label of each line anew, which takes seconds
 * for a thousand of Istio's histograms, and the requests of a gateway wait meanwhile; here a label set is written once.
 * Imports nothing of a library.
 */
import type { Histogram } from './histogram.ts';

/** A label set as it stands between the braces: `reporter="source",response_code="200"`. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

/** One counter or gauge. `values` are label texts with their numbers. */
export function writeNumbers(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  values: Iterable<readonly [labels: string, value: number]>,
): string {
  let text = heading(name, type, help);
  for (const [labels, value] of values) text += `${name}{${labels}} ${value}\n`;
  return text;
}

/** So many label sets of a histogram are written between two pauses: some milliseconds. */
const AT_ONCE = 50;

/** One histogram. `values` are label texts with what was counted. Other work goes on while many are written. */
export async function writeHistograms(
  name: string,
  help: string,
  values: readonly (readonly [labels: string, histogram: Histogram])[],
): Promise<string> {
  const texts = [heading(name, 'histogram', help)];
  for (let at = 0; at < values.length; at += AT_ONCE) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    texts.push(histogramLines(name, values.slice(at, at + AT_ONCE)));
  }
  return texts.join('');
}

function histogramLines(
  name: string,
  values: readonly (readonly [labels: string, histogram: Histogram])[],
): string {
  let text = '';
  for (const [labels, { bounds, counts, sum }] of values) {
    let total = 0;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      total += counts[bucket]!;
      text += `${name}_bucket{${labels},le="${bounds[bucket] ?? '+Inf'}"} ${total}\n`;
    }
    text += `${name}_sum{${labels}} ${sum}\n${name}_count{${labels}} ${total}\n`;
  }
  return text;
}

function heading(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** Source: Prometheus' text format, version 0.0.4 (label values). */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
