/**
 * Remote endpoints where there is nothing but `fetch`: edges. The runtime speaks what it likes to the endpoint,
 * says the endpoint's address in Host, and gives no trailers. Imports nothing of a runtime's.
 */
import type { HeaderList } from '../router/table/request.ts';
import { type Upstream, UpstreamError } from './exchange.ts';

const NO_TRAILERS: Promise<HeaderList> = Promise.resolve([]);

/** An upstream that asks `http://ADDRESS:PORT` by `fetch`. The authority travels as `x-forwarded-host`. */
export function createFetchUpstream(address: string, port: number): Upstream {
  const origin = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
  return {
    async send(request) {
      const headers = new Headers();
      for (const [name, value] of request.headers) headers.append(name, value);
      headers.set('x-forwarded-host', request.authority);
      const { method, body, signal } = request;
      const init = { method, headers, body, signal, redirect: 'manual', duplex: 'half' };
      let response: Response;
      try {
        response = await fetch(origin + request.path, init as RequestInit);
      } catch (cause) {
        if (signal.aborted) throw new UpstreamError('local-reset', 'The caller has gone', { cause });
        throw new UpstreamError('remote-connection-failure', `${cause}`, { cause });
      }
      // `fetch` has inflated the body already.
      const decoded = response.headers.has('content-encoding');
      const dropped = decoded ? ['content-encoding', 'content-length'] : [];
      return {
        status: response.status,
        headers: [...response.headers].filter(([name]) => !dropped.includes(name)),
        body: response.body as ReadableStream<Uint8Array> | null,
        trailers: NO_TRAILERS,
      };
    },
  };
}
