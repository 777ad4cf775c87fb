/** A raw head as the web's `Request`, for the Hono app. Imports the router's request. */
import type { RouteRequest } from '../../router/table/request.ts';

/** Methods that `Request` refuses, and that nothing here can carry. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** A request that can be handed to the app, or the status to refuse it with: no client's text may throw here. */
export type WebRequest = { readonly request: Request } | { readonly refused: 400 | 405 };

/** `body` must be null for GET and HEAD. The URL is normalised, as all URLs are: the app must route by the head. */
export function webRequestOf(
  head: RouteRequest,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): WebRequest {
  const { method, scheme, authority, path } = head;
  if (REFUSED_METHODS.has(method.toUpperCase())) return { refused: 405 };
  try {
    const headers = new Headers();
    for (const [name, value] of head.headers) headers.append(name, value);
    // Put together as text, so that a path such as `//host/` stays one.
    const target = /^https?:\/\//i.test(path)
      ? path
      : `${scheme}://${authority}${path.startsWith('/') ? path : '/'}`;
    const init = { method, headers, signal, ...(body && { body, duplex: 'half' }) };
    return { request: new Request(target, init as RequestInit) };
  } catch {
    return { refused: 400 };
  }
}
