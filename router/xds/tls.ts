/** What an Envoy cluster says of TLS -> the table's. Imports the generated messages and the table's types. */
import type { Cluster as ClusterMessage } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { DataSource, TransportSocket } from '../../gen/envoy/config/core/v3/base_pb.ts';
import type {
  CertificateValidationContext,
  TlsCertificate,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import {
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { HttpProtocolOptions } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type { StringMatcher } from '../../gen/envoy/type/matcher/v3/string_pb.ts';
import type { ClientTls } from '../table/cluster.ts';
import { unpack } from './filter.ts';
import { within, XdsRefusal } from './refusal.ts';

const TLS = UpstreamTlsContextSchema.typeName;

/** The names of the workload's own certificate and of who vouches for others', where Istio's agent serves them. */
export const WORKLOAD_CERTIFICATE = 'default';
const WORKLOAD_ROOT = 'ROOTCA';

/**
 * TLS towards a cluster's endpoints; undefined for plaintext. Sockets chosen by endpoint are how Istio sends automatic
 * mutual TLS. Throws an {@link XdsRefusal} where certificates are asked for that come neither from files nor from the
 * mesh's authority.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster_tls.go`, `pilot/pkg/security/model/authentication.go`
 * (names of SDS resources).
 */
export function readTls(
  cluster: ClusterMessage,
  http: HttpProtocolOptions | undefined,
): ClientTls | undefined {
  const { transportSocket, transportSocketMatches: matches } = cluster;
  if (transportSocket) return within('transport_socket', () => readSocket(transportSocket, http));
  const inMesh = matches.find(({ name }) => name === 'tlsMode-istio')?.transportSocket;
  const tls = inMesh && within('transport_socket_matches', () => readSocket(inMesh, http));
  return tls && { ...tls, isAutomatic: true };
}

function readSocket(socket: TransportSocket, http: HttpProtocolOptions | undefined): ClientTls | undefined {
  const any = socket.configType.value;
  if (!any?.typeUrl.endsWith(`/${TLS}`)) return undefined;
  const context = unpack(any, UpstreamTlsContextSchema);
  const { commonTlsContext: common } = context;
  if (asksForWorkloadCertificate(common)) return readInMesh(context);
  const certificate = readCertificate(context);
  const { validation, sdsName } = validationOf(common?.validationContextType);
  const rootSecret = sdsName !== undefined && isSecret(sdsName) ? sdsName : undefined;
  const root = sdsName === undefined || rootSecret !== undefined ? undefined : rootOf(sdsName);
  const caCertificates = root?.file ?? fileOf(validation?.trustedCa);
  const caCrl = fileOf(validation?.crl) ?? root?.crl;
  const isCheckedBySni = http?.upstreamHttpProtocolOptions?.autoSanValidation === true;
  return {
    mode: certificate ? 'MUTUAL' : 'SIMPLE',
    ...(context.sni && { sni: context.sni }),
    subjectAltNames: namesOf(validation),
    ...(caCertificates && { caCertificates }),
    ...(caCrl && { caCrl }),
    ...(rootSecret !== undefined && { rootSecret }),
    ...certificate,
    // Without anything to check a certificate against, Envoy takes any.
    insecureSkipVerify:
      caCertificates === undefined && sdsName === undefined && !isCheckedBySni && !validation?.trustedCa,
  };
}

function asksForWorkloadCertificate(common: UpstreamTlsContext['commonTlsContext']): boolean {
  return common?.tlsCertificateSdsSecretConfigs[0]?.name === WORKLOAD_CERTIFICATE;
}

function readInMesh({ sni, commonTlsContext: common }: UpstreamTlsContext): ClientTls {
  const { validation, sdsName } = validationOf(common?.validationContextType);
  if (sdsName !== WORKLOAD_ROOT) throw new XdsRefusal(unknownCertificateReason(sdsName ?? ''));
  return {
    mode: 'ISTIO_MUTUAL',
    ...(sni && { sni }),
    subjectAltNames: namesOf(validation),
    insecureSkipVerify: false,
  };
}

type ValidationType = NonNullable<UpstreamTlsContext['commonTlsContext']>['validationContextType'];

/** By what a peer's certificate is checked: what is written, and the name of what is not. */
export function validationOf(type: ValidationType | undefined): {
  readonly validation?: CertificateValidationContext | undefined;
  readonly sdsName?: string | undefined;
} {
  switch (type?.case) {
    case 'validationContext':
      return { validation: type.value };
    case 'validationContextSdsSecretConfig':
      return { sdsName: type.value.name };
    case 'combinedValidationContext':
      return {
        validation: type.value.defaultValidationContext,
        sdsName: type.value.validationContextSdsSecretConfig?.name,
      };
    default:
      return {};
  }
}

function readCertificate({
  commonTlsContext: common,
}: UpstreamTlsContext):
  | Pick<ClientTls, 'clientCertificate' | 'privateKey' | 'certificateSecret'>
  | undefined {
  const [sds] = common?.tlsCertificateSdsSecretConfigs ?? [];
  if (sds && isSecret(sds.name)) return { certificateSecret: sds.name };
  if (sds) {
    const [certificate, privateKey] = filesOf(sds.name, 'file-cert:');
    if (certificate === undefined || privateKey === undefined)
      throw new XdsRefusal(unknownCertificateReason(sds.name));
    return { clientCertificate: certificate, privateKey };
  }
  const [own] = common?.tlsCertificates ?? [];
  return own && readOwnCertificate(own);
}

function readOwnCertificate(own: TlsCertificate): Pick<ClientTls, 'clientCertificate' | 'privateKey'> {
  const clientCertificate = fileOf(own.certificateChain);
  const privateKey = fileOf(own.privateKey);
  if (clientCertificate === undefined || privateKey === undefined)
    throw new XdsRefusal('the client certificate has no chain or no key');
  return { clientCertificate, privateKey };
}

function rootOf(sdsName: string): { readonly file: string; readonly crl?: string } | undefined {
  // What the system trusts, as Istio asks for it where a rule names no authority.
  if (sdsName === 'file-root:system') return undefined;
  const [file, crl] = filesOf(sdsName, 'file-root:');
  if (file === undefined) throw new XdsRefusal(unknownCertificateReason(sdsName));
  return { file, ...(crl !== undefined && { crl }) };
}

/** Secrets and config maps of a cluster, which istiod hands out. Source: Istio `pilot/pkg/model/credentials/resource.go`. */
function isSecret(sdsName: string): boolean {
  return /^(kubernetes|kubernetes-gateway|configmap):\/\//.test(sdsName);
}

/** The paths in the name of an SDS resource: `file-cert:/etc/tls/cert.pem~/etc/tls/key.pem`. */
export function filesOf(sdsName: string, prefix: string): string[] {
  return sdsName.startsWith(prefix) ? sdsName.slice(prefix.length).split('~') : [];
}

function unknownCertificateReason(sdsName: string): string {
  return `it asks for the certificates "${sdsName}", which nobody hands out here: set mode ISTIO_MUTUAL, or SIMPLE or MUTUAL with files, in the DestinationRule`;
}

/** Throws an {@link XdsRefusal} for what stands in the message itself, which Istio never sends. */
function fileOf(source: DataSource | undefined): string | undefined {
  const { case: kind, value } = source?.specifier ?? {};
  if (kind === undefined) return undefined;
  if (kind !== 'filename')
    throw new XdsRefusal(`a certificate given as ${kind}, not in a file, is not supported`);
  return value;
}

/** Exact names, which are all that Istio sends; a certificate may be for any of them. */
function namesOf(validation: CertificateValidationContext | undefined): string[] {
  const matchers: StringMatcher[] = [
    ...(validation?.matchSubjectAltNames ?? []),
    ...(validation?.matchTypedSubjectAltNames ?? []).flatMap(({ matcher }) => matcher ?? []),
  ];
  return [
    ...new Set(
      matchers.map(({ matchPattern }) => {
        if (matchPattern.case === 'exact') return matchPattern.value;
        throw new XdsRefusal('the names of certificates are compared in a way that is not understood');
      }),
    ),
  ];
}
