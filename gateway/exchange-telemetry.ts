/**
 * What is written of exchanges: the access log, and spans. Apart, as a bundle that does neither needs none of it.
 * Imports traffic's exchange and telemetry.
 */
import { accessRecordOf } from './access-record.ts';
import type { Telemetry } from './observer.ts';
import { spanName } from './span-name.ts';
import { compileAccessLog } from './telemetry/access-log.ts';
import { type SpanSink, spanOf } from './telemetry/span.ts';
import { createTraceChance } from './telemetry/trace-chance.ts';
import { beginTrace } from './telemetry/trace-context.ts';

/** Which requests become spans, and who takes these. */
export interface TracingOptions {
  readonly sink: SpanSink;
  /** Of the traces that begin here; of others their client has decided. Default 1, Istio's. */
  readonly samplingPercent?: number;
  /** Of every span. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Where requests are logged, and how. */
export interface AccessLogOptions {
  /**
   * `text` or `json` for Istio's own formats, one of Envoy's format strings, or an object of them for lines of JSON.
   * Headers are logged where the format names them, and never else.
   */
  readonly format: string | Readonly<Record<string, string>>;
  /** Given each line with its end. Must not throw. */
  write(line: string): void;
}

/** See the fields. */
export interface TelemetryOptions {
  /** Writes a line for every request. Default: nowhere. */
  readonly accessLog?: AccessLogOptions;
  /** Makes spans of requests. Default: none, and the contexts of traces are passed on as they come. */
  readonly tracing?: TracingOptions;
}

/** Source: Istio `pilot/pkg/features/pilot.go` (PILOT_TRACE_SAMPLING). */
const DEFAULT_SAMPLING_PERCENT = 1;

/** What a gateway tells of its exchanges; undefined where nothing is written. Throws a RangeError for a format that cannot be read. */
export function createTelemetry({ accessLog, tracing }: TelemetryOptions): Telemetry | undefined {
  if (!accessLog && !tracing) return undefined;
  const lineOf = accessLog && compileAccessLog(accessLog.format);
  const chance = tracing && createTraceChance(tracing.samplingPercent ?? DEFAULT_SAMPLING_PERCENT);
  const tags = tracing?.tags ?? {};
  return {
    isTiming: accessLog !== undefined,
    beginTrace: chance && ((headers) => beginTrace(headers, chance)),
    ended(exchange, outcome, table, isEdge) {
      const isTraced = tracing !== undefined && exchange.trace?.isSampled;
      if (!lineOf && !isTraced) return;
      const record = accessRecordOf(exchange, outcome, isEdge);
      if (lineOf) accessLog.write(lineOf(record));
      if (!isTraced) return;
      const { authority, port } = exchange.head;
      const name = spanName(exchange.decision, authority, port, table);
      tracing.sink.export(spanOf(name, exchange.trace!, record, tags));
    },
  };
}
