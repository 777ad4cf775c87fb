/**
 * Request counts and durations for Prometheus. prom-client, which needs node's modules, is loaded when metrics are
 * first read. A registry of its own, so that two gateways in one process do not mix.
 */
import type { Metric, Registry } from 'prom-client';
import type { MetricSink } from './metric.ts';
import { BUCKETS, type Durations, LABELS, RequestCount } from './request-count.ts';

/** Counts for Prometheus. */
export interface PrometheusMetrics extends MetricSink {
  /** Also counts resources by their state, and what is wrong in the texts, read when metrics are. Call it once. */
  watchConfig(current: () => WatchedConfig): void;
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

/** What is loaded. */
export interface WatchedConfig {
  readonly states: readonly { readonly state: string }[];
  readonly issues: readonly { readonly severity: string }[];
}

const CONFIG_STATES = ['active', 'last-good', 'hidden', 'refused'] as const;

/**
 * Metrics `pointsman_requests_total` and `pointsman_request_duration_seconds`, by host, subset, route, status,
 * gRPC status and response flag (durations by host and subset alone). What was routed nowhere has an empty host.
 */
export function prometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const requests = new RequestCount(options.maxSeries ?? 5000);
  let config: (() => WatchedConfig) | undefined;
  let registry: Promise<Registry> | undefined;
  return {
    watchConfig(given) {
      config = given;
    },
    requestEnded: (outcome) => requests.requestEnded(outcome),
    async expose() {
      registry ??= registryOf(requests, () => config?.());
      const loaded = await registry;
      return { contentType: loaded.contentType, text: await loaded.metrics() };
    },
  };
}

async function registryOf(
  requests: RequestCount,
  config: () => WatchedConfig | undefined,
): Promise<Registry> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  new Counter({
    name: 'pointsman_requests_total',
    help: 'Requests answered, by destination, route and outcome.',
    labelNames: LABELS,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, count } of requests.series) this.inc(labels, count);
    },
  });
  registry.registerMetric(histogramOf(requests));
  new Gauge({
    name: 'pointsman_config_resources',
    help: 'Resources by state: active, last-good (a newer text is refused), hidden, refused.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const known = config();
      if (!known) return;
      for (const state of CONFIG_STATES)
        this.set({ state }, known.states.filter((each) => each.state === state).length);
    },
  });
  new Gauge({
    name: 'pointsman_config_issues',
    help: 'What is wrong in the rule files there now, files that cannot be read included, by severity.',
    labelNames: ['severity'],
    registers: [registry],
    collect() {
      const known = config();
      if (!known) return;
      for (const severity of ['error', 'warning'])
        this.set({ severity }, known.issues.filter((each) => each.severity === severity).length);
    },
  });
  return registry;
}

/** A histogram whose values were counted elsewhere: what a registry asks of a metric is its name and `get`. */
function histogramOf(requests: RequestCount): Metric {
  const name = 'pointsman_request_duration_seconds';
  const get = async () => ({
    name,
    help: 'Time from the head of a request to the last byte of its response.',
    type: 'histogram',
    aggregator: 'sum',
    values: [...requests.durations].flatMap((durations) => valuesOf(name, durations)),
  });
  return { name, get, reset() {} } as unknown as Metric;
}

function valuesOf(name: string, { host, subset, counts, sum }: Durations): object[] {
  const labels = { host, subset };
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return {
      metricName: `${name}_bucket`,
      labels: { le: BUCKETS[index] ?? '+Inf', ...labels },
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
