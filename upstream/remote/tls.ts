/** TLS as a DestinationRule asks for it: its files are read for each connection, so that they can be renewed. */
import { readFile } from 'node:fs/promises';
import type { ClientTls } from '../../router/table/cluster.ts';
import type { UpstreamTls } from './address.ts';

/**
 * What a connection for requests to `serverName` needs. Rejects when a file cannot be read.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go` (constructUpstreamTLS). Unlike Istio's, a `sni` without
 * `subjectAltNames` is what the certificate has to be for.
 */
export async function readTls(policy: ClientTls, serverName: string | undefined): Promise<UpstreamTls> {
  if (policy.caCrl !== undefined && 'Deno' in globalThis)
    throw new TypeError(`Cannot look at ${policy.caCrl}: Deno takes no list of revoked certificates`);
  const [ca, crl, cert, key] = await Promise.all(
    [policy.caCertificates, policy.caCrl, policy.clientCertificate, policy.privateKey].map((path) =>
      path === undefined || path === 'system' ? undefined : readFile(path, 'utf8'),
    ),
  );
  return {
    ...(serverName !== undefined && { serverName }),
    subjectAltNames: policy.subjectAltNames,
    skipVerification: policy.insecureSkipVerify,
    ...(ca !== undefined && { ca }),
    ...(crl !== undefined && { crl }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}
