/** Endpoints on sockets: picks the engine for the protocol that they speak. Imports node's through its siblings. */
import type { Upstream } from './exchange.ts';
import { createHttp1Upstream } from './remote-http1.ts';
import { createHttp2Upstream } from './remote-http2.ts';

/** Where a remote endpoint listens. */
export type RemoteAddress =
  | { readonly kind: 'socket'; readonly address: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** An upstream for an endpoint that speaks HTTP/1.1, or HTTP/2 without TLS (h2c, prior knowledge). Connects when first asked. */
export function createRemoteUpstream(address: RemoteAddress, protocol: 'http1' | 'http2'): Upstream {
  return protocol === 'http2' ? createHttp2Upstream(address) : createHttp1Upstream(address);
}
