/**
 * Request counts and durations for Prometheus. Requests are counted in plain numbers, a record a label set, and become
 * prom-client's metrics when they are read. A registry of its own, so that two gateways in one process do not mix.
 * Loaded only where metrics are served: prom-client needs node's modules.
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { MetricSink, RequestOutcome } from './metric.ts';

/** Counts for Prometheus. */
export interface PrometheusMetrics extends MetricSink {
  /** Also counts resources by their state, read when metrics are. Call it once. */
  watchConfig(states: () => readonly { readonly state: string }[]): void;
  /** The text exposition and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** See {@link prometheusMetrics}. */
export interface PrometheusOptions {
  /**
   * Label sets that are told apart; requests with further ones are counted under host and route `other`. Rules
   * come and go, memory must not grow with them. Default 5000.
   */
  readonly maxSeries?: number;
}

const CONFIG_STATES = ['active', 'last-good', 'hidden', 'refused'] as const;
const LABELS = ['host', 'subset', 'route', 'status', 'grpc_status', 'response_flag'] as const;
/** Upper bounds in seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Series looked at before a key is made: traffic comes in runs of few. */
const RECENT = 8;

type Labels = Record<(typeof LABELS)[number], string>;

/** What is counted of one destination. */
interface Durations {
  readonly host: string;
  readonly subset: string;
  /** Requests at most as long as each bound, the last one for longer ones; not cumulative. */
  readonly counts: number[];
  sum: number;
}

/** What is counted of one label set. */
interface Series {
  readonly outcome: RequestOutcome;
  readonly labels: Labels;
  readonly durations: Durations;
  count: number;
}

/**
 * Metrics `pointsman_requests_total` and `pointsman_request_duration_seconds`, by host, subset, route, status,
 * gRPC status and response flag (durations by host and subset alone). What was routed nowhere has an empty host.
 */
export function prometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const { maxSeries = 5000 } = options;
  const registry = new Registry();
  const series = new Map<string, Series>();
  const durations = new Map<string, Durations>();
  const recent: Series[] = [];
  let oldest = 0;

  const find = (outcome: RequestOutcome): Series => {
    let labels = labelsOf(outcome);
    let key = keyOf(labels);
    if (!series.has(key) && series.size >= maxSeries) {
      labels = { ...labels, host: 'other', subset: '', route: 'other' };
      key = keyOf(labels);
    }
    let found = series.get(key);
    if (!found) {
      found = { outcome, labels, durations: durationsOf(durations, labels), count: 0 };
      series.set(key, found);
    }
    // Of those counted as other each has an outcome of its own: only a series' own outcome finds it again.
    if (isSame(found.outcome, outcome)) {
      recent[oldest] = found;
      oldest = (oldest + 1) % RECENT;
    }
    return found;
  };

  new Counter({
    name: 'pointsman_requests_total',
    help: 'Requests answered, by destination, route and outcome.',
    labelNames: LABELS,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, count } of series.values()) this.inc(labels, count);
    },
  });
  registry.registerMetric(histogramOf(durations));
  return {
    watchConfig(states) {
      new Gauge({
        name: 'pointsman_config_resources',
        help: 'Resources by state: active, last-good (a newer text is refused), hidden, refused.',
        labelNames: ['state'],
        registers: [registry],
        collect() {
          for (const state of CONFIG_STATES)
            this.set({ state }, states().filter((each) => each.state === state).length);
        },
      });
    },
    requestEnded(outcome) {
      let counted: Series | undefined;
      for (let index = 0; index < recent.length && counted === undefined; index++)
        if (isSame(recent[index]!.outcome, outcome)) counted = recent[index];
      counted ??= find(outcome);
      counted.count++;
      observe(counted.durations, outcome.durationMs / 1000);
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function isSame(a: RequestOutcome, b: RequestOutcome): boolean {
  return (
    a.status === b.status &&
    a.host === b.host &&
    a.subset === b.subset &&
    a.route === b.route &&
    a.grpcStatus === b.grpcStatus &&
    a.flag === b.flag
  );
}

function keyOf(labels: Labels): string {
  return LABELS.map((label) => labels[label]).join('\n');
}

function durationsOf(all: Map<string, Durations>, { host, subset }: Labels): Durations {
  const key = `${host}\n${subset}`;
  let found = all.get(key);
  if (!found) {
    found = { host, subset, counts: new Array(BUCKETS.length + 1).fill(0), sum: 0 };
    all.set(key, found);
  }
  return found;
}

function observe(durations: Durations, seconds: number): void {
  let bucket = 0;
  while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
  durations.counts[bucket]!++;
  durations.sum += seconds;
}

/** A histogram whose values were counted elsewhere: what a registry asks of a metric is its name and `get`. */
function histogramOf(all: ReadonlyMap<string, Durations>): Metric {
  const name = 'pointsman_request_duration_seconds';
  const get = async () => ({
    name,
    help: 'Time from the head of a request to the last byte of its response.',
    type: 'histogram',
    aggregator: 'sum',
    values: [...all.values()].flatMap((durations) => valuesOf(name, durations)),
  });
  return { name, get, reset() {} } as unknown as Metric;
}

function valuesOf(name: string, { host, subset, counts, sum }: Durations): object[] {
  const labels = { host, subset };
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: BUCKETS[index] ?? '+Inf', ...labels }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}

function labelsOf(outcome: RequestOutcome): Labels {
  const { host = '', subset = '', route = '', status, grpcStatus, flag } = outcome;
  return {
    host,
    subset,
    route,
    status: `${status}`,
    // A peer may write anything here; only the statuses that exist make series.
    grpc_status:
      grpcStatus === undefined ? '' : grpcStatus >= 0 && grpcStatus <= 16 ? `${grpcStatus}` : 'other',
    response_flag: flag ?? '-',
  };
}
