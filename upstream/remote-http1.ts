/** HTTP/1.1 to one endpoint, on connections kept alive. Imports node:http. */
import * as http from 'node:http';
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
/** Below the five seconds after which many servers close, node's among them, so that we are the one who does. */
const IDLE_TIMEOUT_MS = 4_000;

/** An upstream over connections of its own to the address. */
export function createHttp1Upstream(address: RemoteAddress): Upstream {
  const agent = new http.Agent({ keepAlive: true, timeout: 0, scheduling: 'lifo' });
  agent.on('free', (socket) => {
    socket.setTimeout(IDLE_TIMEOUT_MS);
  });
  const where: http.RequestOptions =
    address.kind === 'unix' ? { socketPath: address.path } : { host: address.address, port: address.port };
  return {
    send: (request) => send(request, { ...where, agent }),
    close() {
      // Not destroy(), which would cut what runs.
      agent.maxFreeSockets = 0;
      for (const sockets of Object.values(agent.freeSockets))
        for (const each of sockets ?? []) each.destroy();
    },
  };
}

function send(request: UpstreamRequest, options: http.RequestOptions): Promise<UpstreamResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>();
  let outgoing: http.ClientRequest;
  try {
    outgoing = http.request({
      ...options,
      method: request.method,
      path: request.path,
      headers: rawHeaders(request),
      setHost: false,
    });
  } catch (cause) {
    request.body?.cancel().catch(() => {});
    return Promise.reject(
      new UpstreamError('protocol-error', `Cannot send the request: ${cause}`, { cause }),
    );
  }
  let connected = false;
  let answered = false;
  let connecting: ReturnType<typeof setTimeout> | undefined;
  const abort = (): void => {
    outgoing.destroy();
    reject(new UpstreamError('local-reset', 'The caller has gone'));
  };
  const settle = (): void => {
    clearTimeout(connecting);
    request.signal.removeEventListener('abort', abort);
  };
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) {
      connected = true;
      return;
    }
    connecting = setTimeout(() => {
      reject(new UpstreamError('connection-timeout', `No connection within ${CONNECT_TIMEOUT_MS} ms`));
      outgoing.destroy();
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      connected = true;
      clearTimeout(connecting);
    });
  });
  outgoing.on('error', (cause: NodeJS.ErrnoException) => {
    if (!answered) reject(new UpstreamError(reasonOf(cause, connected), cause.message, { cause }));
  });
  outgoing.on('close', () => {
    if (answered) return;
    settle();
    reject(new UpstreamError('connection-termination', 'The connection was closed before an answer'));
  });
  // An upgrade was never asked for: hop-by-hop headers stay here.
  outgoing.on('upgrade', (_response, socket) => {
    socket.destroy();
    reject(new UpstreamError('protocol-error', 'The endpoint switched protocols unasked'));
  });
  outgoing.on('response', (incoming) => {
    answered = true;
    clearTimeout(connecting);
    resolve(answerOf(request, incoming, outgoing, settle));
  });
  if (request.signal.aborted) abort();
  else {
    request.signal.addEventListener('abort', abort, { once: true });
    void sendBody(request, outgoing);
  }
  return promise;
}

async function sendBody(request: UpstreamRequest, outgoing: http.ClientRequest): Promise<void> {
  if (!request.body) return void outgoing.end();
  // The head goes ahead of a body that may be slow to come.
  outgoing.flushHeaders();
  try {
    if (await writeBytes(request.body, outgoing)) outgoing.end();
  } catch {
    outgoing.destroy();
  }
}

function answerOf(
  request: UpstreamRequest,
  incoming: http.IncomingMessage,
  outgoing: http.ClientRequest,
  settle: () => void,
): UpstreamResponse {
  const trailers = Promise.withResolvers<HeaderList>();
  const end = (list: HeaderList): void => {
    settle();
    trailers.resolve(list);
  };
  const status = incoming.statusCode ?? 502;
  const stream = readBytes(incoming, {
    broken: () =>
      incoming.complete
        ? undefined
        : new UpstreamError('connection-termination', 'The connection was closed amid an answer'),
    ended: () => end(pairs(incoming.rawTrailers)),
    failed: () => end([]),
    cancelled: () => {
      end([]);
      outgoing.destroy();
    },
  });
  const hasBody = request.method !== 'HEAD' && status !== 204 && status !== 304;
  if (!hasBody) drop(stream);
  return {
    status,
    headers: pairs(incoming.rawHeaders),
    body: hasBody ? stream : null,
    trailers: trailers.promise,
  };
}

/** Reads what is left, which is nothing, so that the connection can be used again. */
function drop(stream: ReadableStream<Uint8Array>): void {
  const reader = stream.getReader();
  const next = (): void =>
    void reader.read().then(
      ({ done }) => done || next(),
      () => {},
    );
  next();
}

function rawHeaders({ authority, headers }: UpstreamRequest): string[] {
  const raw = ['Host', authority];
  for (const [name, value] of headers) raw.push(name, value);
  return raw;
}

function pairs(raw: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return list;
}

function reasonOf(error: NodeJS.ErrnoException, connected: boolean): ResetReason {
  if (error.code?.startsWith('HPE_')) return 'protocol-error';
  return connected ? 'connection-termination' : 'remote-connection-failure';
}
