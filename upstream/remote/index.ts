/** Endpoints on sockets: picks the pool for the protocol that they speak. */
import type { CircuitBreaker } from '../../router/policy/circuit-breaker.ts';
import type { ClientTls, ConnectionPool } from '../../router/table/cluster.ts';
import type { PodAccounts, Secrets, WorkloadCertificates } from '../../router/table/workload-certificate.ts';
import type { Upstream } from '../upstream.ts';
import type { ConnectionOptions, RemoteAddress } from './address.ts';
import { ByServerName } from './by-server-name.ts';
import { Http1Upstream } from './http1.ts';
import { Http2Upstream } from './http2.ts';
import { meshTls, readTls } from './tls.ts';

export type { ConnectionOptions, RemoteAddress, UpstreamTls } from './address.ts';

/** What a cluster says of its connections. */
export interface RemoteOptions {
  readonly tls?: ClientTls;
  /** For mode ISTIO_MUTUAL. */
  readonly workloadCertificates?: WorkloadCertificates | undefined;
  /** For mode ISTIO_MUTUAL, where the rules name nobody. */
  readonly podAccounts?: PodAccounts | undefined;
  /** For what {@link tls} names. */
  readonly secrets?: Secrets | undefined;
  readonly pool?: ConnectionPool;
  readonly breaker?: CircuitBreaker;
}

/** An upstream for an endpoint that speaks HTTP/1.1 or HTTP/2 (by prior knowledge, or over TLS). Connects when first asked. */
export function createRemoteUpstream(
  address: RemoteAddress,
  protocol: 'http1' | 'http2',
  { tls, workloadCertificates, podAccounts, secrets, ...rest }: RemoteOptions = {},
): Upstream {
  const create = (options: ConnectionOptions): Upstream =>
    protocol === 'http2' ? new Http2Upstream(address, options) : new Http1Upstream(address, options);
  if (!tls) return create(rest);
  if (tls.mode === 'ISTIO_MUTUAL') {
    const pod = address.kind === 'socket' ? address.pod : undefined;
    return create({ ...rest, tls: () => meshTls(tls, workloadCertificates, pod, podAccounts) });
  }
  const { sni } = tls;
  if (sni !== undefined) return create({ ...rest, tls: () => readTls(tls, sni, secrets) });
  return new ByServerName((name) => create({ ...rest, tls: () => readTls(tls, name || undefined, secrets) }));
}
