/** Workload certificates of a mesh's authority, without its rules. */
import { type CertificateState, RotatingCertificate } from '../rotating-certificate.ts';
import type { ConfigSource, SourceState } from '../source.ts';
import { parseXdsAddress } from './address.ts';
import { requestCertificate } from './certificate-authority.ts';

/** A source that gives no rules. Throws a TypeError for an address that is none, or that has no token. */
export function authoritySource(url: string): ConfigSource {
  const address = parseXdsAddress(url);
  let tell: (state: CertificateState) => void = () => {};
  const certificate = new RotatingCertificate(() => requestCertificate(address), {
    onState: (state) => tell(state),
  });
  return {
    name: url,
    workloadCertificates: () => certificate.current(),
    async start(onSnapshot, signal, onState) {
      let known: SourceState = { state: 'connecting', since: new Date().toISOString() };
      tell = ({ reason, ...issued }) => {
        const state = reason === undefined ? 'connected' : 'disconnected';
        const since = known.state === state ? known.since : new Date().toISOString();
        known = { state, since, ...(reason !== undefined && { reason }), certificate: issued };
        onState?.(known);
      };
      signal.addEventListener('abort', () => certificate.close(), { once: true });
      onSnapshot({ resources: [], issues: [], refused: [], unreadable: [] });
      // What is wrong is told from the start, and not when the first connection wants it.
      certificate.current().catch(() => {});
    },
  };
}
