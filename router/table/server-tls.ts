/** How a gateway's listener speaks TLS with its clients. Types only; imports nothing. */

/** One server of a Gateway that ends its clients' TLS. */
export interface ServerTls {
  /** `NAMESPACE/NAME` of the Gateway and the name of the server's port: `shop/edge https`. */
  readonly server: string;
  /** What clients may name in their greeting (SNI), in lower case: `a.example.com`, `*.example.com`; `*` is anything, or nothing. */
  readonly hosts: readonly string[];
  /** `MUTUAL`: clients must have a certificate. `OPTIONAL_MUTUAL`: those that have one must have a good one. */
  readonly mode: 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL' | 'ISTIO_MUTUAL';
  /** Names of secrets, `kubernetes://NAME`: of certificates with their keys. */
  readonly certificateSecrets: readonly string[];
  /** The same: of who may have signed clients' certificates. */
  readonly rootSecret?: string;
  /** Paths of PEM files, where no secret is named. */
  readonly certificateFiles: readonly { readonly certificateChain: string; readonly privateKey: string }[];
  readonly rootFile?: string;
  /** Default `TLSv1.2`. */
  readonly minVersion?: ProtocolVersion;
  /** Default `TLSv1.3`. */
  readonly maxVersion?: ProtocolVersion;
  /** OpenSSL's names of ciphers up to TLS 1.2, with `:` between them. Default: the runtime's. */
  readonly ciphers?: string;
  /** Conditions that are not carried out: to leave one out might let others in, so that no connection is made. */
  readonly unsupported: readonly string[];
}

/** OpenSSL's names. */
export type ProtocolVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
