/**
 * Istio's standard metrics of requests, as a client's sidecar reports them: their labels and buckets, and the plain
 * numbers behind them. Imports nothing of a metrics library.
 *
 * Source: Istio proxy `source/extensions/filters/http/istio_stats/istio_stats.cc` (IstioStatsFilter, reporter `source`).
 */
import { labelText, writeHistograms, writeNumbers } from './exposition.ts';
import { Histogram } from './histogram.ts';
import type { RequestOutcome } from './metric.ts';

/** On whose behalf requests are sent. */
export interface IstioSource {
  /** Default `default`. */
  readonly namespace?: string;
  /** `app`, `version` and the canonical name and revision are read. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Name of the workload, as `ISTIO_META_WORKLOAD_NAME` gives it. Default `unknown`. */
  readonly workload?: string;
  /** Name of the cluster, as `ISTIO_META_CLUSTER_ID` gives it. Default `unknown`. */
  readonly cluster?: string;
}

/**
 * Upper bounds of all three histograms: milliseconds of durations, bytes of sizes.
 *
 * Source: Envoy `source/common/stats/histogram_impl.cc` (HistogramSettingsImpl::defaultBuckets), which Istio leaves alone.
 */
const BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** What is counted of one label set. */
export interface IstioSeries {
  /** As text, with all of Istio's labels in its order. */
  readonly labels: string;
  readonly durationMs: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  count: number;
}

/**
 * Label sets as they come up, `maxSeries` of them; further ones are counted under the destination `unknown` and
 * {@link coarseOf} their outcome.
 */
export class IstioRequests {
  readonly #series = new Map<string, IstioSeries>();
  readonly #source: SourceLabels;
  readonly #maxSeries: number;

  constructor(source: IstioSource, maxSeries: number) {
    this.#source = sourceLabels(source);
    this.#maxSeries = maxSeries;
  }

  /** The four metrics in Prometheus' text. */
  async expose(): Promise<string> {
    const all = [...this.#series.values()];
    const texts = [
      writeNumbers(
        'istio_requests_total',
        'counter',
        'Requests, as an Istio sidecar counts them.',
        all.map(({ labels, count }) => [labels, count]),
      ),
    ];
    for (const [name, field, help] of HISTOGRAMS)
      texts.push(
        await writeHistograms(
          name,
          help,
          all.map((series) => [series.labels, series[field]]),
        ),
      );
    return texts.join('');
  }

  /** The series of an outcome. */
  find(outcome: RequestOutcome): IstioSeries {
    const labels = outcomeLabels(outcome);
    const known = this.#series.get(keyOf(outcome, labels));
    if (known) return known;
    return this.#series.size < this.#maxSeries
      ? this.#add(outcome, labels)
      : this.#findCoarse(outcome, labels);
  }

  #findCoarse(outcome: RequestOutcome, labels: OutcomeLabels): IstioSeries {
    const nowhere = { ...outcome, host: undefined, subset: undefined, endpointLabels: undefined };
    const { response_code, grpc_response_status, response_flags } = labels;
    const { status, grpcStatus, flag } = coarseOf(response_code, grpc_response_status, response_flags);
    const coarse = {
      ...labels,
      response_code: status,
      grpc_response_status: grpcStatus,
      response_flags: flag,
    };
    return this.#series.get(keyOf(nowhere, coarse)) ?? this.#add(nowhere, coarse);
  }

  #add(outcome: RequestOutcome, labels: OutcomeLabels): IstioSeries {
    const series: IstioSeries = {
      labels: labelText({
        reporter: 'source',
        ...this.#source,
        ...destinationLabels(outcome),
        ...labels,
      }),
      durationMs: new Histogram(BUCKETS),
      requestBytes: new Histogram(BUCKETS),
      responseBytes: new Histogram(BUCKETS),
      count: 0,
    };
    this.#series.set(keyOf(outcome, labels), series);
    return series;
  }
}

const HISTOGRAMS = [
  ['istio_request_duration_milliseconds', 'durationMs', 'Time from a request to the end of its response.'],
  ['istio_request_bytes', 'requestBytes', 'Bytes of request bodies.'],
  ['istio_response_bytes', 'responseBytes', 'Bytes of response bodies.'],
] as const;

/** Counts one request. */
export function countIstio(series: IstioSeries, outcome: RequestOutcome): void {
  series.count++;
  // Istio's are whole milliseconds.
  series.durationMs.observe(Math.trunc(outcome.durationMs));
  series.requestBytes.observe(outcome.requestBytes);
  series.responseBytes.observe(outcome.responseBytes);
}

