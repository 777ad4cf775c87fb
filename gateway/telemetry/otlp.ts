/**
 * Sends spans to an OpenTelemetry collector (OTLP over HTTP), in batches. OpenTelemetry's own exporter, which is loaded
 * when it is asked for.
 */
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { FinishedSpan, SpanSink } from './span.ts';

/** See the fields. */
export interface OtlpOptions {
  /**
   * The collector's, `http://localhost:4318`; `/v1/traces` is added where it has no path. Default: what the environment
   * says in `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, as are headers and timeouts.
   */
  readonly url?: string;
  /** Whose spans they are. */
  readonly serviceName: string;
  /** For one batch, with all tries of it. Default: the environment's, else 10 s. */
  readonly timeoutMs?: number;
  /** How long {@link OtlpExporter.close} waits for a collector that does not answer. Default 2000. */
  readonly closeLimitMs?: number;
  /** Told that spans cannot be sent, once a minute at most. */
  warn(message: string): void;
}

/** Spans on their way. */
export interface OtlpExporter extends SpanSink {
  /** Sends what waits. Resolves when it is sent, or cannot be. */
  close(): Promise<void>;
}

/** SERVER, as Envoy calls its spans under OpenTelemetry. */
const SERVER = 1;
const ERROR = 2;
const WARN_EVERY_MS = 60_000;

/** Loads the exporter. At most 2048 spans wait; further ones are dropped. */
export async function createOtlpExporter(options: OtlpOptions): Promise<OtlpExporter> {
  const { url, serviceName, timeoutMs, closeLimitMs = 2000, warn } = options;
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }, { diag, DiagLogLevel }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/api'),
    ]);
  let warnedMs = Number.NEGATIVE_INFINITY;
  const failed = (message: string): void => {
    const now = performance.now();
    if (now - warnedMs < WARN_EVERY_MS) return;
    warnedMs = now;
    warn(`Cannot send spans: ${reasonIn(message)}`);
  };
  const quiet = (): void => {};
  diag.setLogger(
    {
      error: failed,
      warn: quiet,
      info: quiet,
      debug: quiet,
      verbose: quiet,
    },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const exporter = new OTLPTraceExporter({
    ...(url !== undefined && { url: tracesUrl(url) }),
    ...(timeoutMs !== undefined && { timeoutMillis: timeoutMs }),
  });
  const processor = new BatchSpanProcessor({ exporter });
  const common = {
    kind: SERVER,
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    instrumentationScope: { name: 'pointsman' },
    links: [],
    events: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  return {
    export: (span) => processor.onEnd({ ...common, ...readable(span) }),
    close() {
      const sent = processor.shutdown().catch((error: Error) => failed(error.message));
      return Promise.race([sent, afterMs(closeLimitMs)]);
    },
  };
}

type OwnPart = Pick<
  ReadableSpan,
  | 'name'
  | 'spanContext'
  | 'parentSpanContext'
  | 'startTime'
  | 'endTime'
  | 'duration'
  | 'status'
  | 'attributes'
>;

function readable({ context, name, startMs, endMs, attributes, isError }: FinishedSpan): OwnPart {
  const { traceId, spanId, parentSpanId } = context;
  return {
    name,
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    ...(parentSpanId !== undefined && {
      parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1, isRemote: true },
    }),
    startTime: timeOf(startMs),
    endTime: timeOf(endMs),
    duration: timeOf(endMs - startMs),
    status: { code: isError ? ERROR : 0 },
    attributes,
  };
}

/** The library tells errors as JSON with all that they hold; one line is for people. */
function reasonIn(message: string): string {
  return /^\{"message":("(?:[^"\\]|\\.)*")/.exec(message)?.[1]?.slice(1, -1) ?? message;
}

const afterMs = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref?.();
  });

/** Seconds and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Source: OpenTelemetry, OTLP exporter configuration (`OTEL_EXPORTER_OTLP_ENDPOINT`). */
function tracesUrl(url: string): string {
  const { pathname } = new URL(url);
  return pathname === '/' ? new URL('/v1/traces', url).href : url;
}
