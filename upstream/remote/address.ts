/** Where a remote endpoint listens, and how it is spoken to. Types only. */
import type { CircuitBreaker } from '../../router/policy/circuit-breaker.ts';
import type { ConnectionPool } from '../../router/table/cluster.ts';
import type { Http2Limits } from '../../wire/http2/limit.ts';

/** A TCP port or a Unix socket. */
export type RemoteAddress =
  | { readonly kind: 'socket'; readonly address: string; readonly port: number; readonly pod?: string }
  | { readonly kind: 'unix'; readonly path: string };

/** TLS to an endpoint, as `tls.connect` takes it. Texts are PEM. */
export interface UpstreamTls {
  /** Sent as SNI, and what the certificate must be for. Default: the endpoint's address. */
  readonly serverName?: string;
  /** Who may have signed the endpoint's certificate. Default: those that the runtime trusts. */
  readonly ca?: string;
  /** Certificates that are revoked. */
  readonly crl?: string;
  /** The client's own certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** True: any certificate will do. Default false. */
  readonly skipVerification?: boolean;
  /** The peer is a workload of the mesh: ALPN tells it so, and without {@link subjectAltNames} any of the mesh will do. */
  readonly isInMesh?: boolean;
  /** Names that the certificate may be for, in place of {@link serverName}. */
  readonly subjectAltNames?: readonly string[];
}

/** How connections to an endpoint are made and kept. */
export interface ConnectionOptions {
  /** Asked for each connection, so that certificates can be renewed. Absent: plaintext. */
  readonly tls?: () => Promise<UpstreamTls>;
  /** Absent: no limits, and Envoy's times. */
  readonly pool?: ConnectionPool;
  /** Of HTTP/2 connections, before the engine's own. Absent: those. */
  readonly http2Limits?: Partial<Http2Limits>;
  /** Of the cluster; what it counts is shared by its endpoints. Absent: nothing is counted. */
  readonly breaker?: CircuitBreaker;
}
