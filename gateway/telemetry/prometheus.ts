/**
 * Request counts and durations for Prometheus. prom-client, which needs node's modules, is loaded when metrics are
 * first read. A registry of its own, so that two gateways in one process do not mix.
 */
import type { Registry } from 'prom-client';
import { type ClusterCounters, exposeClusters } from './cluster-metric.ts';
import { histogramMetric } from './histogram.ts';
import { IstioRequests, type IstioSource } from './istio-request.ts';
import type { MetricSink } from './metric.ts';
import { exposeMirrors, type MirrorCounters } from './mirror-metric.ts';
import { LABELS, RequestCount } from './request-count.ts';

/** Counts for Prometheus. */
export interface PrometheusMetrics extends MetricSink {
  /** Also counts resources by their state, and what is wrong in the texts, read when metrics are. Call it once. */
  watchConfig(current: () => WatchedConfig): void;
  /** Also tells Envoy's counters of each cluster that was asked for something, read when metrics are. Call it once. */
  watchClusters(current: () => readonly ClusterCounters[]): void;
  /** Also counts comparisons of mirrors, read when metrics are. Call it once. */
  watchMirrors(current: () => readonly MirrorCounters[]): void;
  /** The text exposition and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** See {@link prometheusMetrics}. */
export interface PrometheusOptions {
  /**
   * Label sets that are told apart; requests with further ones are counted under host and route `other`, the class of
   * their status (`5xx`) and flag `other`, in 60 sets at most. Rules come and go, and upstreams may answer with any
   * status: memory must not grow with them. Default 5000.
   */
  readonly maxSeries?: number;
  /** The same for Istio's metrics, whose histograms are large; further ones are of destination `unknown`. Default 500. */
  readonly maxIstioSeries?: number;
  /** Whom Istio's metrics name as the source. */
  readonly source?: IstioSource;
}

/** What is loaded. */
export interface WatchedConfig {
  readonly states: readonly { readonly state: string }[];
  readonly issues: readonly { readonly severity: string }[];
  /** Those that have a peer. */
  readonly sources?: readonly {
    readonly name: string;
    readonly state: string;
    readonly since: string;
    readonly refused?: readonly unknown[];
  }[];
}

const CONFIG_STATES = ['active', 'last-good', 'hidden', 'refused'] as const;

/**
 * Metrics `pointsman_requests_total` and `pointsman_request_duration_seconds`, by host, subset, route, status,
 * gRPC status and response flag (durations by host and subset alone); what was routed nowhere has an empty host. And
 * Istio's `istio_requests_total`, `istio_request_duration_milliseconds`, `istio_request_bytes` and
 * `istio_response_bytes` with Istio's labels.
 */
export function prometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const { maxSeries = 5000, maxIstioSeries = 500, source = {} } = options;
  const requests = new RequestCount(maxSeries, new IstioRequests(source, maxIstioSeries));
  let config: (() => WatchedConfig) | undefined;
  let clusters: (() => readonly ClusterCounters[]) | undefined;
  let mirrors: (() => readonly MirrorCounters[]) | undefined;
  let registry: Promise<Registry> | undefined;
  return {
    watchConfig(given) {
      config = given;
    },
    watchClusters(given) {
      clusters = given;
    },
    watchMirrors(given) {
      mirrors = given;
    },
    requestEnded: (outcome) => requests.requestEnded(outcome),
    async expose() {
      registry ??= registryOf(requests, () => config?.());
      const loaded = await registry;
      const text = [
        await loaded.metrics(),
        await requests.istio.expose(),
        exposeClusters(clusters?.() ?? []),
        exposeMirrors(mirrors?.() ?? []),
      ];
      return { contentType: loaded.contentType, text: text.join('') };
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
  registry.registerMetric(
    histogramMetric(
      'pointsman_request_duration_seconds',
      'Time from the head of a request to the last byte of its response.',
      () => requests.durations,
    ),
  );
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
  const ofSources = (
    name: string,
    help: string,
    numberOf: (source: NonNullable<WatchedConfig['sources']>[number]) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['source'],
      registers: [registry],
      collect() {
        this.reset();
        for (const source of config()?.sources ?? []) this.set({ source: source.name }, numberOf(source));
      },
    });
  ofSources(
    'pointsman_source_connected',
    '1 while the peer that rules come from answers, else 0; the rules that it sent last stay in effect.',
    ({ state }) => Number(state === 'connected'),
  );
  ofSources(
    'pointsman_source_since_seconds',
    'Unix time since when it stands so.',
    ({ since }) => Date.parse(since) / 1000,
  );
  ofSources(
    'pointsman_source_refused',
    'Resources that the peer has sent and that are not in effect.',
    ({ refused }) => refused?.length ?? 0,
  );
  return registry;
}
