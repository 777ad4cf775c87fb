/** A workload's certificate from files that somebody else renews: Istio's agent, SPIFFE's helper, a certificate manager. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadCertificates } from '../router/table/workload-certificate.ts';

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly rootCertificates: string;
}

/** The files of a folder as Istio's agent writes them (OUTPUT_CERTS). Source: Istio `pkg/security/security.go`. */
export function filesIn(folder: string): CertificateFiles {
  return {
    certificateChain: join(folder, 'cert-chain.pem'),
    privateKey: join(folder, 'key.pem'),
    rootCertificates: join(folder, 'root-cert.pem'),
  };
}

/** Reads them anew each time. Rejects when one cannot be read, and names it. */
export function certificatesFrom(files: CertificateFiles): WorkloadCertificates {
  return async () => {
    const [certificateChain, privateKey, rootCertificates] = await Promise.all(
      [files.certificateChain, files.privateKey, files.rootCertificates].map((path) =>
        readFile(path, 'utf8'),
      ),
    );
    return {
      certificateChain: certificateChain!,
      privateKey: privateKey!,
      rootCertificates: rootCertificates!,
    };
  };
}
