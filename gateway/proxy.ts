/**
 * The life of one call: the head is read, the router asked, the decision carried out, the outcome told. Imports
 * traffic and the router's types.
 */
import type { Decision, Forward, HeaderList, Random, RouteRequest } from '../router/index.ts';
import { firstHeader } from '../router/route/header.ts';
import { isGrpcContentType } from '../router/route/index.ts';
import type { DownstreamResponse } from '../traffic/exchange.ts';
import { withForwarded } from '../traffic/filter/forwarded.ts';
import { endToEnd } from '../traffic/filter/hop-by-hop.ts';
import { forward } from '../traffic/forward/index.ts';
import { failureReply, replyOf } from '../traffic/local-reply.ts';
import type { RunningCluster } from '../upstream/cluster.ts';
import { bodyOf, type GatewayContext, headOf, responseOf } from './downstream.ts';
import type { OwnCall } from './own.ts';
import type { RuleSet } from './rule-set.ts';
import type { MetricSink } from './telemetry/metric.ts';

/** What of the gateway a call needs. */
export interface ProxyContext {
  readonly rules: RuleSet;
  readonly random: Random;
  readonly isEdge: boolean;
  readonly maxBodyBytes: number;
  readonly debugHeaders: boolean;
  readonly explainNotFound: boolean;
  readonly metrics?: MetricSink;
  /** The gateway's own services, for a request as it arrived. */
  own(head: RouteRequest): OwnCall | undefined;
  /** Puts the default host and the service port in place. */
  address(head: RouteRequest): RouteRequest;
}

/** The cluster where Istio sends unknown hosts: their original destination, which a gateway does not know. */
const PASSTHROUGH_CLUSTER = 'PassthroughCluster';

/** The response to one call. Rejects only for faults of ours. */
export async function proxy(context: GatewayContext, gateway: ProxyContext): Promise<Response> {
  const startedMs = performance.now();
  const exchange = context.env?.exchange;
  const raw = headOf(context.req.raw, exchange);
  const clean = { ...raw, headers: endToEnd(raw.headers) };
  const forwarded = { isEdge: gateway.isEdge, requestId: () => crypto.randomUUID() };
  const head = gateway.address({ ...clean, headers: withForwarded(clean, forwarded) });
  const contentType = firstHeader(head.headers, 'content-type');
  const isGrpc = isGrpcContentType(contentType);

  if (isGrpc && !exchange?.sendsTrailers) return responseOf(failureReply(NO_TRAILERS, contentType), exchange);

  const decision = withoutPassthrough(gateway.rules.router.route(head, gateway.random), head, isGrpc);
  const own =
    decision.kind === 'reply' && decision.flag === 'NR'
      ? gateway.own({ ...raw, headers: head.headers })
      : undefined;
  const answer = own
    ? await forwardTo(own.cluster, own.decision, head, context, gateway)
    : await carryOut(decision, head, context, gateway, contentType);
  if (gateway.metrics) {
    const told = gateway.metrics;
    Promise.all([answer.ended, answer.trailers]).then(([flag, trailers]) =>
      told.requestEnded({
        ...destinationOf(decision),
        status: answer.status,
        ...grpcStatus(answer.headers, trailers),
        ...(flag && { flag }),
        durationMs: performance.now() - startedMs,
      }),
    );
  }
  if (!gateway.debugHeaders) return responseOf(answer, exchange);
  const headers: HeaderList = [...answer.headers, ['x-pointsman-route', describeRoute(decision)]];
  return responseOf({ ...answer, headers }, exchange);
}

async function carryOut(
  decision: Decision,
  head: RouteRequest,
  context: GatewayContext,
  gateway: ProxyContext,
  contentType: string | undefined,
): Promise<DownstreamResponse> {
  if (decision.kind === 'reply') {
    if (decision.flag === 'NR' && gateway.explainNotFound)
      return failureReply({ status: 404, message: decision.reason, flag: 'NR' }, contentType);
    return replyOf(decision, contentType);
  }
  const cluster = gateway.rules.clusters.byName.get(decision.cluster);
  return forwardTo(cluster, decision, head, context, gateway);
}

async function forwardTo(
  cluster: RunningCluster | undefined,
  decision: Forward,
  head: RouteRequest,
  context: GatewayContext,
  gateway: ProxyContext,
): Promise<DownstreamResponse> {
  const body = await bodyOf(context);
  const signal = context.env?.exchange?.signal ?? context.req.raw.signal;
  return forward(withNewLength(decision, context), { head, body, signal }, cluster, gateway);
}

/** A body that middleware has read as JSON is written anew, and need not be as long as it was. */
function withNewLength<T extends { readonly request: { readonly headers: HeaderList } }>(
  decision: T,
  context: GatewayContext,
): T {
  if (!context.req.raw.bodyUsed) return decision;
  const headers = decision.request.headers.filter(([name]) => name !== 'content-length');
  return { ...decision, request: { ...decision.request, headers } };
}

function withoutPassthrough(decision: Decision, head: RouteRequest, isGrpc: boolean): Decision {
  if (decision.kind !== 'forward' || decision.cluster !== PASSTHROUGH_CLUSTER) return decision;
  return {
    kind: 'reply',
    ...(decision.virtualHost !== undefined && { virtualHost: decision.virtualHost }),
    responseHeaders: [],
    status: 404,
    headers: [],
    body: '',
    ...(isGrpc && { grpc: { status: 12, message: '' } }),
    flag: 'NR',
    reason: `No service or rule has host "${head.authority}" on port ${head.port} (path ${head.path.split('?', 1)[0]})`,
  };
}

function destinationOf(decision: Decision): { host?: string; subset?: string; route?: string } {
  const { destination } = decision;
  const route = routeName(decision);
  return {
    ...(destination && { host: destination.host }),
    ...(destination?.subset !== undefined && { subset: destination.subset }),
    ...(route !== undefined && { route }),
  };
}

/** The name given in the rule, else the rule's place. */
function routeName({ route, rule }: Decision): string | undefined {
  return route ?? (rule && `${rule.namespace}/${rule.name}[${rule.index}]`);
}

/** The rule's name and the subset: `user-admin v2`. */
function describeRoute(decision: Decision): string {
  const subset = decision.destination?.subset;
  const name = routeName(decision) ?? '-';
  // Names of rules are free text, which a header is not.
  return `${name}${subset === undefined ? '' : ` ${subset}`}`.replaceAll(/[^\x20-\x7e]/g, '?');
}

function grpcStatus(headers: HeaderList, trailers: HeaderList): { grpcStatus?: number } {
  const value = firstHeader(trailers, 'grpc-status') ?? firstHeader(headers, 'grpc-status');
  return value === undefined ? {} : { grpcStatus: Number(value) };
}

/** 404 is what becomes of gRPC's 12, UNIMPLEMENTED. */
const NO_TRAILERS = {
  status: 404,
  message:
    'gRPC needs HTTP/2 trailers, which this server cannot send: use Connect or gRPC-Web here, or listen() on Bun or Node',
};
