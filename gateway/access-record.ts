/** What the access log is told of an exchange that is over. Imports traffic's exchange and telemetry's types. */
import { clientAddress } from '../router/route/address.ts';
import type { Exchange } from '../traffic/exchange.ts';
import type { AccessRecord } from './telemetry/access-record.ts';
import type { RequestOutcome } from './telemetry/metric.ts';

/** With `isEdge`, what the client says of those before it is not believed. */
export function accessRecordOf(exchange: Exchange, outcome: RequestOutcome, isEdge: boolean): AccessRecord {
  const { head, decision, timing, attempts, endpoint } = exchange;
  const sent = decision?.kind === 'forward' ? decision.request : head;
  const { durationMs } = outcome;
  const direct = addressText(head.sourceAddress, head.sourcePort);
  return {
    startMs: Date.now() - durationMs,
    durationMs,
    serviceMs: timing && timing.answeredMs > 0 ? serviceMs(timing) : undefined,
    method: head.method,
    path: sent.path,
    originalPath: sent.path === head.path ? undefined : head.path,
    authority: sent.authority,
    scheme: head.scheme,
    protocol: head.http2 ? 'HTTP/2' : 'HTTP/1.1',
    requestHeaders: sent.headers,
    responseHeaders: exchange.responseHeaders,
    trailers: exchange.trailers,
    status: outcome.status,
    grpcStatus: outcome.protocol === 'grpc' ? outcome.grpcStatus : undefined,
    flag: outcome.flag,
    details: outcome.details,
    failureReason: exchange.failureReason,
    receivedBytes: outcome.requestBytes,
    sentBytes: outcome.responseBytes,
    upstreamHost: endpoint?.address,
    cluster: decision?.cluster,
    routeName: decision?.route,
    attempts,
    remoteAddress: isEdge ? direct : (addressText(clientAddress(head.headers), 0) ?? direct),
    directRemoteAddress: direct,
    traceId: exchange.trace?.traceId,
  };
}

/** The answer may have begun before the request was complete. */
function serviceMs({ requestEndedMs, answeredMs }: NonNullable<Exchange['timing']>): number {
  return requestEndedMs === 0 ? 0 : Math.max(0, answeredMs - requestEndedMs);
}

function addressText(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined) return undefined;
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`;
}
