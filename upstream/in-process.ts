/**
 * Endpoints in this process: a Connect router's handlers, called with trailers and without a socket, or any
 * program with a `fetch`. Imports @connectrpc/connect, nothing of a runtime's.
 */
import { type ConnectRouter, createConnectRouter } from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { encodeGrpcMessage } from '../router/route/grpc.ts';
import type { HeaderList } from '../router/table/request.ts';
import { gzip } from './compression.ts';
import { type Upstream, UpstreamError, type UpstreamRequest, type UpstreamResponse } from './exchange.ts';

/** Registers services on a Connect router, as @connectrpc's own adapters take them. */
export type ConnectRoutes = (router: ConnectRouter) => void;

/** Anything that answers web requests: a Hono app, `{ fetch }`. */
export interface FetchProgram {
  fetch(request: Request): Response | Promise<Response>;
}

/** What can stand behind an endpoint in this process. */
export type InProcessHandler = ConnectRoutes | FetchProgram;

/** Limits of an endpoint in process. */
export interface InProcessOptions {
  /** A message larger than this is refused by Connect with `resource_exhausted`. */
  readonly maxMessageBytes: number;
}

/** An upstream for either kind of handler. A Hono app is a program, though it can be called like a function. */
export function createInProcessUpstream(handler: InProcessHandler, options: InProcessOptions): Upstream {
  return 'fetch' in handler ? createFetchProgramUpstream(handler) : createConnectUpstream(handler, options);
}

const NO_TRAILERS: Promise<HeaderList> = Promise.resolve([]);

/** An upstream that calls the handlers of the services that `routes` registers, in all of Connect's protocols. */
export function createConnectUpstream(routes: ConnectRoutes, options: InProcessOptions): Upstream {
  const router = createConnectRouter({
    acceptCompression: [gzip],
    readMaxBytes: options.maxMessageBytes,
  });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    buffers: true,
    async send(request) {
      const handler = handlers.get(request.path.split('?', 1)[0]!);
      return handler ? call(handler, request) : unknownMethod(request);
    },
  };
}

/** An upstream that asks a program's `fetch`. Its responses have no trailers, so it cannot speak native gRPC. */
export function createFetchProgramUpstream(program: FetchProgram): Upstream {
  return {
    async send(request) {
      const { method, body, signal } = request;
      const url = `${request.scheme}://${request.authority}${request.path}`;
      const init = { method, headers: headersOf(request.headers), body, signal, duplex: 'half' };
      let response: Response;
      try {
        response = await program.fetch(new Request(url, init as RequestInit));
      } catch (cause) {
        throw new UpstreamError('remote-reset', `The program in process failed: ${cause}`, { cause });
      }
      return {
        status: response.status,
        headers: headerListOf(response.headers),
        body: response.body as ReadableStream<Uint8Array> | null,
        trailers: NO_TRAILERS,
      };
    },
  };
}

async function call(handler: UniversalHandler, request: UpstreamRequest): Promise<UpstreamResponse> {
  let response: UniversalServerResponse;
  try {
    response = await handler({
      // What the client's connection was does not bind a call in process: every kind of stream works.
      httpVersion: '2',
      method: request.method,
      url: `${request.scheme}://${request.authority}${request.path}`,
      header: headersOf(request.headers),
      body: readChunks(request.body),
      signal: request.signal,
    });
    return await answerOf(response);
  } catch (cause) {
    throw new UpstreamError('remote-reset', `The service in process failed: ${cause}`, { cause });
  }
}

/** Waits for the first bytes, as a handler may set headers until then. */
async function answerOf(response: UniversalServerResponse): Promise<UpstreamResponse> {
  const iterator = response.body?.[Symbol.asyncIterator]();
  let first = await iterator?.next();
  const head = { status: response.status, headers: headerListOf(response.header) };
  const readTrailers = (): HeaderList => headerListOf(response.trailer);
  if (!iterator || first?.done) return { ...head, body: null, trailers: Promise.resolve(readTrailers()) };
  const trailers = Promise.withResolvers<HeaderList>();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = first ?? (await iterator.next());
          first = undefined;
          if (!next.done) return controller.enqueue(next.value);
          trailers.resolve(readTrailers());
          controller.close();
        } catch (error) {
          trailers.resolve([]);
          controller.error(error);
        }
      },
      async cancel() {
        trailers.resolve([]);
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return { ...head, body, trailers: trailers.promise };
}

async function* readChunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** In the words of the protocol that asks. Source: gRPC's status 12, Connect's `unimplemented`. */
function unknownMethod({ path, headers }: UpstreamRequest): UpstreamResponse {
  const method = path.split('?', 1)[0]!.slice(1);
  const message = `No method ${method}`;
  const contentType = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const trailers = NO_TRAILERS;
  if (contentType.startsWith('application/grpc')) {
    const grpc: HeaderList = [
      ['content-type', contentType],
      ['grpc-status', '12'],
      ['grpc-message', encodeGrpcMessage(message)],
    ];
    return { status: 200, headers: grpc, body: null, trailers };
  }
  const text = JSON.stringify({ code: 'unimplemented', message });
  const body = new Response(text).body as ReadableStream<Uint8Array>;
  return { status: 404, headers: [['content-type', 'application/json']], body, trailers };
}

function headersOf(list: HeaderList): Headers {
  const headers = new Headers();
  for (const [name, value] of list) headers.append(name, value);
  return headers;
}

function headerListOf(headers: Headers | undefined): HeaderList {
  return headers ? [...headers] : [];
}
