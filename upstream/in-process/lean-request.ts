/**
 * Which calls need nothing but bytes, message, handler, bytes: those whose headers say nothing unusual. Everything
 * else is left to Connect's handlers. Imports @connectrpc/connect.
 */
import { parseTimeout as parseConnectTimeout } from '@connectrpc/connect/protocol-connect';
import { parseTimeout as parseGrpcTimeout } from '@connectrpc/connect/protocol-grpc';
import type { Field, FieldList, RequestHead } from '../../wire/stream.ts';
import { gzip } from '../compression.ts';

/** A protocol with the coding of its messages. */
export interface LeanFormat {
  readonly protocol: 'grpc' | 'grpc-web' | 'connect';
  readonly isBinary: boolean;
  /** Of an answer. */
  readonly contentType: Field;
  /** The head of an answer to which the handler adds nothing; of gRPC, as Connect's has a length. */
  readonly head: FieldList;
  /** The same when the client takes gzip. */
  readonly gzipHead: FieldList;
}

/** What a regular request's headers say. */
export interface LeanRequest {
  readonly format: LeanFormat;
  readonly timeoutMs: number | undefined;
  /** The client takes an answer in gzip. */
  readonly takesGzip: boolean;
  /** Of Connect; -1 when nothing is said. */
  readonly contentLength: number;
}

function format(protocol: LeanFormat['protocol'], isBinary: boolean, contentType: string): LeanFormat {
  const field: Field = ['content-type', contentType];
  return {
    protocol,
    isBinary,
    contentType: field,
    head: [field],
    gzipHead: [field, ['grpc-encoding', gzip.name]],
  };
}

const GRPC = format('grpc', true, 'application/grpc+proto');
const GRPC_WEB = format('grpc-web', true, 'application/grpc-web+proto');
const CONNECT_PROTO = format('connect', true, 'application/proto');
const CONNECT_JSON = format('connect', false, 'application/json');

function formatOf(contentType: string): LeanFormat | undefined {
  switch (contentType) {
    case 'application/grpc':
    case 'application/grpc+proto':
      return GRPC;
    case 'application/grpc-web':
    case 'application/grpc-web+proto':
      return GRPC_WEB;
    case 'application/proto':
      return CONNECT_PROTO;
    case 'application/json':
      return CONNECT_JSON;
    default:
      return undefined;
  }
}

/** The request, when its handling is regular; undefined when Connect's handlers should have it. */
export function readLeanRequest(head: RequestHead): LeanRequest | undefined {
  if (head.method !== 'POST') return undefined;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  let contentEncoding: string | undefined;
  let acceptEncoding: string | undefined;
  let connectTimeout: string | undefined;
  let grpcTimeout: string | undefined;
  let grpcEncoding: string | undefined;
  let grpcAcceptEncoding: string | undefined;
  const { headers } = head;
  for (let index = 0; index < headers.length; index++) {
    const field = headers[index]!;
    const name = field[0];
    let before: string | undefined;
    // By length first: most names are none of these.
    switch (name.length) {
      case 12:
        if (name === 'content-type') {
          before = contentType;
          contentType = field[1];
        } else if (name === 'grpc-timeout') {
          before = grpcTimeout;
          grpcTimeout = field[1];
        }
        break;
      case 13:
        if (name === 'grpc-encoding') {
          before = grpcEncoding;
          grpcEncoding = field[1];
        }
        break;
      case 14:
        if (name === 'content-length') {
          before = contentLength;
          contentLength = field[1];
        }
        break;
      case 15:
        if (name === 'accept-encoding') {
          before = acceptEncoding;
          acceptEncoding = field[1];
        }
        break;
      case 16:
        if (name === 'content-encoding') {
          before = contentEncoding;
          contentEncoding = field[1];
        }
        break;
      case 18:
        if (name === 'connect-timeout-ms') {
          before = connectTimeout;
          connectTimeout = field[1];
        }
        break;
      case 20:
        if (name === 'grpc-accept-encoding') {
          before = grpcAcceptEncoding;
          grpcAcceptEncoding = field[1];
        }
        break;
    }
    if (before !== undefined) return undefined;
  }
  const format = contentType === undefined ? undefined : formatOf(contentType);
  if (!format) return undefined;
  const isConnect = format.protocol === 'connect';
  const encoding = isConnect ? contentEncoding : grpcEncoding;
  if (encoding !== undefined && encoding !== 'identity') return undefined;
  const length = !isConnect || contentLength === undefined ? -1 : digits(contentLength);
  if (length === undefined || (isConnect && !isValidAuthority(head))) return undefined;
  const timeout = isConnect ? connectTimeout : grpcTimeout;
  let timeoutMs: number | undefined;
  if (timeout !== undefined) {
    const parsed = isConnect
      ? parseConnectTimeout(timeout, MAX_TIMEOUT_MS)
      : parseGrpcTimeout(timeout, MAX_TIMEOUT_MS);
    if (parsed.error) return undefined;
    timeoutMs = parsed.timeoutMs;
  }
  const takesGzip = takes(isConnect ? acceptEncoding : grpcAcceptEncoding);
  return { format, timeoutMs, takesGzip, contentLength: length };
}

/** Connect's own default. */
const MAX_TIMEOUT_MS = Number.MAX_SAFE_INTEGER;

/** As Connect reads such a list: names alone, so that one with a weight is another name. */
function takes(accepted: string | undefined): boolean {
  if (accepted === undefined || !accepted.includes(gzip.name)) return false;
  return accepted === gzip.name || accepted.split(',').some((name) => name.trim() === gzip.name);
}

function digits(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

let validScheme = '';
let validAuthority = '';

/** Connect's handlers make a URL of it and fail where it is none. Asked again and again for the same. */
function isValidAuthority({ scheme, authority }: RequestHead): boolean {
  if (authority === validAuthority && scheme === validScheme) return true;
  if (!URL.canParse(`${scheme}://${authority}/`)) return false;
  validScheme = scheme;
  validAuthority = authority;
  return true;
}
