/** Endpoints on sockets: picks the pool for the protocol that they speak. */
import type { Upstream } from '../upstream.ts';
import type { RemoteAddress, UpstreamTls } from './address.ts';
import { Http1Upstream } from './http1.ts';
import { Http2Upstream } from './http2.ts';

export type { RemoteAddress, UpstreamTls } from './address.ts';

/** An upstream for an endpoint that speaks HTTP/1.1 or HTTP/2 (by prior knowledge, or over TLS). Connects when first asked. */
export function createRemoteUpstream(
  address: RemoteAddress,
  protocol: 'http1' | 'http2',
  tls?: UpstreamTls,
): Upstream {
  return protocol === 'http2' ? new Http2Upstream(address, tls) : new Http1Upstream(address, tls);
}
