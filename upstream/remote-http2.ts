/** HTTP/2 without TLS to one endpoint: one connection, many streams. Imports node:http2. */
import * as http2 from 'node:http2';
import * as net from 'node:net';
import type { HeaderList } from '../router/table/request.ts';
import { readBytes, writeBytes } from './byte-stream.ts';
import {
  type ResetReason,
  type Upstream,
  UpstreamError,
  type UpstreamRequest,
  type UpstreamResponse,
} from './exchange.ts';
import type { RemoteAddress } from './remote.ts';

/** Istio's default for `connectionPool.tcp.connectTimeout`. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Bytes that an endpoint may send on one stream before it waits for us. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** In megabytes, of one session: enough for many streams at full window. */
const MAX_SESSION_MEMORY = 256;

/** An upstream over one connection, made anew when it is lost or the endpoint says goodbye. */
export function createHttp2Upstream(address: RemoteAddress): Upstream {
  let current: Promise<http2.ClientHttp2Session> | undefined;
  let closing = false;

  const forget = (session: Promise<http2.ClientHttp2Session>): void => {
    if (current === session) current = undefined;
  };
  const connected = (): Promise<http2.ClientHttp2Session> => {
    if (current) return current;
    const session: Promise<http2.ClientHttp2Session> = connect(address, () => forget(session));
    current = session;
    session.catch(() => forget(session));
    return session;
  };
  return {
    async send(request) {
      let session: http2.ClientHttp2Session;
      try {
        session = await connected();
        if (session.closed || session.destroyed) {
          current = undefined;
          session = await connected();
        }
      } catch (error) {
        request.body?.cancel().catch(() => {});
        throw error;
      }
      const answer = exchange(session, request);
      // Asked after close(): by an exchange that began before it.
      if (closing) session.close();
      return answer;
    },
    close() {
      closing = true;
      current?.then(
        (session) => session.close(),
        () => {},
      );
    },
  };
}

function connect(address: RemoteAddress, lost: () => void): Promise<http2.ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<http2.ClientHttp2Session>();
  const socket =
    address.kind === 'unix' ? net.connect(address.path) : net.connect(address.port, address.address);
  socket.setNoDelay(true);
  const session = http2.connect('http://upstream', {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    maxSessionMemory: MAX_SESSION_MEMORY,
  });
  const timer = setTimeout(() => {
    reject(new UpstreamError('connection-timeout', `No connection within ${CONNECT_TIMEOUT_MS} ms`));
    session.destroy();
    socket.destroy();
  }, CONNECT_TIMEOUT_MS);
  session.once('connect', () => {
    clearTimeout(timer);
    // Bun (1.4) grants nothing after it: an answer stops, and in the end every stream of the session.
    if (!('Bun' in globalThis)) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    resolve(session);
  });
  const fail = (cause?: Error): void => {
    clearTimeout(timer);
    lost();
    reject(new UpstreamError('remote-connection-failure', cause?.message ?? 'The connection was closed'));
  };
  session.on('error', fail);
  session.on('close', () => fail());
  session.on('goaway', () => lost());
  socket.on('error', fail);
  return promise;
}