/** True for endpoints that the metrics do not tell apart. */
export function isSameWorkload(
  a: RequestOutcome['endpointLabels'],
  b: RequestOutcome['endpointLabels'],
): boolean {
  if (!a || !b) return a === b;
  for (const name of LABELS_READ) if (a[name] !== b[name]) return false;
  return true;
}

/** A peer may write any number as its gRPC status; only those that exist make series. */
export function grpcStatusLabel(status: number | undefined): string {
  if (status === undefined) return '';
  return status >= 0 && status <= 16 ? `${status}` : 'other';
}

/** What is told of an outcome where there are too many of them: so little that it makes 60 label sets at most. */
export function coarseOf(status: string, grpcStatus: string, flag: string) {
  return {
    status: status === '0' ? status : `${status[0]}xx`,
    grpcStatus: grpcStatus === '' || grpcStatus === '0' ? grpcStatus : 'other',
    flag: flag === '-' ? flag : 'other',
  } as const;
}

const UNKNOWN = 'unknown';

type SourceLabels = ReturnType<typeof sourceLabels>;

function sourceLabels({ namespace, labels = {}, workload, cluster }: IstioSource) {
  const { service, revision } = canonicalOf(labels, workload);
  return {
    source_workload: workload || UNKNOWN,
    source_canonical_service: service,
    source_canonical_revision: revision,
    source_workload_namespace: namespace || 'default',
    // A connection's certificates are not known here: requests share connections.
    source_principal: UNKNOWN,
    source_app: labels['app'] || UNKNOWN,
    source_version: labels['version'] || UNKNOWN,
    source_cluster: cluster || UNKNOWN,
  } as const;
}

/** Names that are told of the workload of an endpoint with these labels. */
function destinationLabels({ host, subset, endpointLabels = {} }: RequestOutcome) {
  const { service, revision } = canonicalOf(endpointLabels, undefined);
  const { name, namespace } = serviceOf(host);
  return {
    destination_workload: UNKNOWN,
    destination_workload_namespace: namespace,
    destination_principal: UNKNOWN,
    destination_app: endpointLabels['app'] || UNKNOWN,
    destination_version: endpointLabels['version'] || subset || UNKNOWN,
    destination_service: host ?? UNKNOWN,
    destination_canonical_service: service,
    destination_canonical_revision: revision,
    destination_service_name: name,
    destination_service_namespace: namespace,
    destination_cluster: UNKNOWN,
  } as const;
}

type OutcomeLabels = Readonly<Record<keyof ReturnType<typeof outcomeLabels>, string>>;

function outcomeLabels({ protocol, status, grpcStatus, flag }: RequestOutcome) {
  return {
    request_protocol: protocol,
    response_code: `${status}`,
    grpc_response_status: protocol === 'grpc' ? grpcStatusLabel(grpcStatus) : '',
    response_flags: flag ?? '-',
    // Who asks cannot tell; Istio says this word, too.
    connection_security_policy: UNKNOWN,
  } as const;
}

/** Name and revision by which Istio's telemetry calls a workload. Source: Istio `pkg/kube/labels/labels.go` (CanonicalService). */
export function canonicalOf(labels: Readonly<Record<string, string>>, workload: string | undefined) {
  return {
    service:
      labels['service.istio.io/canonical-name'] ||
      labels['app.kubernetes.io/name'] ||
      labels['app'] ||
      workload ||
      UNKNOWN,
    revision:
      labels['service.istio.io/canonical-revision'] ||
      labels['app.kubernetes.io/version'] ||
      labels['version'] ||
      'latest',
  };
}

/** Name and namespace of a Kubernetes service; any other host is its own name. */
function serviceOf(host: string | undefined): { readonly name: string; readonly namespace: string } {
  if (host === undefined) return { name: UNKNOWN, namespace: UNKNOWN };
  const [name, namespace, svc] = host.split('.', 3);
  return svc === 'svc' && name && namespace ? { name, namespace } : { name: host, namespace: UNKNOWN };
}

/** Of all that labels are made of. */
function keyOf({ host, subset, endpointLabels }: RequestOutcome, labels: OutcomeLabels): string {
  const { request_protocol, response_code, grpc_response_status, response_flags } = labels;
  return JSON.stringify([
    host,
    subset,
    response_code,
    grpc_response_status,
    response_flags,
    request_protocol,
    endpointLabels && LABELS_READ.map((name) => endpointLabels[name]),
  ]);
}

/** Of an endpoint. */
const LABELS_READ = [
  'app',
  'version',
  'app.kubernetes.io/name',
  'app.kubernetes.io/version',
  'service.istio.io/canonical-name',
  'service.istio.io/canonical-revision',
];
