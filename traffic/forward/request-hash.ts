/** The hash by which a request finds its endpoint, and the cookie that lets it find the same one again. */
import { cookieValueOf, hashRequest, setCookieValue } from '../../router/policy/hash.ts';
import { clientAddress } from '../../router/route/address.ts';
import type { Forward } from '../../router/table/decision.ts';
import type { Exchange } from '../exchange.ts';

/**
 * Undefined where no rule asks for one, or the request has nothing to hash. A cookie that is missing goes out with
 * the answer, whoever gives that; so it is only to be asked for where the cluster picks by it.
 *
 * Source: Envoy `source/common/router/router.cc` (Filter::computeHashKey, addDownstreamSetCookie).
 */
export function requestHash({ hashPolicy, request }: Forward, exchange: Exchange): bigint | undefined {
  if (!hashPolicy) return undefined;
  const { headers, sourceAddress: direct, sourcePort } = exchange.head;
  const hashed = {
    ...request,
    get sourceAddress() {
      return clientAddress(headers) ?? direct;
    },
  };
  return hashRequest(hashPolicy, hashed, (policy) => {
    // What Envoy takes is one client's for as long as its connection; where that is not known, nobody else's.
    const identity = sourcePort === undefined ? crypto.randomUUID() : `${direct}:${sourcePort}`;
    const value = cookieValueOf(identity);
    exchange.extraHeaders = [...(exchange.extraHeaders ?? []), ['set-cookie', setCookieValue(policy, value)]];
    return value;
  });
}
