/**
 * An API server's lists and watches, and writes of a status. The one module of this folder that opens connections: by node's own HTTPS client,
 * which takes a cluster's certificate authority on all three runtimes.
 */
import {
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
  type RequestOptions,
} from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import type { KubernetesAccess } from './access.ts';

/** What an API server says in place of what was asked for. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** HTTP's. */
  readonly status: number;
  /** Asked for by the server before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** Requests to one API server. */
export interface KubernetesApi {
  /** The JSON at a path. Rejects with a {@link KubernetesError} for any status but 200. */
  get(path: string, accept: string, signal: AbortSignal): Promise<unknown>;
  /** Resolves, once the server has begun to answer, with the events at a path until it ends them. Rejects as {@link get} does. */
  watch(path: string, accept: string, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>;
  /** Sends a JSON merge patch to a path. Rejects as {@link get} does. */
  patch(path: string, body: object, signal: AbortSignal): Promise<void>;
  close(): void;
}

const ANSWER_LIMIT_MS = 30_000;
/** A server may not ask for a longer pause: what it says in an hour would be unheard. */
const RETRY_AFTER_LIMIT_MS = 60_000;

/**
 * Opens nothing before the first request.
 * @param answerLimitMs A server that says nothing for so long, before or within an answer, is given up.
 */
export function createApi(access: KubernetesAccess, answerLimitMs = ANSWER_LIMIT_MS): KubernetesApi {
  const { server, ca, certificate, skipsVerification, serverName } = access;
  const isPlain = server.startsWith('http://');
  const agent = isPlain
    ? new PlainAgent({ keepAlive: true })
    : new Agent({
        keepAlive: true,
        rejectUnauthorized: !skipsVerification,
        ...(ca !== undefined && { ca }),
        ...certificate,
        ...(serverName !== undefined && { servername: serverName }),
      });

  async function open(
    path: string,
    accept: string,
    signal: AbortSignal,
    patch?: object,
  ): Promise<IncomingMessage> {
    const authorization = await access.authorization();
    const response = await new Promise<IncomingMessage>((done, fail) => {
      const options: RequestOptions = {
        agent,
        signal,
        ...(patch && { method: 'PATCH' }),
        headers: {
          accept,
          'user-agent': 'pointsman',
          ...(patch && { 'content-type': 'application/merge-patch+json' }),
          ...(authorization !== undefined && { authorization }),
        },
      };
      const call = (isPlain ? plainRequest : request)(`${server}${path}`, options, done);
      call.on('error', fail);
      const silence = setTimeout(
        () => call.destroy(new Error(`no answer within ${answerLimitMs / 1000} s`)),
        answerLimitMs,
      );
      call.on('response', () => clearTimeout(silence));
      call.on('close', () => clearTimeout(silence));
      call.end(patch && JSON.stringify(patch));
    });
    if (response.statusCode === 200) return response;
    if (response.statusCode === 401) access.refused?.();
    const text = await readAll(response, answerLimitMs);
    throw errorOf(response, text);
  }

  return {
    get: async (path, accept, signal) =>
      JSON.parse(await readAll(await open(path, accept, signal), answerLimitMs)),
    watch: async (path, accept, signal) => eventsOf(await open(path, accept, signal)),
    patch: async (path, body, signal) => {
      await readAll(await open(path, 'application/json', signal, body), answerLimitMs);
    },
    close: () => agent.destroy(),
  };
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<WatchEvent> {
  try {
    for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line !== '') yield JSON.parse(line);
  } finally {
    response.destroy();
  }
}

async function readAll(response: IncomingMessage, answerLimitMs: number): Promise<string> {
  const pieces: Buffer[] = [];
  const silence = setTimeout(
    () => response.destroy(new Error(`the answer stopped for ${answerLimitMs / 1000} s`)),
    answerLimitMs,
  );
  try {
    for await (const piece of response) {
      pieces.push(piece);
      silence.refresh();
    }
  } finally {
    clearTimeout(silence);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function errorOf({ statusCode = 0, headers }: IncomingMessage, text: string): KubernetesError {
  let message = text.trim().slice(0, 200);
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not everything between us and an API server speaks JSON.
  }
  const seconds = Number(headers['retry-after']);
  return new KubernetesError(
    statusCode,
    `HTTP ${statusCode}: ${message}`,
    Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, RETRY_AFTER_LIMIT_MS) : undefined,
  );
}
