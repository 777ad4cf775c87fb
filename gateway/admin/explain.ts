/** Turns the query of `/explain` into a request for the router, and its account into JSON or text. */
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { formatExplanation, type RouteRequest, readable } from '../../router/index.ts';
import {
  METHOD,
  parseHeaderLine,
  toRouteRequest,
  type WrittenHeader,
} from '../../workbench/written-request.ts';
import type { AdminTarget } from './target.ts';

/**
 * `GET /explain?url=http://HOST/PATH[&method=GET][&header=k: v]…[&port=20000]`: why that request goes where.
 * JSON, or with `accept: text/plain` the account in words; 400 for a query that names no request, 503 before rules are
 * loaded.
 */
export function explainHandler(target: AdminTarget): (context: Context) => Response {
  return (context) => {
    const request = readRequest(context.req.queries(), target.servicePorts()[0]);
    if (typeof request === 'string') return context.json({ error: `Cannot explain: ${request}` }, 400);
    const explanation = target.explain(request);
    if (explanation === undefined) {
      const error = 'Cannot explain yet: no rules have been loaded; /readyz tells what is waited for';
      return context.json({ error }, 503);
    }
    const type = accepts(context, {
      header: 'Accept',
      supports: ['application/json', 'text/plain'],
      default: 'application/json',
    });
    return type === 'text/plain'
      ? context.text(`${formatExplanation(explanation)}\n`)
      : context.json(readable({ request, explanation }));
  };
}

function readRequest(
  query: Record<string, string[]>,
  defaultPort: number | undefined,
): RouteRequest | string {
  const url = query['url']?.[0];
  if (url === undefined) return 'the query has no "url"; add for example ?url=http://dubbo-go-server/';
  const writtenPort = query['port']?.[0];
  const port = writtenPort === undefined ? defaultPort : Number(writtenPort);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    return `"${writtenPort}" is no port; a port is a number from 0 to 65535`;
  const headers: WrittenHeader[] = [];
  for (const line of query['header'] ?? []) {
    const header = parseHeaderLine(line);
    // The value may be a secret, so it is not repeated.
    if (header === undefined) return 'a header has no name and value; write it like "user: admin"';
    headers.push(header);
  }
  const method = query['method']?.[0] ?? 'GET';
  if (!METHOD.test(method)) return `"${method}" is no method; write it like POST`;
  const request = toRouteRequest({ url, method, headers }, port);
  return request ?? `"${url}" is no URL; write it like http://dubbo-go-server/api.Greeter/SayHello`;
}
