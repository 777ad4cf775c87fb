/**
 * The life of one call: the head is read, the router asked, the decision carried out, the outcome told. Imports
 * traffic and the router's types.
 */
import type { Decision, RouteRequest } from '../router/index.ts';
import { firstHeader } from '../router/route/header.ts';
import { isGrpcContentType } from '../router/route/index.ts';
import { carryOut, refuse, refuseUnrouted, withoutPassthrough } from '../traffic/carry-out.ts';
import { Exchange, type ExchangeEnded } from '../traffic/exchange.ts';
import { injectFault } from '../traffic/filter/fault.ts';
import { withForwarded } from '../traffic/filter/forwarded.ts';
import { endToEnd } from '../traffic/filter/hop-by-hop.ts';
import { type ForwardOptions, forward } from '../traffic/forward/index.ts';
import type { Failure } from '../traffic/local-reply.ts';
import type { RuleSet } from '../traffic/rule-set/rule-set.ts';
import type { ServerStream, StreamReceiver } from '../wire/stream.ts';
import { routeName, type Telemetry } from './observer.ts';
import type { Overload } from './overload.ts';
import type { OwnCall } from './own.ts';

/** What of the gateway a call needs. */
export interface ProxyContext extends ForwardOptions {
  readonly rules: RuleSet;
  readonly isEdge: boolean;
  readonly debugHeaders: boolean;
  readonly explainNotFound: boolean;
  /** Told of each exchange that is over. */
  readonly ended: ExchangeEnded;
  /** What somebody wants to know of exchanges: nothing, how long they take, or also when what happened. */
  readonly observed: 'nothing' | 'duration' | 'timing';
  /** Undefined: contexts of traces are passed on as they come. */
  readonly beginTrace: Telemetry['beginTrace'];
  readonly overload: Overload;
  /** The gateway's own services, for a request as it arrived. */
  own(head: RouteRequest): OwnCall | undefined;
  /** The authority that the rules see in place of the request's. */
  authorityOf(head: RouteRequest): string;
  /** Told what went wrong within. */
  error(message: string): void;
}

/** A call as it arrived. */
export interface Arrival {
  readonly head: RouteRequest;
  /** True: it has no body. */
  readonly hasEnded: boolean;
  readonly upgrade: string | undefined;
  /** Selects the virtual hosts. */
  readonly servicePort: number;
  /** False where the runtime sends none: native gRPC is then refused. */
  readonly sendsTrailers: boolean;
}

/** While it is put together. */
export type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const requestId = (): string => crypto.randomUUID();

/** Routes the call and answers on the stream. Returns who hears the rest of the request. */
export function proxy(stream: ServerStream, arrival: Arrival, gateway: ProxyContext): StreamReceiver {
  const { head: raw, hasEnded, upgrade, servicePort } = arrival;
  const clean = endToEnd(raw.headers);
  const forwarded = withForwarded(
    clean,
    // The connection's own, whatever `:scheme` claims.
    raw.tls ?? raw.scheme === 'https',
    gateway.isEdge ? (raw.sourceAddress ?? '') : undefined,
    requestId,
  );
  const traced = gateway.beginTrace?.(forwarded);
  const headers = traced?.headers ?? forwarded;
  // A spread for each that may be missing would cost more than all the rest of it.
  const head: Writable<RouteRequest> = {
    method: raw.method,
    scheme: raw.scheme,
    authority: gateway.authorityOf(raw),
    path: raw.path,
    headers,
    isSanitized: true,
    port: servicePort,
    http2: raw.http2 ?? false,
  };
  if (raw.hasScheme) head.hasScheme = true;
  if (raw.tls !== undefined) head.tls = raw.tls;
  if (raw.sourceAddress !== undefined) head.sourceAddress = raw.sourceAddress;
  if (raw.sourcePort !== undefined) head.sourcePort = raw.sourcePort;
  if (raw.originalDestination !== undefined) head.originalDestination = raw.originalDestination;
  const { overload } = gateway;
  const { isOver } = overload;
  overload.active++;
  const exchange = new Exchange(stream, head, hasEnded, upgrade, gateway.ended, undefined);
  exchange.trace = traced?.context;
  if (gateway.observed !== 'nothing') exchange.startedMs = gateway.clock.now();
  if (gateway.observed === 'timing') exchange.timing = { requestEndedMs: 0, answeredMs: 0 };
  if (!arrival.sendsTrailers && isGrpcContentType(firstHeader(headers, 'content-type')))
    return refuse(exchange, NO_TRAILERS);
  if (upgrade !== undefined && upgrade.toLowerCase() !== 'websocket')
    return refuse(exchange, UPGRADE_REFUSED);
  let decision: Decision;
  try {
    decision = withoutPassthrough(gateway.rules.router.route(head, gateway.random), head);
  } catch (error) {
    // One that a user has written.
    gateway.error(`Cannot route ${head.method} ${head.authority}: ${(error as Error).message}`);
    return refuse(exchange, ROUTER_FAILED);
  }
  exchange.decision = decision;
  if (gateway.debugHeaders) exchange.extraHeaders = [['x-pointsman-route', describeRoute(decision)]];
  if (isOver) return refuse(exchange, OVERLOADED);
  const { clusters } = gateway.rules;
  const { fault } = decision;
  if (fault)
    return injectFault(fault, decision, exchange, gateway.clock, () =>
      carryOut(decision, exchange, clusters, gateway),
    );
  if (decision.kind === 'reply' && decision.flag === 'NR') {
    // Where no rule leads anywhere the gateway's own services answer, for its own address.
    const own = gateway.own({ ...raw, headers });
    if (own) return forward(own.decision, exchange, own.cluster, gateway, clusters);
    if (gateway.explainNotFound) return refuseUnrouted(exchange, decision.reason);
  }
  return carryOut(decision, exchange, clusters, gateway);
}

/** Source: Envoy `source/common/http/conn_manager_impl.cc` (overload manager's stop_accepting_requests). */
const OVERLOADED: Failure = { status: 503, message: 'overloaded', flag: 'OM', details: 'overload' };

const ROUTER_FAILED: Failure = { status: 500, message: 'internal error', details: 'router_failed' };

/** The rule's name and the subset: `user-admin v2`. */
function describeRoute(decision: Decision): string {
  const subset = decision.destination?.subset;
  const name = routeName(decision) ?? '-';
  // Names of rules are free text, which a header is not.
  return `${name}${subset === undefined ? '' : ` ${subset}`}`.replaceAll(/[^\x20-\x7e]/g, '?');
}

/** Istio lets proxies pass WebSockets, and nothing else. Source: Envoy `source/common/http/filter_manager.cc` (createFilterChain). */
const UPGRADE_REFUSED: Failure = { status: 403, message: '', details: 'upgrade_failed' };

/** 404 is what becomes of gRPC's 12, UNIMPLEMENTED. */
const NO_TRAILERS: Failure = {
  status: 404,
  message:
    'gRPC needs HTTP/2 trailers, which this server cannot send: use Connect or gRPC-Web here, or listen() on Bun, Node or Deno',
};
