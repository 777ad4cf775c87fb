/** The suite's service: answers as each request says. Imports the generated messages and @connectrpc/connect. */
import { setTimeout as sleep } from 'node:timers/promises';
import { create, createRegistry } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import {
  type Code,
  ConnectError,
  type ConnectRouter,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect';
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  ConformanceService,
  type Error as ErrorDefinition,
  file_connectrpc_conformance_v1_service,
  type Header,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from './gen/connectrpc/conformance/v1/service_pb.ts';

/** What was asked, as it was seen. */
function requestInfo(context: HandlerContext, requests: Any[]): ConformancePayload_RequestInfo {
  const timeoutMs = context.timeoutMs();
  const queryParams = context.requestMethod === 'GET' ? [...new URL(context.url).searchParams] : [];
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: [value] })),
    requests,
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.floor(timeoutMs)) }),
    ...(queryParams.length > 0 && {
      connectGetInfo: { queryParams: queryParams.map(([name, value]) => ({ name, value: [value] })) },
    }),
  });
}

function append(headers: Headers, added: readonly Header[]): void {
  for (const { name, value } of added) for (const each of value) headers.append(name, each);
}

function errorOf({ code, message, details }: ErrorDefinition, more: readonly Any[]): ConnectError {
  const error = new ConnectError(message ?? '', code as unknown as Code);
  error.details = [...details, ...more].map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }));
  return error;
}

/** Unary and client-streaming answers are made alike. */
async function answerOnce(
  definition: UnaryResponseDefinition | undefined,
  context: HandlerContext,
  requests: Any[],
): Promise<{ payload: { data: Uint8Array; requestInfo: ConformancePayload_RequestInfo } }> {
  const info = requestInfo(context, requests);
  if (definition) {
    append(context.responseHeader, definition.responseHeaders);
    append(context.responseTrailer, definition.responseTrailers);
    if (definition.responseDelayMs > 0) await sleep(definition.responseDelayMs);
  }
  const response = definition?.response;
  if (response?.case === 'error')
    throw errorOf(response.value, [anyPack(ConformancePayload_RequestInfoSchema, info)]);
  const data = response?.case === 'responseData' ? response.value : new Uint8Array(0);
  return { payload: { data, requestInfo: info } };
}

/** The payloads from number `from` on, and the error after them. `info` goes with the first of all. */
async function* answerRest(
  definition: StreamResponseDefinition,
  from: number,
  info: () => ConformancePayload_RequestInfo,
): AsyncGenerator<{ payload: { data: Uint8Array; requestInfo?: ConformancePayload_RequestInfo } }> {
  for (let index = from; index < definition.responseData.length; index++) {
    if (definition.responseDelayMs > 0) await sleep(definition.responseDelayMs);
    const data = definition.responseData[index]!;
    yield { payload: index === 0 ? { data, requestInfo: info() } : { data } };
  }
  if (!definition.error) return;
  const isFirst = Math.max(from, definition.responseData.length) === 0;
  throw errorOf(definition.error, isFirst ? [anyPack(ConformancePayload_RequestInfoSchema, info())] : []);
}

const service: Partial<ServiceImpl<typeof ConformanceService>> = {
  unary: (request, context) =>
    answerOnce(request.responseDefinition, context, [anyPack(UnaryRequestSchema, request)]),
  idempotentUnary: (request, context) =>
    answerOnce(request.responseDefinition, context, [anyPack(IdempotentUnaryRequestSchema, request)]),
  async clientStream(stream, context) {
    let definition: UnaryResponseDefinition | undefined;
    const requests: Any[] = [];
    for await (const request of stream) {
      if (requests.length === 0) definition = request.responseDefinition;
      requests.push(anyPack(ClientStreamRequestSchema, request));
    }
    return answerOnce(definition, context, requests);
  },
  async *serverStream(request, context) {
    const definition = request.responseDefinition;
    if (!definition) return;
    append(context.responseHeader, definition.responseHeaders);
    append(context.responseTrailer, definition.responseTrailers);
    yield* answerRest(definition, 0, () =>
      requestInfo(context, [anyPack(ServerStreamRequestSchema, request)]),
    );
  },
  async *bidiStream(stream, context) {
    let definition: StreamResponseDefinition | undefined;
    let isFullDuplex = false;
    let requests: Any[] = [];
    let isFirst = true;
    let answered = 0;
    for await (const request of stream) {
      requests.push(anyPack(BidiStreamRequestSchema, request));
      if (isFirst) {
        isFirst = false;
        definition = request.responseDefinition;
        isFullDuplex = request.fullDuplex;
        append(context.responseHeader, definition?.responseHeaders ?? []);
        append(context.responseTrailer, definition?.responseTrailers ?? []);
      }
      if (!isFullDuplex) continue;
      const data = definition?.responseData[answered];
      if (data === undefined) break;
      if (definition!.responseDelayMs > 0) await sleep(definition!.responseDelayMs);
      const info = answered === 0 ? requestInfo(context, requests) : { requests };
      yield { payload: { data, requestInfo: create(ConformancePayload_RequestInfoSchema, info) } };
      answered++;
      requests = [];
    }
    if (definition) yield* answerRest(definition, answered, () => requestInfo(context, requests));
  },
};

/** Registers it; `unimplemented` is not there. */
export function conformanceRoutes(router: ConnectRouter): void {
  // Requests are given back within the answer, which in JSON needs to know their types.
  router.service(ConformanceService, service, {
    jsonOptions: { registry: createRegistry(file_connectrpc_conformance_v1_service) },
  });
}
