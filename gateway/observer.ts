/** Who hears of exchanges that are over, and what they are told. Imports traffic's exchange and telemetry's types. */
import type { Decision, RuleOrigin } from '../router/index.ts';
import { grpcStatusOf } from '../router/route/grpc.ts';
import { firstHeader } from '../router/route/header.ts';
import { isGrpcContentType } from '../router/route/index.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import type { Exchange, ExchangeEnded } from '../traffic/exchange.ts';
import { accessRecordOf } from './access-record.ts';
import type { Overload } from './overload.ts';
import { spanName } from './span-name.ts';
import type { AccessLine } from './telemetry/access-log.ts';
import type { MetricSink, RequestOutcome } from './telemetry/metric.ts';
import { type SpanSink, spanOf } from './telemetry/span.ts';
import type { TraceChance } from './telemetry/trace-context.ts';

/** An access log with its format compiled. */
export interface AccessLog {
  readonly lineOf: AccessLine;
  write(line: string): void;
}

/** How requests are traced. */
export interface Tracing {
  readonly chance: TraceChance;
  readonly sink: SpanSink;
  /** Of every span. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Who is told of exchanges. */
export interface Observers {
  readonly metrics: MetricSink | undefined;
  readonly accessLog: AccessLog | undefined;
  readonly tracing: Tracing | undefined;
  /** What names of spans are taken from; absent for a router of the user's. */
  readonly table: RouteTable | undefined;
  /** What clients say of those before them is not believed. */
  readonly isEdge: boolean;
}

/** One for all exchanges of a gateway: lets go of their places, and tells who wants to know. */
export function observer(overload: Overload, observers: Observers): ExchangeEnded {
  const { metrics, accessLog, tracing, table, isEdge } = observers;
  if (!metrics && !accessLog && !tracing)
    return () => {
      overload.active--;
    };
  return (exchange) => {
    overload.active--;
    const outcome = outcomeOf(exchange, performance.now() - exchange.startedMs);
    metrics?.requestEnded(outcome);
    const isTraced = tracing !== undefined && exchange.trace?.isSampled;
    if (!accessLog && !isTraced) return;
    const record = accessRecordOf(exchange, outcome, isEdge);
    accessLog?.write(accessLog.lineOf(record));
    if (!isTraced) return;
    const { authority, port } = exchange.head;
    const name = spanName(exchange.decision, authority, port, table);
    tracing.sink.export(spanOf(name, exchange.trace!, record, tracing.tags));
  };
}

function outcomeOf(exchange: Exchange, durationMs: number): RequestOutcome {
  const { decision, status, flag, details } = exchange;
  const isGrpc = isGrpcContentType(firstHeader(exchange.head.headers, 'content-type'));
  let { grpcStatus } = exchange;
  // Trailers, else headers, else what the status says. Source: Envoy `source/common/grpc/common.cc` (Common::getGrpcStatus).
  if (isGrpc && grpcStatus === undefined && status !== 0)
    grpcStatus = Number(firstHeader(exchange.responseHeaders, 'grpc-status') ?? grpcStatusOf(status));
  return {
    host: decision?.destination?.host,
    subset: decision?.destination?.subset,
    route: decision && routeName(decision),
    rule: decision?.rule,
    cluster: decision?.kind === 'forward' ? decision.cluster : undefined,
    isChosen: decision?.kind === 'forward' && decision.chosenBy !== undefined,
    status,
    grpcStatus,
    flag,
    details,
    protocol: isGrpc ? 'grpc' : 'http',
    durationMs,
    requestBytes: exchange.receivedBytes,
    responseBytes: exchange.sentBytes,
    endpointLabels: exchange.endpoint?.labels,
  };
}

/** Rules without a name are called by their place. */
const places = new WeakMap<RuleOrigin, string>();

/** The name given in the rule, else the rule's place. */
export function routeName({ route, rule }: Decision): string | undefined {
  if (route !== undefined || !rule) return route;
  let place = places.get(rule);
  if (place === undefined) {
    place = `${rule.namespace}/${rule.name}${rule.index === undefined ? '' : `[${rule.index}]`}`;
    places.set(rule, place);
  }
  return place;
}
