/**
 * Answers of a unary method as Connect's handlers give them, in all protocols: written with Connect's own functions
 * where an answer is out of the ordinary. Imports @connectrpc/connect.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, errorToJsonBytes, trailerMux } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { COMPRESSED_FLAG, encodeEnvelope } from '../../wire/grpc/envelope.ts';
import { encodeWebTrailers, TRAILER_FLAG } from '../../wire/grpc/web-trailer.ts';
import { type Field, type FieldList, NO_FIELDS } from '../../wire/stream.ts';
import { gzip } from '../compression.ts';
import { fieldsOf } from '../web-program.ts';
import type { LeanContext } from './lean-context.ts';
import { MIN_COMPRESS_BYTES } from './lean-method.ts';
import type { LeanRequest } from './lean-request.ts';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: FieldList;
  readonly body?: Uint8Array;
  readonly trailers: FieldList;
}

/** The answer with a message. */
export function answerMessage(
  message: Uint8Array,
  request: LeanRequest,
  context: LeanContext,
): Answer | Promise<Answer> {
  if (request.format.protocol === 'connect') return answerConnect(200, message, request, context);
  if (!isCompressed(message, request)) return answerGrpc(encodeEnvelope(0, message), request, context);
  return gzip
    .compress(message as Uint8Array<ArrayBuffer>)
    .then((bytes) => answerGrpc(encodeEnvelope(COMPRESSED_FLAG, bytes), request, context));
}

/** The answer to a call that failed. What is no ConnectError stays a secret. */
export function answerError(
  thrown: unknown,
  request: LeanRequest,
  context: LeanContext,
): Answer | Promise<Answer> {
  const isConnect = request.format.protocol === 'connect';
  // Connect's gRPC handlers take a thrown `undefined` for no error.
  if (thrown === undefined && !isConnect) return answerGrpc(undefined, request, context);
  const error =
    thrown instanceof ConnectError
      ? thrown
      : new ConnectError('internal error', Code.Internal, undefined, undefined, thrown);
  if (!isConnect) {
    setTrailerStatus(context.responseTrailer, error);
    return answerGrpc(undefined, request, context);
  }
  context.responseHeader.set('content-type', 'application/json');
  if (!isFromWire(error)) mergeNonProtocolHeaders(context.responseHeader, error.metadata);
  return answerConnect(codeToHttpStatus(error.code), errorToJsonBytes(error, undefined), request, context);
}

function answerConnect(
  status: number,
  body: Uint8Array,
  request: LeanRequest,
  context: LeanContext,
): Answer | Promise<Answer> {
  if (!isCompressed(body, request))
    return { status, headers: connectHead(body, request, context), body, trailers: NO_FIELDS };
  return gzip.compress(body as Uint8Array<ArrayBuffer>).then((bytes) => {
    context.responseHeader.set('content-encoding', gzip.name);
    return { status, headers: connectHead(bytes, request, context), body: bytes, trailers: NO_FIELDS };
  });
}

/** Connect has a unary method's trailers among the headers. */
function connectHead(body: Uint8Array, { format }: LeanRequest, context: LeanContext): FieldList {
  const length = String(body.length);
  if (!context.askedHeader && !context.askedTrailer) return [['content-length', length], format.contentType];
  const headers = trailerMux(context.responseHeader, context.responseTrailer);
  headers.set('content-length', length);
  return fieldsOf(headers);
}

function answerGrpc(
  envelope: Uint8Array | undefined,
  request: LeanRequest,
  context: LeanContext,
): Answer | Promise<Answer> {
  const headers = context.headFields();
  const trailer = context.askedTrailer;
  if (request.format.protocol === 'grpc') {
    const trailers = trailer ? fieldsOf(trailer) : GRPC_OK;
    return envelope ? { status: 200, headers, body: envelope, trailers } : { status: 200, headers, trailers };
  }
  const answer = (frame: Uint8Array): Answer => {
    const body = envelope ? join(envelope, frame) : frame;
    return { status: 200, headers, body, trailers: NO_FIELDS };
  };
  if (!trailer) return answer(WEB_OK);
  const lines = trailerSerialize(trailer);
  if (!isCompressed(lines, request)) return answer(encodeEnvelope(TRAILER_FLAG, lines));
  return gzip
    .compress(lines as Uint8Array<ArrayBuffer>)
    .then((bytes) => answer(encodeEnvelope(TRAILER_FLAG | COMPRESSED_FLAG, bytes)));
}

const GRPC_OK: readonly Field[] = [['grpc-status', '0']];
const WEB_OK = encodeWebTrailers(GRPC_OK);

function isCompressed(bytes: Uint8Array, { takesGzip }: LeanRequest): boolean {
  return takesGzip && bytes.length >= MIN_COMPRESS_BYTES;
}

/** True: another server's error, whose metadata is not passed on. The field is no part of Connect's types. */
function isFromWire(error: ConnectError): boolean {
  return (error as { isWireError?: boolean }).isWireError === true;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
