/** A histogram in plain numbers, and how Prometheus reads it. Imports prom-client's types alone. */
import type { Metric } from 'prom-client';

/** Counts values by upper bounds. */
export class Histogram {
  /** Rising; beyond the last one there is one bucket more. */
  readonly bounds: readonly number[];
  /** By bucket, not cumulative. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  /** Counts one value, which belongs to the first bucket whose bound it does not exceed. */
  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
  }
}

/** A label set with what was counted of it. */
export interface LabelledHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: Histogram;
}

/** A metric of histograms that are kept elsewhere: what a registry asks of a metric is its name and `get`. */
export function histogramMetric(name: string, help: string, all: () => Iterable<LabelledHistogram>): Metric {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...all()].flatMap((each) => valuesOf(name, each)),
  });
  return { name, get, reset() {} } as unknown as Metric;
}

function valuesOf(name: string, { labels, histogram }: LabelledHistogram): object[] {
  const { bounds, counts, sum } = histogram;
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf', ...labels }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
