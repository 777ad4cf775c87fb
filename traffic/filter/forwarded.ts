/** What the gateway tells upstreams of the request's way here. Imports the header list. */
import type { HeaderList } from '../../router/table/request.ts';

/**
 * The headers with `x-forwarded-proto` and `x-request-id`; at the edge also the client's address at the end of
 * `x-forwarded-for`. Rules see them, as in Envoy. What clients say of the way here is not believed at the edge, where
 * `edgeAddress` is the client's (empty: unknown); a sidecar's clients are believed, and it is undefined.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders).
 */
export function withForwarded(
  list: HeaderList,
  scheme: string,
  edgeAddress: string | undefined,
  requestId: () => string,
): HeaderList {
  const headers: (readonly [string, string])[] = [];
  let proto = false;
  let id = false;
  let chain: string | undefined;
  for (let index = 0; index < list.length; index++) {
    const header = list[index]!;
    const name = header[0];
    // Lengths tell most names apart before any letter is compared.
    switch (name.length) {
      case 12:
        if (name === 'x-request-id' && header[1] !== '') id = true;
        break;
      case 15:
        if (edgeAddress === undefined || name !== 'x-forwarded-for') break;
        chain = chain === undefined ? header[1] : `${chain},${header[1]}`;
        continue;
      case 17:
        if (name !== 'x-forwarded-proto') break;
        if (edgeAddress !== undefined) continue;
        proto = true;
        break;
    }
    headers.push(header);
  }
  if (!proto) headers.push(scheme === 'http' ? HTTP : ['x-forwarded-proto', scheme]);
  if (!id) headers.push(['x-request-id', requestId()]);
  if (edgeAddress)
    headers.push(['x-forwarded-for', chain === undefined ? edgeAddress : `${chain},${edgeAddress}`]);
  else if (chain !== undefined) headers.push(['x-forwarded-for', chain]);
  return headers;
}

const HTTP = ['x-forwarded-proto', 'http'] as const;
