/**
 * Endpoints in this process: a Connect router's services, called with trailers and without a socket, or any
 * program with a `fetch`. Imports @connectrpc/connect, nothing of a runtime's.
 */
import { type ConnectRouter, createConnectRouter } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { encodeGrpcMessage } from '../router/route/grpc.ts';
import type { FieldList, RequestHead, Stream } from '../wire/stream.ts';
import { gzip } from './compression.ts';
import { askForBody } from './continue.ts';
import { serviceFailure, urlOf } from './in-process/service.ts';
import { withSizeLimit } from './in-process/size-limit.ts';
import { type Program, type ProgramAnswer, ProgramStream } from './program-stream.ts';
import type { RequestBody } from './request-body.ts';
import type { Upstream, UpstreamReceiver } from './upstream.ts';
import { answerOf, fieldsOf, headersOf } from './web-program.ts';
import { webRequest } from './web-request.ts';

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
  /** A message larger than this is refused by Connect with `resource_exhausted`; as a body of its own with HTTP status 413. */
  readonly maxMessageBytes: number;
  /** For calls that it takes; answers are the same. Default: all calls go to Connect's own handlers. */
  readonly shortcut?: Shortcut | undefined;
}

/** A shorter way to handlers than Connect's own: sees what is registered with the router, by which it is found again. */
export type Shortcut = (
  router: ConnectRouter,
  maxMessageBytes: number,
) => {
  /** To register services on. */
  readonly router: ConnectRouter;
  /** For a method's path, once all are registered. */
  find(path: string): Shorter | undefined;
};

/** Opens a call, or undefined: it is for Connect's handlers. So is what turns out to be while it runs, by `universal`. */
export type Shorter = (
  head: RequestHead,
  hasEnded: boolean,
  receiver: UpstreamReceiver,
  universal: Universal,
) => Stream | undefined;

/** Hands a request to Connect's handlers. Of what will be written so many bytes were credited before. */
export type Universal = (
  head: RequestHead,
  receiver: UpstreamReceiver,
  prepaidBytes: number,
) => ProgramStream;

/** An upstream for either kind of handler. A Hono app is a program, though it can be called like a function. */
export function createInProcessUpstream(handler: InProcessHandler, options: InProcessOptions): Upstream {
  return 'fetch' in handler ? createFetchProgramUpstream(handler) : createConnectUpstream(handler, options);
}

/** An upstream that calls the services that `routes` registers, in all of Connect's protocols. */
export function createConnectUpstream(routes: ConnectRoutes, options: InProcessOptions): Upstream {
  const { maxMessageBytes } = options;
  const router = createConnectRouter({ acceptCompression: [gzip], readMaxBytes: maxMessageBytes });
  const shortcut = options.shortcut?.(router, maxMessageBytes);
  routes(shortcut?.router ?? router);
  const methods = new Map<string, Method>();
  for (const handler of router.handlers) {
    const program = handlerProgram(handler);
    const universal: Universal = (head, receiver, prepaidBytes) =>
      new ProgramStream(program, head, false, receiver, prepaidBytes);
    methods.set(handler.requestPath, { program, universal, shorter: shortcut?.find(handler.requestPath) });
  }
  return {
    open(head, hasEnded, receiver) {
      const method = methods.get(withoutQuery(head.path));
      if (!method) return new ProgramStream(unknownMethod, head, hasEnded, receiver);
      if (hasEnded) return openMethod(method, head, hasEnded, receiver);
      askForBody(head, receiver);
      return withSizeLimit(maxMessageBytes, head, receiver, (watched) =>
        openMethod(method, head, hasEnded, watched),
      );
    },
  };
}

function openMethod(
  method: Method,
  head: RequestHead,
  hasEnded: boolean,
  receiver: UpstreamReceiver,
): Stream {
  return (
    method.shorter?.(head, hasEnded, receiver, method.universal) ??
    new ProgramStream(method.program, head, hasEnded, receiver)
  );
}

interface Method {
  readonly program: Program;
  readonly universal: Universal;
  readonly shorter: Shorter | undefined;
}

/** An upstream that asks a program's `fetch`. Its responses have no trailers, so it cannot speak native gRPC. */
export function createFetchProgramUpstream(program: FetchProgram): Upstream {
  const asked: Program = {
    async ask(request) {
      const { head } = request;
      return answerOf(head.method, await program.fetch(webRequest(urlOf(head), request)));
    },
    failure: (cause) => ({ reason: 'remote-reset', detail: `The program in process failed: ${cause}` }),
  };
  return {
    open(head, hasEnded, receiver) {
      if (!hasEnded) askForBody(head, receiver);
      return new ProgramStream(asked, head, hasEnded, receiver);
    },
  };
}

/** Connect's own handler of a method: all protocols and kinds of call. */
function handlerProgram(handler: UniversalHandler): Program {
  return {
    async ask({ head, body, signal }) {
      const {
        status,
        header,
        trailer,
        body: answer,
      } = await handler({
        // What the client's connection was does not bind a call in process: every kind of stream works.
        httpVersion: '2',
        method: head.method,
        url: urlOf(head),
        header: headersOf(head.headers),
        body: readChunks(body),
        signal,
      });
      const headers: FieldList = header ? fieldsOf(header) : [];
      return {
        status,
        // Connect leaves out what a 405 has to say. Source: RFC 9110, 15.5.6.
        headers: status === 405 ? [...headers, ['allow', handler.allowedMethods.join(', ')]] : headers,
        body: answer?.[Symbol.asyncIterator](),
        trailers: () => (trailer ? fieldsOf(trailer) : []),
      };
    },
    failure: serviceFailure,
  };
}

async function* readChunks(body: RequestBody | undefined): AsyncGenerator<Uint8Array> {
  if (!body) return;
  try {
    for (let chunk = await body.read(); chunk; chunk = await body.read()) yield chunk;
  } finally {
    body.drop();
  }
}

/** In the words of the protocol that asks. Source: gRPC's status 12, Connect's `unimplemented`. */
const unknownMethod: Program = {
  ask: async ({ head }) => unknownMethodAnswer(head),
  failure: serviceFailure,
};

function unknownMethodAnswer({ path, headers }: RequestHead): ProgramAnswer {
  const name = withoutQuery(path);
  const message = `No method ${name.length > 1 ? name.slice(1) : `at "${name}"`}`;
  const contentType = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  if (contentType.startsWith('application/grpc')) {
    const grpc: FieldList = [
      ['content-type', contentType],
      ['grpc-status', '12'],
      ['grpc-message', encodeGrpcMessage(message)],
    ];
    return { status: 200, headers: grpc };
  }
  const text = new TextEncoder().encode(JSON.stringify({ code: 'unimplemented', message }));
  const pieces = [text].values();
  return {
    status: 404,
    headers: [['content-type', 'application/json']],
    body: { next: async () => pieces.next() },
  };
}

function withoutQuery(path: string): string {
  const end = path.indexOf('?');
  return end < 0 ? path : path.slice(0, end);
}
