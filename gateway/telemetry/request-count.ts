/**
 * Requests counted in plain numbers, a record a label set: cheap for each request, and nothing of a metrics library
 * before somebody reads them.
 */
import type { MetricSink, RequestOutcome } from './metric.ts';

/** Labels of a request, in the order in which they are told. */
export const LABELS = ['host', 'subset', 'route', 'status', 'grpc_status', 'response_flag'] as const;

/** A label set. */
export type Labels = Readonly<Record<(typeof LABELS)[number], string>>;

/** Upper bounds of durations in seconds. */
export const BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What is counted of one destination. */
export interface Durations {
  readonly host: string;
  readonly subset: string;
  /** Requests at most as long as each bound, the last one for longer ones; not cumulative. */
  readonly counts: number[];
  /** In seconds. */
  sum: number;
}

/** What is counted of one label set. */
export interface Series {
  readonly labels: Labels;
  readonly durations: Durations;
  /** The outcome that it was made for. */
  readonly outcome: RequestOutcome;
  count: number;
}

/** Series looked at before a key is made: traffic comes in runs of few. */
const RECENT = 8;

/** See the module. Holds `maxSeries` label sets; requests with further ones are counted under host and route `other`. */
export class RequestCount implements MetricSink {
  readonly #series = new Map<string, Series>();
  readonly #durations = new Map<string, Durations>();
  readonly #recent: Series[] = [];
  readonly #maxSeries: number;
  #oldest = 0;

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  get durations(): Iterable<Durations> {
    return this.#durations.values();
  }

  requestEnded(outcome: RequestOutcome): void {
    const recent = this.#recent;
    let counted: Series | undefined;
    for (let index = 0; index < recent.length && counted === undefined; index++)
      if (isSame(recent[index]!.outcome, outcome)) counted = recent[index];
    counted ??= this.#find(outcome);
    counted.count++;
    observe(counted.durations, outcome.durationMs / 1000);
  }

  #find(outcome: RequestOutcome): Series {
    let labels = labelsOf(outcome);
    let key = keyOf(labels);
    if (!this.#series.has(key) && this.#series.size >= this.#maxSeries) {
      labels = { ...labels, host: 'other', subset: '', route: 'other' };
      key = keyOf(labels);
    }
    let found = this.#series.get(key);
    if (!found) {
      found = { outcome, labels, durations: this.#durationsOf(labels), count: 0 };
      this.#series.set(key, found);
    }
    // Of those counted as other each has an outcome of its own: only a series' own outcome finds it again.
    if (isSame(found.outcome, outcome)) {
      this.#recent[this.#oldest] = found;
      this.#oldest = (this.#oldest + 1) % RECENT;
    }
    return found;
  }

  #durationsOf({ host, subset }: Labels): Durations {
    const key = `${host}\n${subset}`;
    let found = this.#durations.get(key);
    if (!found) {
      found = { host, subset, counts: new Array(BUCKETS.length + 1).fill(0), sum: 0 };
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
    a.flag === b.flag
  );
}

function keyOf(labels: Labels): string {
  return LABELS.map((label) => labels[label]).join('\n');
}

function observe(durations: Durations, seconds: number): void {
  let bucket = 0;
  while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
  durations.counts[bucket]!++;
  durations.sum += seconds;
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
