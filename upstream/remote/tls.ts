/** TLS as a DestinationRule asks for it: its files are read for each connection, so that they can be renewed. */
import { readFile } from 'node:fs/promises';
import type { ClientTls } from '../../router/table/cluster.ts';
import type { WorkloadCertificates } from '../../router/table/workload-certificate.ts';
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

/**
 * What a connection as a workload of a mesh needs. Rejects when there is no certificate to show.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go` (buildUpstreamClusterTLSContext), `pilot/pkg/xds/filters/filters.go`
 * (Alpn).
 */
export async function meshTls(
  { sni, subjectAltNames }: ClientTls,
  certificates: WorkloadCertificates | undefined,
): Promise<UpstreamTls> {
  if (!certificates)
    throw new Error('mode ISTIO_MUTUAL wants a workload certificate, and no source of rules gives one');
  const { certificateChain, privateKey, rootCertificates } = await certificates();
  return {
    ...(sni !== undefined && { serverName: sni }),
    subjectAltNames,
    isInMesh: true,
    ca: rootCertificates,
    cert: certificateChain,
    key: privateKey,
  };
}
