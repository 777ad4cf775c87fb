/** A workload's certificate from files that somebody else renews: Istio's agent, SPIFFE's helper, a certificate manager. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadCertificates } from '../router/table/workload-certificate.ts';
import type { ConfigSource } from './source.ts';
import { wait } from './wait.ts';

/** Whoever writes the files may start later than this. */
const RETRY_MS = 1000;

/** A source of no rules, but of the certificates in a folder; it starts once they are there. */
export function certificateFolder(folder: string): ConfigSource {
  const workloadCertificates = certificatesFrom(filesIn(folder));
  return {
    name: folder,
    workloadCertificates,
    async start(onSnapshot, signal, onState) {
      const since = new Date().toISOString();
      while (!signal.aborted) {
        try {
          await workloadCertificates();
          break;
        } catch (error) {
          const reason = `its certificates cannot be read: ${(error as Error).message}; want cert-chain.pem, key.pem and root-cert.pem, as Istio's agent writes them`;
          onState?.({ state: 'connecting', since, reason });
          await wait(RETRY_MS, signal);
        }
      }
      if (signal.aborted) return;
      onState?.({ state: 'connected', since: new Date().toISOString() });
      onSnapshot({ resources: [], issues: [], refused: [], unreadable: [] });
    },
  };
}

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
