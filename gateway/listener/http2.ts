/** HTTP/2 without TLS on sockets that somebody else has accepted. Imports node:http2. */
import * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { HeaderList } from '../../router/table/request.ts';
import { readBytes, writeBytes } from '../../upstream/byte-stream.ts';
import type { Answer, ListenerExchange } from '../exchange.ts';
import type { ConnectionServer, ServerContext } from './node.ts';
import { webRequestOf } from './web-request.ts';

/** As Envoy advises at the edge. Source: Envoy `docs/root/configuration/best_practices/edge.rst`. */
const MAX_CONCURRENT_STREAMS = 100;
const STREAM_WINDOW_BYTES = 64 * 1024;
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

/** Serves HTTP/2 to the sockets it is given. */
export function createHttp2(context: ServerContext, answer: Answer): ConnectionServer {
  const sessions = new Set<http2.Http2Session>();
  const sockets = new Set<Socket>();
  let draining = false;
  const server = http2.createServer({
    settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS, initialWindowSize: STREAM_WINDOW_BYTES },
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
    // Bun (1.4) then waits for window that its peer already has, and a body stops at 64 KiB.
    if (!('Bun' in globalThis)) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    if (draining) session.close();
  });
  // A peer that breaks the protocol ends its own session only.
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers, _flags, raw) => {
    const done = context.began();
    stream.on('error', () => {});
    stream.once('close', done);
    serve(stream, raw ?? flat(headers), context, answer).catch((error) => {
      context.warn(`Cannot answer a request: ${error instanceof Error ? error.message : error}`);
      reset(stream, NGHTTP2_INTERNAL_ERROR);
    });
  });
  return {
    take(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    drain() {
      draining = true;
      // GOAWAY with the last stream that came: a client may safely send later ones elsewhere.
      for (const session of sessions) session.close();
    },
    cut() {
      for (const session of sessions) session.destroy();
      // A session that was told to close waits for its client to do the same.
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function serve(
  stream: http2.ServerHttp2Stream,
  raw: readonly string[],
  context: ServerContext,
  answer: Answer,
): Promise<void> {
  const gone = new AbortController();
  let isAnswered = false;
  const leave = (): void => {
    if (!isAnswered) gone.abort(new Error('The client has gone'));
  };
  stream.once('aborted', leave);
  stream.once('close', leave);
  const head = headOf(stream, raw, context);
  const body = stream.endAfterHeaders ? null : bodyOf(stream);
  if (!body) stream.resume();
  const hasNone = head.method === 'GET' || head.method === 'HEAD';
  const exchange: ListenerExchange = {
    head,
    ...(context.servicePort !== undefined && { servicePort: context.servicePort }),
    sendsTrailers: true,
    body: hasNone ? body : null,
    signal: gone.signal,
  };
  const asked = webRequestOf(head, hasNone ? null : body, gone.signal);
  const response =
    'request' in asked
      ? await answer(asked.request, exchange)
      : new Response(null, { status: asked.refused });
  // Writing to a stream that is gone throws on some runtimes and is ignored on others.
  if (isGone(stream)) return void (await response.body?.cancel().catch(() => {}));

  const headers = nodeHeaders(response.headers);
  headers[':status'] = `${response.status}`;
  const hasBody = response.body !== null && head.method !== 'HEAD';
  let trailers: HeaderList = hasBody ? [] : ((await exchange.trailers) ?? []);
  if (!hasBody && trailers.length === 0) {
    await response.body?.cancel().catch(() => {});
    isAnswered = true;
    stream.respond(headers, { endStream: true });
    stopReading(stream);
    return;
  }
  // The end is held back until trailers are sent, so that a reset before is no end.
  stream.respond(headers, { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    if (isGone(stream)) return;
    isAnswered = true;
    stream.sendTrailers(nodeHeaders(trailers));
    stopReading(stream);
  });
  try {
    if (hasBody && !(await writeBytes(response.body as ReadableStream<Uint8Array>, stream))) return;
  } catch {
    return reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  trailers = (await exchange.trailers) ?? [];
  if (!isGone(stream)) stream.end();
}

/** Tells a client that still sends that it need not: the answer is complete (RFC 9113, 8.1). */
function stopReading(stream: http2.ServerHttp2Stream): void {
  if (stream.endAfterHeaders || stream.readableEnded) return;
  setTimeout(() => {
    if (!isGone(stream) && !stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
  }, REST_OF_BODY_MS).unref();
}

/** A client's end of body is often on its way when the answer ends. */
const REST_OF_BODY_MS = 100;

function reset(stream: http2.ServerHttp2Stream, code: number): void {
  if (!stream.destroyed) stream.close(code);
}

function isGone(stream: http2.ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed || stream.aborted;
}

function headOf(
  stream: http2.ServerHttp2Stream,
  raw: readonly string[],
  context: ServerContext,
): ListenerExchange['head'] {
  const pseudo = new Map<string, string>();
  const headers: [string, string][] = [];
  let host: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.startsWith(':')) pseudo.set(name, raw[i + 1]!);
    else if (name === 'host') host ??= raw[i + 1]!;
    else headers.push([name, raw[i + 1]!]);
  }
  const sourceAddress = stream.session?.socket?.remoteAddress;
  return {
    method: pseudo.get(':method') ?? 'GET',
    scheme: pseudo.get(':scheme') ?? 'http',
    authority: pseudo.get(':authority') ?? host ?? '',
    path: pseudo.get(':path') ?? '/',
    headers,
    port: context.port,
    http2: true,
    ...(sourceAddress !== undefined && { sourceAddress }),
  };
}

function bodyOf(stream: http2.ServerHttp2Stream): ReadableStream<Uint8Array> {
  return readBytes(stream, {
    broken: () => (stream.aborted || stream.rstCode ? new Error('The client reset its request') : undefined),
  });
}

const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

function nodeHeaders(list: Iterable<readonly [string, string]>): http2.OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of list) {
    if (CONNECTION_HEADERS.has(name)) continue;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
  }
  return headers;
}

function flat(headers: http2.IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((each) => [name, each]),
  );
}