function exchange(session: http2.ClientHttp2Session, request: UpstreamRequest): Promise<UpstreamResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>();
  let stream: http2.ClientHttp2Stream;
  try {
    stream = open(session, request);
  } catch (cause) {
    request.body?.cancel().catch(() => {});
    const reason = session.destroyed || session.closed ? 'connection-termination' : 'protocol-error';
    return Promise.reject(new UpstreamError(reason, `Cannot send the request: ${cause}`, { cause }));
  }
  const abort = (): void => {
    stream.close(http2.constants.NGHTTP2_CANCEL);
    reject(new UpstreamError('local-reset', 'The caller has gone'));
  };
  const settle = (): void => request.signal.removeEventListener('abort', abort);
  const broken = (): UpstreamError | undefined => {
    if (!stream.aborted && !stream.rstCode) return undefined;
    const { reason, detail } = resetOf(stream, session);
    return new UpstreamError(reason, detail);
  };
  const failBeforeAnswer = (): void => {
    settle();
    const { reason, detail } = resetOf(stream, session);
    reject(new UpstreamError(reason, detail));
  };
  stream.on('error', failBeforeAnswer);
  stream.on('close', failBeforeAnswer);
  stream.once('response', (headers, flags) => {
    stream.off('close', failBeforeAnswer);
    const status = Number(headers[':status']);
    const trailers = Promise.withResolvers<HeaderList>();
    let received: HeaderList = [];
    const end = (list: HeaderList): void => {
      settle();
      trailers.resolve(list);
    };
    stream.on('trailers', (block) => {
      received = pairs(block);
    });
    const body = readBytes(stream, {
      broken,
      ended: () => end(received),
      failed: () => end([]),
      cancelled: () => {
        end([]);
        stream.close(http2.constants.NGHTTP2_CANCEL);
      },
    });
    const isEnded = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isEnded) stream.resume();
    resolve({ status, headers: pairs(headers), body: isEnded ? null : body, trailers: trailers.promise });
  });
  if (request.signal.aborted) abort();
  else {
    request.signal.addEventListener('abort', abort, { once: true });
    void sendBody(request, stream);
  }
  return promise;
}

/** With a body, its end is held back for the trailers that never come: a reset then is one, and no end of body. */
function open(session: http2.ClientHttp2Session, request: UpstreamRequest): http2.ClientHttp2Stream {
  const options: http2.ClientSessionRequestOptions = request.body
    ? { endStream: false, waitForTrailers: true }
    : { endStream: true };
  const stream = session.request(headersOf(request), options);
  stream.on('wantTrailers', () => {
    if (stream.closed || stream.destroyed || stream.aborted) return;
    stream.sendTrailers({});
  });
  return stream;
}

/** Node's shape: repeats as a list. */
function headersOf(request: UpstreamRequest): http2.OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  headers[':method'] = request.method;
  headers[':scheme'] = request.scheme;
  headers[':authority'] = request.authority;
  headers[':path'] = request.path;
  for (const [name, value] of request.headers) {
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    // Node refuses to repeat some headers; a list of values says the same (RFC 9110, 5.3).
    else if (SINGLE_IN_NODE.has(name)) headers[name] = `${before}, ${value}`;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
  }
  return headers;
}

/** Source: node `lib/internal/http2/util.js` (kSingleValueFields), less those that the rules have joined. */
const SINGLE_IN_NODE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'age',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'x-content-type-options',
]);

function pairs(headers: http2.IncomingHttpHeaders): HeaderList {
  const list: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue;
    if (typeof value === 'string') list.push([name, value]);
    else for (const each of value) list.push([name, each]);
  }
  return list;
}

function resetOf(
  stream: http2.ClientHttp2Stream,
  session: http2.ClientHttp2Session,
): { readonly reason: ResetReason; readonly detail: string } {
  const { constants } = http2;
  const code = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  if (code === constants.NGHTTP2_REFUSED_STREAM)
    return { reason: 'remote-refused-stream-reset', detail: 'The endpoint refused the stream' };
  if (code === constants.NGHTTP2_PROTOCOL_ERROR)
    return { reason: 'protocol-error', detail: 'The endpoint broke the protocol' };
  if (session.destroyed || session.closed)
    return { reason: 'connection-termination', detail: 'The connection was closed before the answer ended' };
  return { reason: 'remote-reset', detail: `The endpoint reset the stream with code ${code}` };
}

async function sendBody(request: UpstreamRequest, stream: http2.ClientHttp2Stream): Promise<void> {
  if (!request.body) return;
  try {
    if (await writeBytes(request.body, stream)) stream.end();
  } catch {
    stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}
