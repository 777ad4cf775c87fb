/** Who hears of exchanges that are over, and what they are told. Imports traffic's exchange and telemetry's types. */
import type { Decision, RuleOrigin } from '../router/index.ts';
import { grpcStatusOf } from '../router/route/grpc.ts';
import { firstHeader } from '../router/route/header.ts';
import { isGrpcContentType } from '../router/route/index.ts';
import type { HeaderList } from '../router/table/request.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import type { Exchange, ExchangeEnded } from '../traffic/exchange.ts';
import type { Overload } from './overload.ts';
import type { MetricSink, RequestOutcome } from './telemetry/metric.ts';
import type { TracedHeaders } from './telemetry/trace-context.ts';

/** Writes something of exchanges. */
export interface Telemetry {
  /** It wants to know also when what happened within them. */
  readonly isTiming: boolean;
  /**
   * Begins the span of a request with these headers, and says what goes on in their place. Undefined: contexts of traces
   * are passed on as they come.
   */
  readonly beginTrace: ((headers: HeaderList) => TracedHeaders) | undefined;
  /** Told of each exchange that is over, with the table of the rules, but for a router of the user's. */
  ended(exchange: Exchange, outcome: RequestOutcome, table: RouteTable | undefined, isEdge: boolean): void;
}

/** Who is told of exchanges. */
export interface Observers {
  readonly metrics: MetricSink | undefined;
  readonly telemetry: Telemetry | undefined;
  /** What names of spans are taken from; absent for a router of the user's. */
  readonly table: RouteTable | undefined;
  /** What clients say of those before them is not believed. */
  readonly isEdge: boolean;
}

/** One for all exchanges of a gateway: lets go of their places, and tells who wants to know. */
export function observer(overload: Overload, observers: Observers): ExchangeEnded {
  const { metrics, telemetry, table, isEdge } = observers;
  if (!metrics && !telemetry)
    return () => {
      overload.active--;
    };
  return (exchange) => {
    overload.active--;
    const outcome = outcomeOf(exchange, performance.now() - exchange.startedMs);
    metrics?.requestEnded(outcome);
    telemetry?.ended(exchange, outcome, table, isEdge);
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
    cluster: decision?.cluster,
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
