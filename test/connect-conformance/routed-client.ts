/**
 * A client of @connectrpc/connect that the suite tests, as a program: over the routed transport, straight to the suite's
 * server, or over @connectrpc/connect-node's own transports, to compare with.
 *
 *     routed-client.ts [routed|stock]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  create,
  createRegistry,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { AnySchema, anyUnpackTo } from '@bufbuild/protobuf/wkt';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  compressionGzip as nodeGzip,
} from '@connectrpc/connect-node';
import { compressionGzip, createRoutedTransport } from '../../client/index.ts';
import { readFramed, writeFramed } from './framed.ts';
import { before } from './gateway.ts';
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  ClientCompatResponseSchema,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from './gen/connectrpc/conformance/v1/client_compat_pb.ts';
import {
  Codec,
  Compression,
  type Code as ErrorCode,
  HTTPVersion,
  Protocol,
  StreamType,
} from './gen/connectrpc/conformance/v1/config_pb.ts';
import {
  type ClientStreamRequest,
  type ConformancePayload,
  ConformancePayloadSchema,
  ConformanceService,
  ErrorSchema,
  file_connectrpc_conformance_v1_service,
  type Header,
  HeaderSchema,
} from './gen/connectrpc/conformance/v1/service_pb.ts';

// Requests are given back within the answer, which in JSON needs to know their types.
const registry = createRegistry(file_connectrpc_conformance_v1_service);
const isStock = process.argv[2] === 'stock';
const transports = new Map<string, Transport>();

/** One for all calls of a kind to one server. */
function transportFor(asked: ClientCompatRequest): Transport {
  const { port, protocol, httpVersion, codec, compression, messageReceiveLimit, useGetHttpMethod } = asked;
  const key = [port, protocol, httpVersion, codec, compression, messageReceiveLimit, useGetHttpMethod].join();
  let transport = transports.get(key);
  if (!transport) {
    transport = openTransport(asked);
    transports.set(key, transport);
  }
  return transport;
}

function openTransport(asked: ClientCompatRequest): Transport {
  const gzip = isStock ? nodeGzip : compressionGzip;
  const options = {
    useBinaryFormat: asked.codec === Codec.PROTO,
    useHttpGet: asked.useGetHttpMethod,
    acceptCompression: asked.compression === Compression.GZIP ? [gzip] : [],
    ...(asked.compression === Compression.GZIP && { sendCompression: gzip }),
    compressMinBytes: 0,
    jsonOptions: { registry },
    ...(asked.messageReceiveLimit > 0 && { readMaxBytes: asked.messageReceiveLimit }),
  };
  const isHttp2 = asked.httpVersion === HTTPVersion.HTTP_VERSION_2;
  if (!isStock) {
    const services = before(asked.port, isHttp2).remoteServices ?? [];
    const protocol = ROUTED[asked.protocol];
    if (!protocol) throw new TypeError(`Cannot speak protocol ${asked.protocol}`);
    // Each case counts its requests.
    const meshConfig = { defaultHttpRetryPolicy: { attempts: 0 } };
    return createRoutedTransport({
      ...options,
      services,
      protocol,
      meshConfig,
      baseUrl: 'http://conformance',
    });
  }
  const all = { ...options, baseUrl: `http://${asked.host}:${asked.port}` };
  if (asked.protocol === Protocol.GRPC) return createGrpcTransport(all);
  const open = asked.protocol === Protocol.GRPC_WEB ? createGrpcWebTransport : createConnectTransport;
  return isHttp2 ? open({ ...all, httpVersion: '2' }) : open({ ...all, httpVersion: '1.1' });
}

const ROUTED: Readonly<Partial<Record<Protocol, 'connect' | 'grpc' | 'grpc-web'>>> = {
  [Protocol.CONNECT]: 'connect',
  [Protocol.GRPC]: 'grpc',
  [Protocol.GRPC_WEB]: 'grpc-web',
};

/** A response's payload; an empty one of a response without. */
const payloadOf = (message: MessageShape<DescMethod['output']>): ConformancePayload =>
  (message as { payload?: ConformancePayload }).payload ?? create(ConformancePayloadSchema);

