/** Answers that no upstream gives: their headers, and how gRPC clients are told. Imports table types. */
import type { Fault, HeaderOperation, LocalReply, ResponseFlag } from '../table/decision.ts';
import type { HeaderList } from '../table/request.ts';
import type { Route } from '../table/route-table.ts';
import { grpcStatusOf } from './grpc.ts';
import { firstHeader } from './header.ts';
import { applyHeaderOperations } from './header-operation.ts';
import type { RequestView } from './request.ts';

/** What an answer is made of. */
export interface ReplyParts {
  readonly status: number;
  readonly headers?: HeaderList;
  /** Changes of the rule's to the headers, for the answers that a rule asks for. */
  readonly operations?: readonly HeaderOperation[];
  readonly body?: string | Uint8Array;
  readonly flag?: ResponseFlag;
  readonly fault?: Fault | undefined;
  /** Envoy's word for the answer: `direct_response`. */
  readonly details?: string;
  /** See {@link LocalReply.reason}. */
  readonly reason: string;
}

/** A decision in the making. */
export type Writable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

/** The same object, told which route it comes from and which fault was drawn for it. */
export function withRoute(
  reply: Writable<LocalReply>,
  virtualHost: string,
  { name, origin }: Route,
  fault: Fault | undefined,
): LocalReply {
  reply.virtualHost = virtualHost;
  if (name !== undefined) reply.route = name;
  if (origin) reply.rule = origin;
  if (fault) reply.fault = fault;
  return reply;
}

/**
 * The answer to a request, its headers final. Text has content type `text/plain` unless the rule sets another;
 * gRPC gets the body as its message.
 *
 * Source: Envoy `source/common/http/utility.cc` (Utility::prepareLocalReply).
 */
export function localReply(
  view: Pick<RequestView, 'isGrpc' | 'method'> | undefined,
  parts: ReplyParts,
): Writable<LocalReply> {
  const { status, body = '', flag, fault, details, reason } = parts;
  const outcome = {
    status,
    isLocal: true as const,
    fault,
    ...(flag && { flag }),
    ...(details && { details }),
  };
  const isGrpc = view?.isGrpc ?? false;
  const headers = replyHeaders(
    applyHeaderOperations(parts.headers ?? [], parts.operations ?? [], outcome),
    body,
    isGrpc,
  );
  const reply: Writable<LocalReply> = { kind: 'reply', status, headers, body, responseHeaders: [], reason };
  if (isGrpc) reply.grpc = grpcOf(status, headers, view?.method === 'HEAD' ? '' : body);
  if (flag) reply.flag = flag;
  return reply;
}

/** Headers that fit a body: text is `text/plain` unless the rule says otherwise, no body has no type; the length is not the rule's. */
export function replyHeaders(headers: HeaderList, body: string | Uint8Array, isGrpc: boolean): HeaderList {
  const kept = headers.filter(([name]) => name !== 'content-length');
  if (isGrpc) return kept;
  if (body.length === 0) return kept.filter(([name]) => name !== 'content-type');
  return firstHeader(kept, 'content-type') === undefined ? [...kept, ['content-type', 'text/plain']] : kept;
}

/** A rule may set `grpc-status` and `grpc-message` itself. */
function grpcOf(
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
): { status: number; message: string } {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  return {
    status: Number(firstHeader(headers, 'grpc-status') ?? grpcStatusOf(status)),
    message: firstHeader(headers, 'grpc-message') ?? text,
  };
}
