/** Between the web's `Request`, which middleware may have replaced, and the head that rules and upstreams see. */
import type { HeaderList, RouteRequest } from '../router/index.ts';
import type { ListenerExchange } from './exchange.ts';

/**
 * The head as it was on the wire, with the headers that middleware has changed; of a call without a listener,
 * what its `Request` still tells.
 */
export function headOf(request: Request, exchange: ListenerExchange | undefined): RouteRequest {
  if (exchange) {
    const headers = withChanges(exchange.head.headers, request.headers);
    return headers === exchange.head.headers ? exchange.head : { ...exchange.head, headers };
  }
  const url = new URL(request.url);
  return {
    method: request.method,
    scheme: url.protocol.slice(0, -1),
    authority: request.headers.get('host') ?? url.host,
    path: `${url.pathname}${url.search}`,
    headers: [...request.headers].filter(([name]) => name !== 'host'),
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  };
}

/** The list itself when nothing was changed. */
function withChanges(raw: HeaderList, seen: Headers): HeaderList {
  const before = new Map<string, string>();
  for (const [name, value] of raw) {
    const known = before.get(name);
    before.set(name, known === undefined ? value : `${known}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  const changed = new Map<string, string>();
  const left = new Set(before.keys());
  for (const [name, value] of seen) {
    left.delete(name);
    // Runtimes differ in what they trim and how they join cookies; neither is a change.
    if (before.get(name)?.trim() !== value && !(name === 'cookie' && before.has(name)))
      changed.set(name, value);
  }
  if (changed.size === 0 && left.size === 0) return raw;
  const kept = raw.filter(([name]) => !changed.has(name) && !left.has(name));
  return [...kept, ...[...changed].filter(([name]) => name !== 'host')];
}
