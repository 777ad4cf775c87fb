/** HTTP/1.1 on sockets that somebody else has accepted. Imports node:http. */
import * as http from 'node:http';
import type { Socket } from 'node:net';
import { readBytes, writeBytes } from '../../upstream/byte-stream.ts';
import type { Answer, ListenerExchange } from '../exchange.ts';
import type { ConnectionServer, ServerContext } from './node.ts';
import { webRequestOf } from './web-request.ts';

/** How long a connection may wait for its next request: longer than proxies in front keep theirs. */
const KEEP_ALIVE_MS = 75_000;
/** How long the head of a request may take. */
const HEAD_TIMEOUT_MS = 60_000;

/** Serves HTTP/1.1 to the sockets it is given. */
export function createHttp1(context: ServerContext, answer: Answer): ConnectionServer {
  const running = new Map<Socket, number>();
  let draining = false;
  const server = http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 },
    (request, response) => {
      const { socket } = request;
      const done = context.began();
      running.set(socket, (running.get(socket) ?? 0) + 1);
      response.on('error', () => {});
      response.once('close', () => {
        done();
        // A socket that closed first is forgotten already, and must stay so.
        if (running.has(socket)) running.set(socket, (running.get(socket) ?? 1) - 1);
        // The response may have promised to keep the connection before the drain began.
        if (draining && running.get(socket) === 0) socket.end();
      });
      serve(request, response, context, answer, () => draining).catch((error) => {
        context.warn(`Cannot answer a request: ${error instanceof Error ? error.message : error}`);
        socket.destroy();
      });
    },
  );
  server.headersTimeout = HEAD_TIMEOUT_MS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || socket.destroyed) return void socket.destroy();
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  // Node enforces the timeout of heads from this event on, though it is another server that listens.
  server.emit('listening');
  return {
    take(socket) {
      running.set(socket, 0);
      socket.once('close', () => running.delete(socket));
      server.emit('connection', socket);
    },
    drain() {
      draining = true;
      for (const [socket, calls] of running) if (calls === 0) socket.destroy();
    },
    cut() {
      for (const socket of running.keys()) socket.destroy();
    },
  };
}

async function serve(
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
  context: ServerContext,
  answer: Answer,
  isDraining: () => boolean,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort(new Error('The client has gone'));
  });
  const head = headOf(incoming, context);
  const body = bodyOf(incoming);
  const hasNone = head.method === 'GET' || head.method === 'HEAD';
  const exchange: ListenerExchange = {
    head,
    ...(context.servicePort !== undefined && { servicePort: context.servicePort }),
    // Trailers are announced by `te: trailers`; every gRPC client says so.
    sendsTrailers: true,
    body: hasNone ? body : null,
    signal: gone.signal,
  };
  const hosts = incoming.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host');
  const asked =
    hosts.length === 1 ? webRequestOf(head, hasNone ? null : body, gone.signal) : { refused: 400 };
  const response =
    'request' in asked
      ? await answer(asked.request, exchange)
      : new Response(null, { status: asked.refused, headers: { 'content-length': '0' } });
  if (gone.signal.aborted) return void (await response.body?.cancel().catch(() => {}));

  outgoing.writeHead(response.status, rawHeaders(response.headers, isDraining()));
  if (response.body && head.method !== 'HEAD') {
    // The head of a stream does not wait for its first message.
    if (!response.headers.has('content-length')) outgoing.flushHeaders();
    try {
      if (!(await writeBytes(response.body as ReadableStream<Uint8Array>, outgoing))) return;
    } catch {
      // An end that looks like none: the client must not take a part for the whole.
      incoming.socket.destroy();
      return;
    }
  } else await response.body?.cancel().catch(() => {});
  const trailers = (await exchange.trailers) ?? [];
  if (trailers.length > 0 && !outgoing.hasHeader('content-length'))
    outgoing.addTrailers(trailers.map(([name, value]) => [name, value]) as [string, string][]);
  outgoing.end();
  // What the client still sends of a body that nobody reads must not stop its next request.
  incoming.resume();
}

function headOf(incoming: http.IncomingMessage, context: ServerContext): ListenerExchange['head'] {
  const headers: [string, string][] = [];
  let authority = '';
  const { rawHeaders: raw } = incoming;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === 'host') authority = raw[i + 1]!;
    else headers.push([name, raw[i + 1]!]);
  }
  const sourceAddress = incoming.socket.remoteAddress;
  return {
    method: incoming.method ?? 'GET',
    scheme: 'http',
    authority,
    path: incoming.url ?? '/',
    headers,
    port: context.port,
    http2: false,
    ...(sourceAddress !== undefined && { sourceAddress }),
  };
}

function bodyOf(incoming: http.IncomingMessage): ReadableStream<Uint8Array> | null {
  const { headers } = incoming;
  if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) return null;
  return readBytes(incoming, {
    broken: () => (incoming.complete ? undefined : new Error('The client broke off its request')),
  });
}

/** Node's flat list; the connection is node's own business. */
function rawHeaders(headers: Headers, isDraining: boolean): string[] {
  const raw: string[] = [];
  for (const [name, value] of headers) {
    if (name === 'connection' || name === 'transfer-encoding' || name === 'keep-alive') continue;
    raw.push(name, value);
  }
  if (isDraining) raw.push('connection', 'close');
  return raw;
}
