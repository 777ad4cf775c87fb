/**
 * Answers that no upstream gave: gRPC gets HTTP 200 with a status in the header block, everybody else, gRPC-Web and
 * Connect too, the HTTP status and plain text. Imports the router's gRPC mapping.
 */
import { grpcStatusOf, isGrpcContentType } from '../router/route/grpc.ts';
import { firstHeader, setHeader } from '../router/route/header.ts';
import {
  abortReply,
  failureReply as routedFailure,
  type WireReply,
  wireReply,
} from '../router/route/index.ts';
import type { Decision, Fault, LocalReply, ResponseFlag } from '../router/table/decision.ts';
import type { HeaderList } from '../router/table/request.ts';
import { NO_FIELDS } from '../wire/stream.ts';
import type { Exchange } from './exchange.ts';

/** What an answer of the gateway's own is made of. */
export interface Failure {
  readonly status: number;
  /** For the body, or gRPC's message. Empty: none. */
  readonly message: string;
  readonly flag?: ResponseFlag;
  /** Envoy's word for it, for logs: `no_healthy_upstream`. */
  readonly details?: string;
  /** More of the answer's headers. Default: none. */
  readonly headers?: HeaderList;
}

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: HeaderList;
  /** Null: none. */
  readonly body: Uint8Array | null;
}

/** The answer that a router has decided. `contentType` is the request's. */
export function replyOf(reply: LocalReply, contentType: string | undefined): Reply {
  const headers = reply.corsHeaders ? [...reply.headers, ...reply.corsHeaders] : reply.headers;
  if (reply.grpc) return grpcReply(reply.grpc, headers, contentType);
  return plain(reply.status, headers, reply.body);
}

/** An answer of the gateway's own. `contentType` is the request's, which says what the client speaks. */
export function failureReply(failure: Failure, contentType: string | undefined): Reply {
  const { status, message, headers = [] } = failure;
  if (isGrpcContentType(contentType))
    return grpcReply({ status: grpcStatusOf(status), message }, headers, contentType);
  const type: HeaderList = message === '' ? [] : [['content-type', 'text/plain']];
  return plain(status, [...type, ...headers], message);
}

/**
 * The answer to a request that failed on its way to an upstream, with the rule's changes to response headers.
 * `upstreamHost`: the endpoint tried last, empty for none.
 */
export function routedFailureReply(
  decision: Decision,
  exchange: Exchange,
  { status, message, flag, headers = [] }: Failure,
  upstreamHost: string,
): Reply {
  const contentType = firstHeader(exchange.head.headers, 'content-type');
  const isGrpc = isGrpcContentType(contentType);
  const { attempts, flag: before } = exchange;
  const raised = before && flag ? `${before},${flag}` : (flag ?? before);
  const outcome = { upstreamHost, attempts, raised };
  const reply = routedFailure(decision, isGrpc, status, message, outcome);
  return toReply({ ...reply, headers: [...reply.headers, ...headers] });
}

/** The answer to a request that a fault aborts. */
export function abortedReply(
  decision: Decision,
  exchange: Exchange,
  abort: NonNullable<Fault['abort']>,
): Reply {
  const contentType = firstHeader(exchange.head.headers, 'content-type');
  const isGrpc = isGrpcContentType(contentType);
  return toReply(abortReply(decision, isGrpc, abort));
}

function toReply({ status, headers, body }: WireReply): Reply {
  if (firstHeader(headers, 'grpc-status') === undefined || body.length > 0)
    return plain(status, headers, body);
  return { status, headers, body: null };
}

/** Gives the answer, and ends the exchange. `flag` and `details` are Envoy's words for why. */
export function sendReply(
  exchange: Exchange,
  reply: Reply,
  { flag, details }: Pick<Failure, 'flag' | 'details'>,
): void {
  if (flag !== undefined) exchange.raise(flag);
  exchange.details = details;
  // The answer to HEAD is what GET's would be, without its body.
  const body = exchange.head.method === 'HEAD' ? null : reply.body;
  exchange.respond(reply.status, reply.headers, body === null);
  if (body === null) return;
  exchange.write(body);
  exchange.end(NO_FIELDS);
}

function plain(status: number, headers: HeaderList, text: string | Uint8Array): Reply {
  const body = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  const length: HeaderList = hasBody ? [['content-length', `${body.byteLength}`]] : [];
  return { status, headers: [...headers, ...length], body: hasBody && body.byteLength > 0 ? body : null };
}

/** gRPC calls this Trailers-Only: no body, all in the header block. */
function grpcReply(
  grpc: { readonly status: number; readonly message: string },
  before: HeaderList,
  contentType: string | undefined,
): Reply {
  const { status, headers } = wireReply({ status: 200, headers: before, body: '', grpc });
  // Envoy says application/grpc whatever was asked; but who speaks JSON may take nothing else.
  const isOther = isGrpcContentType(contentType) && contentType !== 'application/grpc+proto';
  return {
    status,
    headers: isOther ? setHeader(headers, 'content-type', contentType!) : headers,
    body: null,
  };
}
