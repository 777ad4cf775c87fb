/**
 * Answers that no upstream gave, told to each protocol in its own way: gRPC and gRPC-Web get HTTP 200 with a
 * status in the header block, everybody else plain text. Imports the router's gRPC mapping.
 */
import { encodeGrpcMessage, grpcStatusOf, isGrpcContentType } from '../router/route/grpc.ts';
import type { LocalReply, ResponseFlag } from '../router/table/decision.ts';
import type { HeaderList } from '../router/table/request.ts';
import type { DownstreamResponse } from './exchange.ts';

/** What an answer of the gateway's own is made of. */
export interface Failure {
  readonly status: number;
  /** For the body, or gRPC's message. Empty: none. */
  readonly message: string;
  readonly flag?: ResponseFlag;
  readonly headers?: HeaderList;
}

const NO_TRAILERS: Promise<HeaderList> = Promise.resolve([]);

/** The answer that a router has decided. `contentType` is the request's. */
export function replyOf(reply: LocalReply, contentType: string | undefined): DownstreamResponse {
  const ended = Promise.resolve(reply.flag);
  const corsHeaders = reply.corsHeaders ?? [];
  if (reply.grpc) return grpcReply(reply.grpc, [...reply.headers, ...corsHeaders], contentType, ended);
  const body = typeof reply.body === 'string' ? new TextEncoder().encode(reply.body) : reply.body;
  // Istio's proxies turn gRPC-Web into gRPC before anything else, so its clients are answered like gRPC's.
  if (isGrpcWeb(contentType)) {
    const message = typeof reply.body === 'string' ? reply.body : '';
    const status = { status: grpcStatusOf(reply.status), message };
    return grpcReply(status, [...reply.headers, ...corsHeaders], contentType, ended);
  }
  return plain(reply.status, [...reply.headers, ...corsHeaders], body, ended);
}

/** An answer of the gateway's own. `contentType` is the request's, which says what the client speaks. */
export function failureReply(failure: Failure, contentType: string | undefined): DownstreamResponse {
  const { status, message, flag, headers = [] } = failure;
  const ended = Promise.resolve(flag);
  if (isGrpcContentType(contentType) || isGrpcWeb(contentType))
    return grpcReply({ status: grpcStatusOf(status), message }, headers, contentType, ended);
  const type: HeaderList = message === '' ? [] : [['content-type', 'text/plain']];
  return plain(status, [...headers, ...type], new TextEncoder().encode(message), ended);
}

function plain(
  status: number,
  headers: HeaderList,
  body: Uint8Array,
  ended: DownstreamResponse['ended'],
): DownstreamResponse {
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  const length: HeaderList = hasBody ? [['content-length', `${body.byteLength}`]] : [];
  return {
    status,
    headers: [...headers, ...length],
    body: hasBody && body.byteLength > 0 ? body : null,
    trailers: NO_TRAILERS,
    ended,
  };
}

/** gRPC calls this Trailers-Only: no body, all in the header block. */
function grpcReply(
  { status, message }: { readonly status: number; readonly message: string },
  headers: HeaderList,
  contentType: string | undefined,
  ended: DownstreamResponse['ended'],
): DownstreamResponse {
  const own = ['content-type', 'content-length', 'grpc-status', 'grpc-message'];
  const type = isGrpcWeb(contentType) ? contentType! : 'application/grpc';
  return {
    status: 200,
    headers: [
      ...headers.filter(([name]) => !own.includes(name)),
      ['content-type', type],
      ['grpc-status', `${status}`],
      ...(message === '' ? [] : [['grpc-message', encodeGrpcMessage(message)] as const]),
    ],
    body: null,
    trailers: NO_TRAILERS,
    ended,
  };
}

function isGrpcWeb(contentType: string | undefined): boolean {
  return contentType?.startsWith('application/grpc-web') ?? false;
}
