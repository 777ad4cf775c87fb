/** What TLS is spoken with that is in no file: a workload's certificate, and secrets by name. Types only; imports nothing. */

/** What a workload shows to others, and by whom it knows them. PEM texts; the key is a secret, and in no table, log or state. */
export interface WorkloadCertificate {
  /** The workload's own, then those between it and a root. */
  readonly certificateChain: string;
  readonly privateKey: string;
  /** Who may have signed those of others. */
  readonly rootCertificates: string;
}

/** Resolves with the certificate in effect, asked for with each connection. Rejects with a reason where there is none. */
export type WorkloadCertificates = () => Promise<WorkloadCertificate>;

/**
 * Resolves with the service account of a Pod, `NAMESPACE/NAME` both, asked for with each connection to it. Rejects with why
 * it cannot be told.
 */
export type PodAccounts = (pod: string) => Promise<string>;

/** What a secret holds, as PEM texts; one asked for may lack what is not asked for of it. */
export interface TlsSecret {
  readonly certificateChain?: string;
  readonly privateKey?: string;
  readonly rootCertificates?: string;
}

/** Resolves with the secret of a name, asked for with each connection. Rejects with why there is none. */
export type Secrets = (name: string) => Promise<TlsSecret>;
