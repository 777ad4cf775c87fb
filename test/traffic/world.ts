/** A clock, a client and upstreams that a test moves by hand. */
import type { Forward, RetryPolicy } from '../../router/index.ts';
import { CircuitBreaker } from '../../router/policy/circuit-breaker.ts';
import { OutlierDetector } from '../../router/policy/outlier.ts';
import type { Clock } from '../../traffic/clock.ts';
import { Exchange } from '../../traffic/exchange.ts';
import type { PickContext, RunningCluster, TryResult } from '../../upstream/cluster.ts';
import { ClusterCounter } from '../../upstream/cluster-counter.ts';
import { RunningEndpoint } from '../../upstream/endpoint.ts';
import type { Upstream, UpstreamReceiver } from '../../upstream/upstream.ts';
import type { FieldList, RequestHead, ServerStream, Stream } from '../../wire/stream.ts';

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  /** Timers that were set so far. */
  setCount = 0;
  #now = 1000;
  #timers = new Map<number, { atMs: number; fire: () => void }>();

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  set<T>(delayMs: number, fire: (subject: T) => void, subject: T): number {
    const id = ++this.setCount;
    this.#timers.set(id, { atMs: this.#now + delayMs, fire: () => fire(subject) });
    return id;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Lets time pass; what comes due fires in its order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers]
        .filter(([, { atMs }]) => atMs <= end)
        .sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (!due) break;
      const [id, { atMs, fire }] = due;
      this.#timers.delete(id);
      this.#now = atMs;
      fire();
    }
    this.#now = end;
  }
}

/** What was written to a stream. */
class Written implements Stream {
  readonly chunks: string[] = [];
  trailers: FieldList | undefined;
  consumedBytes = 0;
  resetCode: number | undefined;

  /** All that was written, and `|` at its end. */
  get text(): string {
    return this.chunks.join('') + (this.trailers ? '|' : '');
  }

  write(chunk: Uint8Array): void {
    this.chunks.push(new TextDecoder('latin1').decode(chunk));
  }

  end(trailers: FieldList): void {
    this.trailers = trailers;
  }

  consumed(bytes: number): void {
    this.consumedBytes += bytes;
  }

  reset(code: number): void {
    this.resetCode ??= code;
  }
}

/** The client's side. */
export class FakeClient extends Written implements ServerStream {
  status = 0;
  headers: FieldList = [];
  readonly informed: number[] = [];

  inform(status: number): void {
    this.informed.push(status);
  }

  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    this.status = status;
    // Every answer has one, and it is the clock's.
    this.headers = headers.filter(([name]) => name !== 'date');
    if (hasEnded) this.trailers = [];
  }
}

/** A request as an upstream got it. */
export class FakeTry extends Written {
  readonly endpoint: string;
  readonly head: RequestHead;
  readonly hasEnded: boolean;
  readonly receiver: UpstreamReceiver;

  constructor(endpoint: string, head: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver) {
    super();
    this.endpoint = endpoint;
    this.head = head;
    this.hasEnded = hasEnded;
    this.receiver = receiver;
  }

  /** The first value of a request header. */
  header(name: string): string | undefined {
    return this.head.headers.find(([each]) => each === name)?.[1];
  }

  /** Answers with a status and no body. */
  answer(status: number, headers: FieldList = []): void {
    this.receiver.response(status, headers, true);
  }
}

/** Watched for outliers, but by nobody who takes it out. */
const watcher = new OutlierDetector(
  {
    consecutive5xx: 0,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 0,
    splitLocalOrigin: false,
    intervalMs: 10_000,
    baseEjectionTimeMs: 30_000,
    maxEjectionTimeMs: 300_000,
    maxEjectionPercent: 10,
    minHealthPercent: 0,
  },
  () => 0,
  () => {},
);

/** An endpoint that remembers what it was told of its tries. */
export class FakeEndpoint extends RunningEndpoint {
  readonly told: TryResult[] = [];

  constructor(id: string, upstream: Upstream, http2Upstream?: Upstream) {
    super(
      { id, labels: {}, weight: 1, kind: 'socket', address: id, port: 80 },
      { key: id, upstream, active: 0, users: 1 },
      http2Upstream && { key: `${id}|http2`, upstream: http2Upstream, active: 0, users: 1 },
      { monitor: watcher.watch(), sinceMs: 0 },
    );
  }

  override ended(result: TryResult): void {
    this.told.push(result);
  }
}

/** A cluster whose endpoints take turns, or those that are not to be avoided. */
export class FakeCluster {
  readonly tries: FakeTry[] = [];
  readonly endpoints: FakeEndpoint[];
  /** What was asked for. */
  readonly picks: PickContext[] = [];
  readonly running: RunningCluster;

  constructor(
    names: readonly string[],
    breaker = new CircuitBreaker(undefined, undefined),
    isHashing = false,
  ) {
    this.endpoints = names.map((id) => new FakeEndpoint(id, this.upstreamOf(id)));
    let turn = 0;
    const running: Pick<RunningCluster, 'pick' | 'breaker' | 'counter' | 'isHashing'> = {
      breaker,
      counter: new ClusterCounter(),
      isHashing,
      pick: (context = {}) => {
        this.picks.push(context);
        const { avoid } = context;
        return (
          this.endpoints.find((each) => avoid && !avoid.has(each)) ??
          this.endpoints[turn++ % this.endpoints.length]
        );
      },
    };
    this.running = running as RunningCluster;
  }

  /** An upstream whose requests are tries at `name`. */
  upstreamOf(name: string): Upstream {
    return {
      open: (head, hasEnded, receiver) => {
        const made = new FakeTry(name, head, hasEnded, receiver);
        this.tries.push(made);
        return made;
      },
    };
  }

  /** Exchanges under way. */
  get active(): number {
    return this.endpoints.reduce((sum, { active }) => sum + active, 0);
  }

  get last(): FakeTry {
    return this.tries.at(-1)!;
  }
}

/** A policy with what a test says of it. */
export function retryPolicy(retryOn: string, given: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    attempts: 2,
    retryOn: retryOn.split(','),
    statusCodes: [],
    perTryTimeoutMs: 0,
    backoffMs: 25,
    avoidPreviousHosts: true,
    ...given,
  };
}

/** A decision to forward `POST /` to cluster `c` with what a test says of it. */
export function forwardDecision(given: Partial<Forward> = {}, headers: FieldList = []): Forward {
  return {
    kind: 'forward',
    cluster: 'c',
    request: { method: 'POST', authority: 'a', path: '/', headers },
    responseHeaders: [],
    timeoutMs: 0,
    mirrors: [],
    ...given,
  };
}

/** An exchange of the client's; `over` holds it once it is over. */
export function exchangeOf(
  client: FakeClient,
  hasEnded: boolean,
  headers: FieldList = [],
): { exchange: Exchange; over: Exchange[] } {
  const over: Exchange[] = [];
  const head = { method: 'POST', scheme: 'http', authority: 'a', path: '/', headers, port: 80 };
  const exchange = new Exchange(client, head, hasEnded, undefined, (each) => void over.push(each), undefined);
  return { exchange, over };
}

/** Bytes of a text. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
