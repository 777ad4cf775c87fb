/**
 * Requests counted in plain numbers, a record a label set: cheap for each request, and nothing of a metrics library
 * before somebody reads them.
 */
import { Histogram } from './histogram.ts';
import {
  coarseOf,
  countIstio,
  grpcStatusLabel,
  type IstioRequests,
  type IstioSeries,
  isSameWorkload,
} from './istio-request.ts';
import type { MetricSink, RequestOutcome } from './metric.ts';

/** Labels of a request, in the order in which they are told. */
export const LABELS = ['host', 'subset', 'route', 'status', 'grpc_status', 'response_flag'] as const;

/** A label set. */
export type Labels = Readonly<Record<(typeof LABELS)[number], string>>;

/** Upper bounds of durations in seconds. */
const BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What is counted of one destination, in seconds. */
export interface Durations {
  readonly labels: { readonly host: string; readonly subset: string };
  readonly histogram: Histogram;
}

/** What is counted of one label set. */
export interface Series {
  readonly labels: Labels;
  readonly durations: Durations;
  count: number;
}

/** Where outcomes like this one are counted. */
interface Counted {
  readonly outcome: RequestOutcome;
  readonly series: Series;
  readonly istio: IstioSeries;
}

/** Of label sets that there was no room for. */
const NOWHERE = { host: 'other', subset: '', route: 'other' } as const;

/** Outcomes looked at before keys are made: traffic comes in runs of few. */
const RECENT = 8;

/**
 * See the module. Holds `maxSeries` label sets; requests with further ones are counted under host and route `other`, and
 * {@link coarseOf} their outcome.
 * `istio` holds Istio's, of which each is many times as large.
 */
export class RequestCount implements MetricSink {
  readonly istio: IstioRequests;
  readonly #series = new Map<string, Series>();
  readonly #durations = new Map<string, Durations>();
  readonly #recent: Counted[] = [];
  readonly #maxSeries: number;
  #oldest = 0;

  constructor(maxSeries: number, istio: IstioRequests) {
    this.#maxSeries = maxSeries;
    this.istio = istio;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  get durations(): Iterable<Durations> {
    return this.#durations.values();
  }

  requestEnded(outcome: RequestOutcome): void {
    const recent = this.#recent;
    let counted: Counted | undefined;
    for (let index = 0; index < recent.length && counted === undefined; index++)
      if (isSame(recent[index]!.outcome, outcome)) counted = recent[index];
    const { series, istio } = counted ?? this.#find(outcome);
    series.count++;
    series.durations.histogram.observe(outcome.durationMs / 1000);
    countIstio(istio, outcome);
  }

  #find(outcome: RequestOutcome): Counted {
    const found: Counted = {
      outcome,
      series: this.#seriesOf(labelsOf(outcome)),
      istio: this.istio.find(outcome),
    };
    this.#recent[this.#oldest] = found;
    this.#oldest = (this.#oldest + 1) % RECENT;
    return found;
  }

  #seriesOf(asked: Labels): Series {
    let labels = asked;
    let key = keyOf(labels);
    if (!this.#series.has(key) && this.#series.size >= this.#maxSeries) {
      const { status, grpcStatus, flag } = coarseOf(asked.status, asked.grpc_status, asked.response_flag);
      labels = { ...NOWHERE, status, grpc_status: grpcStatus, response_flag: flag };
      key = keyOf(labels);
    }
    let found = this.#series.get(key);
    if (!found) {
      found = { labels, durations: this.#durationsOf(labels), count: 0 };
      this.#series.set(key, found);
    }
    return found;
  }

  #durationsOf({ host, subset }: Labels): Durations {
    const key = `${host}\n${subset}`;
    let found = this.#durations.get(key);
    if (!found) {
      found = { labels: { host, subset }, histogram: new Histogram(BUCKETS) };
      this.#durations.set(key, found);
    }
    return found;
  }
}

function isSame(a: RequestOutcome, b: RequestOutcome): boolean {
  return (
    a.status === b.status &&
    a.host === b.host &&
    a.subset === b.subset &&
    a.route === b.route &&
    a.grpcStatus === b.grpcStatus &&
    a.flag === b.flag &&
    a.protocol === b.protocol &&
    (a.endpointLabels === b.endpointLabels || isSameWorkload(a.endpointLabels, b.endpointLabels))
  );
}

function keyOf(labels: Labels): string {
  return LABELS.map((label) => labels[label]).join('\n');
}

function labelsOf(outcome: RequestOutcome): Labels {
  const { host = '', subset = '', route = '', status, grpcStatus, flag } = outcome;
  return {
    host,
    subset,
    route,
    status: `${status}`,
    grpc_status: grpcStatusLabel(grpcStatus),
    response_flag: flag ?? '-',
  };
}
