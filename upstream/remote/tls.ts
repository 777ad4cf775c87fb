/** TLS as a DestinationRule asks for it: files are read, and secrets asked for, for each connection, so that they can be renewed. */
import { readFile } from 'node:fs/promises';
import type { ClientTls } from '../../router/table/cluster.ts';
import type { Secrets, WorkloadCertificates } from '../../router/table/workload-certificate.ts';
import type { UpstreamTls } from './address.ts';

/**
 * What a connection for requests to `serverName` needs. Rejects when a file cannot be read, or a secret is not there.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go` (constructUpstreamTLS). Unlike Istio's, a `sni` without
 * `subjectAltNames` is what the certificate has to be for.
 */
export async function readTls(
  policy: ClientTls,
  serverName: string | undefined,
  secrets: Secrets | undefined,
): Promise<UpstreamTls> {
  if (policy.caCrl !== undefined && 'Deno' in globalThis)
    throw new TypeError(`Cannot look at ${policy.caCrl}: Deno takes no list of revoked certificates`);
  const secretOf = async (name: string | undefined) => {
    if (name !== undefined && !secrets)
      throw new Error(`"${name}" is a secret, and no source of rules has secrets`);
    return name === undefined ? undefined : secrets?.(name);
  };
  const [own, root] = await Promise.all([secretOf(policy.certificateSecret), secretOf(policy.rootSecret)]);
  const [caFile, crl, certFile, keyFile] = await Promise.all(
    [policy.caCertificates, policy.caCrl, policy.clientCertificate, policy.privateKey].map((path) =>
      path === undefined || path === 'system' ? undefined : readFile(path, 'utf8'),
    ),
  );
  if (policy.rootSecret !== undefined && root?.rootCertificates === undefined)
    throw new Error(`the secret "${policy.rootSecret}" has no certificates of authorities`);
  if (
    policy.certificateSecret !== undefined &&
    (own?.certificateChain === undefined || own.privateKey === undefined)
  )
    throw new Error(`the secret "${policy.certificateSecret}" has no certificate with its key`);
  const [ca, cert, key] = [
    root?.rootCertificates ?? caFile,
    own?.certificateChain ?? certFile,
    own?.privateKey ?? keyFile,
  ];
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
