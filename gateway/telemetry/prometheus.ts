/**
 * Request counts and durations for Prometheus. A registry of its own, so that two gateways in one process do not
 * mix. Loaded only where metrics are served: prom-client needs node's modules.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
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

/**
 * Metrics `pointsman_requests_total` and `pointsman_request_duration_seconds`, by host, subset, route, status,
 * gRPC status and response flag (durations by host and subset alone). What was routed nowhere has an empty host.
 */
export function prometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const { maxSeries = 5000 } = options;
  const registry = new Registry();
  const requests = new Counter({
    name: 'pointsman_requests_total',
    help: 'Requests answered, by destination, route and outcome.',
    labelNames: LABELS,
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'pointsman_request_duration_seconds',
    help: 'Time from the head of a request to the last byte of its response.',
    labelNames: ['host', 'subset'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const known = new Set<string>();
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
      let labels = labelsOf(outcome);
      const key = LABELS.map((label) => labels[label]).join('\n');
      if (!known.has(key)) {
        if (known.size < maxSeries) known.add(key);
        else labels = { ...labels, host: 'other', subset: '', route: 'other' };
      }
      requests.inc(labels);
      durations.observe({ host: labels.host, subset: labels.subset }, outcome.durationMs / 1000);
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function labelsOf(outcome: RequestOutcome): Record<(typeof LABELS)[number], string> {
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
