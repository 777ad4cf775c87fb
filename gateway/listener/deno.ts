/**
 * A port on Deno's own server. It sends no trailers, so native gRPC is refused, and it hands over requests with
 * their paths normalised; the rest works as elsewhere. Names nothing of Deno's in types: other runtimes check this.
 */
import { type WatchedBody, watchBody } from '../../traffic/body.ts';
import type { Answer, ListenerExchange } from '../exchange.ts';
import { DEFAULT_GRACE_MS, type ListenerOptions, type Listening } from './listening.ts';

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}

interface DenoServe {
  serve(
    options: {
      readonly port: number;
      readonly hostname: string;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
      readonly onError: (error: unknown) => Response;
    },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname?: string } },
    ) => Promise<Response>,
  ): DenoServer;
}

/** Opens the port. Rejects with Deno's error when it cannot be opened. */
export async function listen(
  options: ListenerOptions,
  answer: Answer,
  warn: (message: string) => void,
): Promise<Listening> {
  const { serve } = (globalThis as unknown as { Deno: DenoServe }).Deno;
  const cut = new AbortController();
  const bodies = new Set<WatchedBody>();
  let calls = 0;
  const server = serve(
    {
      port: options.port,
      hostname: options.hostname,
      signal: cut.signal,
      onListen() {},
      onError(error) {
        warn(`Cannot answer a request: ${error instanceof Error ? error.message : error}`);
        return new Response(null, { status: 500 });
      },
    },
    async (request, info) => {
      calls++;
      const exchange = exchangeOf(request, server.addr.port, info.remoteAddr.hostname, options.servicePort);
      try {
        // Deno's own request cannot be changed, as middleware may wish to.
        const response = await answer(new Request(request), exchange);
        if (!response.body) {
          calls--;
          return response;
        }
        const body = watchBody(response.body as ReadableStream<Uint8Array>);
        bodies.add(body);
        body.ended.then(() => {
          calls--;
          bodies.delete(body);
        });
        return new Response(body.stream, response);
      } catch (error) {
        calls--;
        throw error;
      }
    },
  );
  return {
    hostname: options.hostname,
    port: server.addr.port,
    protocols: ['HTTP/1.1'],
    async close(graceMs = DEFAULT_GRACE_MS) {
      const drained = server.shutdown().then(() => 0);
      let limit: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<number>((resolve) => {
        limit = setTimeout(() => {
          resolve(calls);
          for (const body of bodies) body.fail(new Error('The gateway stops'));
          cut.abort();
        }, graceMs);
      });
      // A connection that its client keeps open is not waited for beyond the limit.
      const cutOff = await Promise.race([drained, late]);
      clearTimeout(limit);
      return cutOff;
    },
  };
}

function exchangeOf(
  request: Request,
  port: number,
  sourceAddress: string | undefined,
  servicePort: number | undefined,
): ListenerExchange {
  const url = new URL(request.url);
  return {
    head: {
      method: request.method,
      scheme: 'http',
      authority: request.headers.get('host') ?? url.host,
      path: url.pathname + url.search,
      headers: [...request.headers].filter(([name]) => name !== 'host'),
      port,
      http2: false,
      ...(sourceAddress !== undefined && { sourceAddress }),
    },
    ...(servicePort !== undefined && { servicePort }),
    sendsTrailers: false,
    body: null,
    signal: request.signal,
  };
}
