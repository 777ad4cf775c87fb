/** Answers that no upstream gave, as errors that a Connect client knows. Imports Connect's errors. */
import { Code, ConnectError } from '@connectrpc/connect';
import { grpcStatusOf } from '../router/route/grpc.ts';
import { firstHeader } from '../router/route/header.ts';
import type { Decision } from '../router/table/decision.ts';
import { headersOf } from '../upstream/web-program.ts';
import { decodeGrpcMessage } from '../wire/grpc/status.ts';
import type { FieldList } from '../wire/stream.ts';

/** An answer that was not an upstream's. */
export interface LocalAnswer {
  readonly status: number;
  readonly headers: FieldList;
  readonly body: string;
  /** Envoy's response flags, as {@link Exchange} has them. */
  readonly flag: string | undefined;
}

/**
 * True where the answer is one that a rule wrote for RPC clients: success, or Connect's own JSON. It is passed on as if
 * a server had given it.
 */
export function isForClients({ status, headers, flag }: Omit<LocalAnswer, 'body'>): boolean {
  if (flag !== undefined || firstHeader(headers, 'grpc-status') !== undefined) return false;
  if (status < 300) return true;
  return status >= 400 && (firstHeader(headers, 'content-type')?.startsWith('application/json') ?? false);
}

/**
 * The error for an answer. Codes are those that gRPC and Connect give HTTP's statuses, but that a call whose time is
 * over is told so: where Envoy in between would say `unavailable`, gRPC's own clients say `deadline_exceeded`.
 *
 * Source: Envoy `source/common/grpc/status.cc` (Utility::httpToGrpcStatus), gRPC A31 (timeouts of routes).
 */
export function errorOf(decision: Decision, answer: LocalAnswer): ConnectError {
  const { headers, flag } = answer;
  const code = hasFlag(flag, 'UT') ? Code.DeadlineExceeded : codeOf(grpcStatusIn(decision, answer));
  return new ConnectError(messageOf(decision, answer), code, metadataOf(headers));
}

/** The error for an answer that broke off, by the flags of its exchange. */
export function brokenOff(flag: string | undefined): ConnectError {
  if (hasFlag(flag, 'UT'))
    return new ConnectError('the time that the rule gives the call is over', Code.DeadlineExceeded);
  if (hasFlag(flag, 'UC'))
    return new ConnectError('the endpoint closed the connection within its answer', Code.Unavailable);
  return new ConnectError('the endpoint broke its answer off', Code.Internal);
}

/** True where the endpoint has reset the stream. */
export function isReset(flag: string | undefined): boolean {
  return hasFlag(flag, 'UR');
}

function grpcStatusIn({ fault }: Decision, { status, headers, flag }: LocalAnswer): number {
  // Who breaks the protocol is not merely away.
  if (hasFlag(flag, 'UPE')) return Code.Unknown;
  const told = firstHeader(headers, 'grpc-status');
  if (told !== undefined) return Number(told);
  // Who speaks no gRPC does not see such a status on the wire.
  if (hasFlag(flag, 'FI') && fault?.abort && 'grpcStatus' in fault.abort) return fault.abort.grpcStatus;
  return grpcStatusOf(status);
}

function messageOf(decision: Decision, { status, headers, body, flag }: LocalAnswer): string {
  const location = firstHeader(headers, 'location');
  if (location !== undefined) return `the rule redirects to ${location}, where a client of RPCs does not go`;
  const told = firstHeader(headers, 'grpc-message');
  const text = told === undefined ? body : decodeGrpcMessage(told);
  if (decision.kind === 'reply') return text === '' ? decision.reason : text;
  if (flag === undefined || hasFlag(flag, 'FI')) return text;
  const { host, subset } = decision.destination ?? {};
  const failure = text === '' ? `HTTP ${status}` : text;
  return host === undefined
    ? failure
    : `${failure} (${host}${subset === undefined ? '' : ` subset ${subset}`})`;
}

function hasFlag(flag: string | undefined, wanted: string): boolean {
  return flag?.split(',').includes(wanted) ?? false;
}

/** Connect's codes are gRPC's numbers, but that no error can be OK. */
function codeOf(grpcStatus: number): Code {
  return grpcStatus >= 1 && grpcStatus <= 16 ? grpcStatus : Code.Unknown;
}

/** What a client may want to know, without what only the protocol does. */
function metadataOf(headers: FieldList): Headers {
  return headersOf(headers.filter(([name]) => !PROTOCOL.has(name)));
}

const PROTOCOL: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'date',
  'grpc-message',
  'grpc-status',
]);
