/** What the gateway tells upstreams of the request's way here, and does not let clients tell. Imports the header list. */
import { isInternalHeader } from '../../router/route/internal-header.ts';
import type { HeaderList } from '../../router/table/request.ts';

/**
 * The headers with `x-forwarded-proto` and `x-request-id`, and without what clients may not say
 * ({@link isInternalHeader}). At the edge also with the client's address as `x-envoy-external-address` and at the end of
 * `x-forwarded-for`: there nothing that clients say of the way here is believed, and `edgeAddress` is theirs (empty:
 * unknown). A sidecar's clients are believed, and it is undefined. Rules see all that, as in Envoy.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders).
 */
export function withForwarded(
  list: HeaderList,
  isTls: boolean,
  edgeAddress: string | undefined,
  requestId: () => string,
): HeaderList {
  const headers: (readonly [string, string])[] = [];
  const isEdge = edgeAddress !== undefined;
  let proto = false;
  let id = false;
  let chain: string | undefined;
  for (let index = 0; index < list.length; index++) {
    const header = list[index]!;
    const name = header[0];
    // Lengths tell most names apart before any letter is compared.
    switch (name.length) {
      case 12:
        if (isEdge || name !== 'x-request-id') break;
        if (header[1] === '') continue;
        id = true;
        break;
      case 15:
        if (!isEdge || name !== 'x-forwarded-for') break;
        chain = chain === undefined ? header[1] : `${chain},${header[1]}`;
        continue;
      case 17:
        if (name !== 'x-forwarded-proto') break;
        if (isEdge) continue;
        proto = true;
        break;
    }
    if (isInternalHeader(name, isEdge)) continue;
    headers.push(header);
  }
  if (!proto) headers.push(isTls ? HTTPS : HTTP);
  if (!id) headers.push(['x-request-id', requestId()]);
  if (edgeAddress) {
    headers.push(['x-envoy-external-address', edgeAddress]);
    headers.push(['x-forwarded-for', chain === undefined ? edgeAddress : `${chain},${edgeAddress}`]);
  } else if (chain !== undefined) headers.push(['x-forwarded-for', chain]);
  return headers;
}

const HTTP = ['x-forwarded-proto', 'http'] as const;
const HTTPS = ['x-forwarded-proto', 'https'] as const;
