/** TLS as a DestinationRule asks for it: files are read, and secrets asked for, for each connection, so that they can be renewed. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ClientTls } from '../../router/table/cluster.ts';
import type { PodAccounts, Secrets, WorkloadCertificates } from '../../router/table/workload-certificate.ts';
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
 * What a connection as a workload of a mesh needs. Where the rules name nobody, the endpoint's certificate has to be its
 * Pod's, if that is known. Rejects when there is no certificate to show, or nobody tells whose the Pod's is.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go` (buildUpstreamClusterTLSContext), `pilot/pkg/xds/filters/filters.go`
 * (Alpn), `pilot/pkg/serviceregistry/kube/conversion.go` (SecureNamingSAN).
 */
export async function meshTls(
  { sni, subjectAltNames }: ClientTls,
  certificates: WorkloadCertificates | undefined,
  pod?: string,
  podAccounts?: PodAccounts,
): Promise<UpstreamTls> {
  if (!certificates)
    throw new Error('mode ISTIO_MUTUAL wants a workload certificate, and no source of rules gives one');
  const isAsked = subjectAltNames.length === 0 && pod !== undefined && podAccounts !== undefined;
  const [{ certificateChain, privateKey, rootCertificates }, account] = await Promise.all([
    certificates(),
    isAsked ? podAccounts(pod) : undefined,
  ]);
  const [namespace, name] = account?.split('/') ?? [];
  const names =
    account === undefined
      ? subjectAltNames
      : [`spiffe://${trustDomainOf(certificateChain)}/ns/${namespace}/sa/${name}`];
  return {
    ...(sni !== undefined && { serverName: sni }),
    subjectAltNames: names,
    isInMesh: true,
    ca: rootCertificates,
    cert: certificateChain,
    key: privateKey,
  };
}

/** The mesh's, by a certificate of one of its workloads. Source: SPIFFE `standards/X509-SVID.md`. */
function trustDomainOf(certificateChain: string): string {
  const { subjectAltName = '' } = new X509Certificate(certificateChain);
  const [, domain] = /URI:spiffe:\/\/([^/,]+)\//.exec(subjectAltName) ?? [];
  if (domain === undefined)
    throw new Error(`the workload certificate is for ${subjectAltName || 'no name'}, and so of no mesh`);
  return domain;
}