/** Makes the call, and tells what came of it. */
async function call(asked: ClientCompatRequest): Promise<ClientResponseResult> {
  const method = ConformanceService.methods.find(({ name }) => name === asked.method);
  if (!method) throw new TypeError(`Cannot call ${asked.service}/${asked.method}: there is no such method`);
  const transport = transportFor(asked);
  const { cancel, requestDelayMs, timeoutMs } = asked;
  const result = create(ClientResponseResultSchema);
  const headers = new Headers();
  for (const { name, value } of asked.requestHeaders) for (const each of value) headers.append(name, each);
  const messages = asked.requestMessages.map((any) => {
    const message = anyUnpackTo(any, method.input, create(method.input));
    if (!message) throw new TypeError(`Cannot read a request of ${any.typeUrl}`);
    return message;
  });
  const stop = new AbortController();
  const cancelAfter = (): void => {
    const { case: when, value } = cancel?.cancelTiming ?? {};
    if (!cancel || when === 'afterNumResponses') return;
    if (when === 'beforeCloseSend') stop.abort();
    else setTimeout(() => stop.abort(), when === 'afterCloseSendMs' ? value : 0);
  };
  const told = { headers: false };
  result.numUnsentRequests = messages.length;
  try {
    if (method.methodKind === 'unary') {
      if (requestDelayMs > 0) await sleep(requestDelayMs);
      const answer = transport.unary(
        method as DescMethodUnary,
        stop.signal,
        timeoutMs,
        headers,
        messages[0]!,
      );
      result.numUnsentRequests = 0;
      cancelAfter();
      const { header, message, trailer } = await answer;
      result.responseHeaders = fieldsOf(header);
      result.payloads.push(payloadOf(message));
      result.responseTrailers = fieldsOf(trailer);
      return result;
    }
    const isFullDuplex = asked.streamType === StreamType.FULL_DUPLEX_BIDI_STREAM;
    let responded = Promise.withResolvers<void>();
    async function* requests() {
      for (const [index, message] of messages.entries()) {
        if (requestDelayMs > 0) await sleep(requestDelayMs);
        const last = responded;
        if (isFullDuplex && index > 0) await last.promise;
        if (isFullDuplex) responded = Promise.withResolvers();
        result.numUnsentRequests--;
        yield message;
      }
      if (isFullDuplex && messages.length > 0) await responded.promise;
      cancelAfter();
      if (cancel?.cancelTiming.case === 'beforeCloseSend') await new Promise(() => {});
    }
    if (method.methodKind === 'client_streaming') {
      const message = await createClient(ConformanceService, transport).clientStream(
        requests() as AsyncIterable<ClientStreamRequest>,
        {
          signal: stop.signal,
          ...(timeoutMs !== undefined && { timeoutMs }),
          headers,
          onHeader(header) {
            told.headers = true;
            result.responseHeaders = fieldsOf(header);
          },
          onTrailer(trailer) {
            result.responseTrailers = fieldsOf(trailer);
          },
        },
      );
      result.payloads.push(payloadOf(message));
      return result;
    }
    const answer = await transport.stream(
      method as DescMethodStreaming,
      stop.signal,
      timeoutMs,
      headers,
      requests(),
    );
    result.responseHeaders = fieldsOf(answer.header);
    told.headers = true;
    for await (const message of answer.message) {
      result.payloads.push(payloadOf(message));
      responded.resolve();
      const { case: when, value } = cancel?.cancelTiming ?? {};
      if (when === 'afterNumResponses' && result.payloads.length === value) stop.abort();
    }
    result.responseTrailers = fieldsOf(answer.trailer);
  } catch (cause) {
    const error = ConnectError.from(cause);
    result.error = create(ErrorSchema, {
      code: error.code as number as ErrorCode,
      message: error.rawMessage,
      details: error.details.flatMap((detail) =>
        'type' in detail
          ? [create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value })]
          : [],
      ),
    });
    // Connect's errors have headers and trailers in one.
    if (!told.headers) result.responseHeaders = fieldsOf(error.metadata);
    result.responseTrailers = fieldsOf(error.metadata);
  }
  return result;
}

function fieldsOf(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => create(HeaderSchema, { name, value: [value] }));
}

for await (const message of readFramed(process.stdin)) {
  const asked = fromBinary(ClientCompatRequestSchema, message);
  void call(asked)
    .then(
      (value) => ({ case: 'response', value }) as const,
      (error) => ({ case: 'error', value: { message: `${error}` } }) as const,
    )
    .then((result) => {
      const answer = create(ClientCompatResponseSchema, { testName: asked.testName, result });
      process.stdout.write(writeFramed(toBinary(ClientCompatResponseSchema, answer)));
    });
}
