/**
 * A local answer as it goes on the wire, for whoever carries requests: the router's own replies, and the
 * failures that only show while a request is carried. Imports table types.
 */
import type { Decision, Fault, LocalReply } from '../table/decision.ts';
import type { HeaderList } from '../table/request.ts';
import type { ResponseOutcome } from './format.ts';
import { encodeGrpcMessage, grpcStatusOf } from './grpc.ts';
import { setHeader } from './header.ts';
import { applyHeaderOperations } from './header-operation.ts';
import { replyHeaders } from './local-reply.ts';

/** Status, headers and body to send. Without `content-length`. */
export interface WireReply {
  readonly status: number;
  readonly headers: HeaderList;
  /** Empty for gRPC, whose status is in the headers, with the end of the stream. */
  readonly body: string | Uint8Array;
}

/** The reply of a decision on the wire: to gRPC it is 200 with `grpc-status` and `grpc-message`. */
export function wireReply(reply: Pick<LocalReply, 'status' | 'headers' | 'body' | 'grpc'>): WireReply {
  const { status, headers, body, grpc } = reply;
  if (!grpc) return { status, headers, body };
  return grpcReply(headers, grpc);
}

/** What of a decision its failures depend on. */
type Decided = Pick<Decision, 'responseHeaders' | 'corsHeaders' | 'fault'>;

/**
 * The answer to a request that failed on its way: `no healthy upstream` with 503, `upstream request timeout`
 * with 504, and so on. `failed` says how, for values that ask. The rule's changes to response headers apply to it as to an upstream's answer.
 *
 * Source: Envoy `source/common/http/filter_manager.cc` (sendLocalReply), `source/common/http/utility.cc`
 * (Utility::prepareLocalReply).
 */
export function failureReply(
  decision: Decided,
  isGrpc: boolean,
  status: number,
  message: string,
  failed: Pick<ResponseOutcome, 'raised' | 'upstreamHost' | 'attempts'> = {},
): WireReply {
  const grpc = isGrpc ? { status: grpcStatusOf(status), message } : undefined;
  const reply = answer(decision, status, message, grpc, failed);
  let { headers } = reply;
  for (const [name, value] of decision.corsHeaders ?? []) headers = setHeader(headers, name, value);
  return { ...reply, headers };
}

/**
 * The answer to a request that a fault aborts, before anything cross-origin is looked at. A gRPC status for a
 * request that is no gRPC is HTTP 200.
 *
 * Source: Envoy `source/extensions/filters/http/fault/fault_filter.cc` (abortWithStatus).
 */
export function abortReply(
  decision: Decided,
  isGrpc: boolean,
  abort: NonNullable<Fault['abort']>,
): WireReply {
  const message = 'fault filter abort';
  const httpStatus = 'httpStatus' in abort ? abort.httpStatus : 200;
  const grpcStatus = 'grpcStatus' in abort ? abort.grpcStatus : grpcStatusOf(httpStatus);
  const grpc = isGrpc ? { status: grpcStatus, message } : undefined;
  return answer(decision, httpStatus, message, grpc, { details: 'fault_filter_abort' });
}

function answer(
  { responseHeaders, fault }: Decided,
  status: number,
  message: string,
  grpc: LocalReply['grpc'],
  failed: Pick<ResponseOutcome, 'raised' | 'upstreamHost' | 'attempts' | 'details'>,
): WireReply {
  const headers = replyHeaders(
    applyHeaderOperations([], responseHeaders, { status, isLocal: true, fault, ...failed }),
    grpc ? '' : message,
    grpc !== undefined,
  );
  return wireReply({ status, headers, body: message, ...(grpc && { grpc }) });
}

function grpcReply(
  headers: HeaderList,
  { status, message }: { readonly status: number; readonly message: string },
): WireReply {
  let out: HeaderList = setHeader(headers, 'content-type', 'application/grpc');
  out = setHeader(out, 'grpc-status', String(status));
  if (message !== '') out = setHeader(out, 'grpc-message', encodeGrpcMessage(message));
  return { status: 200, headers: out, body: '' };
}
