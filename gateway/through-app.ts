/**
 * A listener's call that the Hono app has a say in: it goes as `Request` to the app and comes back as `Response`,
 * raw head and trailers beside. Imports the wire's types.
 */
import type { RouteRequest } from '../router/table/request.ts';
import { askForBody } from '../upstream/continue.ts';
import {
  type Program,
  type ProgramAnswer,
  type ProgramRequest,
  ProgramStream,
} from '../upstream/program-stream.ts';
import type { ResetReason, UpstreamReceiver } from '../upstream/upstream.ts';
import { answerOf } from '../upstream/web-program.ts';
import { webRequest } from '../upstream/web-request.ts';
import {
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ServerStream,
  type StreamReceiver,
} from '../wire/stream.ts';
import type { GatewayBindings, ListenerExchange } from './exchange.ts';
import type { Serve } from './listener/listening.ts';

/** The app's own `fetch`. */
export type AppFetch = (request: Request, bindings: GatewayBindings) => Response | Promise<Response>;

/** Methods that `Request` refuses, and that nothing here can carry. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);
/** What their 405 has to say. Source: RFC 9110, 15.5.6. */
const ALLOW: FieldList = [['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']];

/** Has the app answer. `warn` is told of its faults. */
export function throughApp(
  fetch: AppFetch,
  stream: ServerStream,
  head: RouteRequest,
  hasEnded: boolean,
  servicePort: number | undefined,
  warn: (message: string) => void,
): StreamReceiver {
  const program: Program = {
    ask: (request) => ask(fetch, request, head, servicePort),
    failure(cause, hasAnswered) {
      if (!hasAnswered) warn(`Cannot answer ${head.method} ${head.path}: ${cause}`);
      return { reason: 'remote-reset', detail: `${cause}` };
    },
  };
  const answer = new AppAnswer(stream);
  if (!hasEnded) askForBody(head, stream);
  const asked = new ProgramStream(program, head satisfies RequestHead, hasEnded, answer);
  answer.consumed = (bytes) => asked.consumed(bytes);
  return {
    data: (chunk) => asked.write(chunk),
    end: (trailers) => asked.end(trailers),
    reset: () => asked.reset(ERROR_CODE.CANCEL),
    sent: (bytes) => asked.consumed(bytes),
  };
}

/** Serves any app on a listener, as it would be served through the web's types everywhere. */
export function serveApp(fetch: AppFetch, warn: (message: string) => void): Serve {
  return (stream, head, hasEnded, { port, servicePort, http2, tls, sourceAddress }) => {
    const { method, scheme, authority, path, headers } = head;
    const known = sourceAddress === undefined ? {} : { sourceAddress };
    const request = { method, scheme, authority, path, headers, port, http2, tls, ...known };
    return throughApp(fetch, stream, request, hasEnded, servicePort, warn);
  };
}

async function ask(
  fetch: AppFetch,
  request: ProgramRequest,
  head: RouteRequest,
  servicePort: number | undefined,
): Promise<ProgramAnswer> {
  const { method, scheme, authority, path } = head;
  if (REFUSED_METHODS.has(method.toUpperCase())) return { status: 405, headers: ALLOW };
  const isBodiless = method === 'GET' || method === 'HEAD';
  let web: Request;
  try {
    // Put together as text, so that a path such as `//host/` stays one.
    const target = `${scheme}://${authority}${path.startsWith('/') ? path : '/'}`;
    // The body of a GET is no part of a Request; it goes beside.
    web = webRequest(target, isBodiless ? { ...request, body: undefined } : request);
  } catch {
    request.body?.drop();
    return { status: 400, headers: NO_FIELDS };
  }
  const exchange: ListenerExchange = {
    head,
    servicePort,
    ...(isBodiless && request.body && { body: request.body }),
  };
  const answer = answerOf(method, await fetch(web, { exchange }));
  return { ...answer, trailers: () => exchange.trailers ?? NO_FIELDS };
}

/** Hears the app, and answers the client. */
class AppAnswer implements UpstreamReceiver {
  readonly #stream: ServerStream;
  #hasHead = false;
  consumed: (bytes: number) => void = () => {};

  constructor(stream: ServerStream) {
    this.#stream = stream;
  }

  inform(): void {}

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.#hasHead = true;
    this.#stream.respond(status, headers.filter(isEndToEnd), hasEnded);
  }

  data(chunk: Uint8Array): void {
    this.#stream.write(chunk);
  }

  end(trailers: FieldList): void {
    this.#stream.end(trailers);
  }

  reset(_reason: ResetReason): void {
    if (this.#hasHead) this.#stream.reset(ERROR_CODE.INTERNAL_ERROR);
    else this.#stream.respond(500, NO_FIELDS, true);
  }

  sent(bytes: number): void {
    this.#stream.consumed(bytes);
  }
}

/** The connection is the listener's own business. */
function isEndToEnd([name]: readonly [string, string]): boolean {
  return name !== 'connection' && name !== 'transfer-encoding' && name !== 'keep-alive';
}
