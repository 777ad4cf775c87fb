/** What the gateway tells upstreams of the request's way here. Imports the router's request. */
import type { HeaderList, RouteRequest } from '../../router/table/request.ts';

/** How the headers are made. */
export interface ForwardedOptions {
  /** True at the edge: what clients say of the way here is not believed. A sidecar's clients are. */
  readonly isEdge: boolean;
  /** Makes the value of `x-request-id`. */
  readonly requestId: () => string;
}

/**
 * The headers with `x-forwarded-proto` and `x-request-id`; at the edge also the client's address at the end of
 * `x-forwarded-for`. Rules see them, as in Envoy.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders).
 */
export function withForwarded(head: RouteRequest, options: ForwardedOptions): HeaderList {
  const { scheme, sourceAddress } = head;
  const headers: (readonly [string, string])[] = [];
  let proto: string | undefined;
  let id: string | undefined;
  let chain: string | undefined;
  for (const header of head.headers) {
    const [name, value] = header;
    if (options.isEdge && name === 'x-forwarded-for')
      chain = chain === undefined ? value : `${chain},${value}`;
    else if (options.isEdge && name === 'x-forwarded-proto') continue;
    else {
      if (name === 'x-forwarded-proto') proto = value;
      if (name === 'x-request-id') id = value;
      headers.push(header);
    }
  }
  if (proto === undefined) headers.push(['x-forwarded-proto', scheme]);
  if (!id) headers.push(['x-request-id', options.requestId()]);
  const addresses = [chain, options.isEdge ? sourceAddress : undefined].filter((each) => each !== undefined);
  if (addresses.length > 0) headers.push(['x-forwarded-for', addresses.join(',')]);
  return headers;
}
