/** What a filter chain of a gateway says of its clients' TLS -> the table's. Imports the generated messages and the table's types. */
import type { FilterChain } from '../../gen/envoy/config/listener/v3/listener_components_pb.ts';
import {
  type CertificateValidationContext,
  TlsParameters_TlsProtocol as Protocol,
  type TlsParameters,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { ProtocolVersion, ServerTls } from '../table/server-tls.ts';
import { unpack } from './filter.ts';
import { filesOf, validationOf, WORKLOAD_CERTIFICATE } from './tls.ts';

const TLS = DownstreamTlsContextSchema.typeName;

/**
 * How the chain speaks TLS; undefined for plaintext. What of it is not carried out is said in `unsupported`, so that the
 * listener's other chains count.
 *
 * Source: Istio `pilot/pkg/networking/core/gateway.go` (buildGatewayListenerTLSContext),
 * `pilot/pkg/security/model/authentication.go` (names of SDS resources).
 */
export function readServerTls(
  { transportSocket, filterChainMatch, name }: FilterChain,
  listener: string,
): ServerTls | undefined {
  const any = transportSocket?.configType.value;
  if (!any?.typeUrl.endsWith(`/${TLS}`)) return undefined;
  const { commonTlsContext: common, requireClientCertificate } = unpack(any, DownstreamTlsContextSchema);
  const names = filterChainMatch?.serverNames ?? [];
  const hosts = names.length > 0 ? names.map((each) => each.toLowerCase()) : ['*'];
  const { validation, sdsName } = validationOf(common?.validationContextType);
  const rootFile = filesOf(sdsName ?? '', 'file-root:')[0] ?? fileOf(validation?.trustedCa);
  const isMutual = requireClientCertificate === true || sdsName !== undefined || validation !== undefined;
  const isInMesh = common?.tlsCertificateSdsSecretConfigs[0]?.name === WORKLOAD_CERTIFICATE;
  const mode = !isMutual ? 'SIMPLE' : requireClientCertificate ? 'MUTUAL' : 'OPTIONAL_MUTUAL';
  return {
    server: `${listener} ${name || hosts.join(',')}`,
    hosts,
    mode: isInMesh && mode === 'MUTUAL' ? 'ISTIO_MUTUAL' : mode,
    ...certificatesOf(common),
    ...(isMutual && !isInMesh && sdsName !== undefined && rootFile === undefined && { rootSecret: sdsName }),
    ...(isMutual && rootFile !== undefined && { rootFile }),
    ...parametersOf(common?.tlsParams),
    unsupported: unsupportedOf(validation),
  };
}

function certificatesOf(
  common: CommonTlsContext | undefined,
): Pick<ServerTls, 'certificateSecrets' | 'certificateFiles'> {
  const names = (common?.tlsCertificateSdsSecretConfigs ?? []).map(({ name }) => name);
  const files = names.map((name) => filesOf(name, 'file-cert:'));
  const written = (common?.tlsCertificates ?? []).map(({ certificateChain, privateKey }) => [
    fileOf(certificateChain),
    fileOf(privateKey),
  ]);
  return {
    certificateSecrets: names.filter(
      (name) => name !== WORKLOAD_CERTIFICATE && !name.startsWith('file-cert:'),
    ),
    certificateFiles: [...files, ...written].flatMap(([certificateChain, privateKey]) =>
      certificateChain && privateKey ? [{ certificateChain, privateKey }] : [],
    ),
  };
}

function unsupportedOf(validation: CertificateValidationContext | undefined): string[] {
  if (!validation) return [];
  const { matchSubjectAltNames, matchTypedSubjectAltNames, verifyCertificateSpki, verifyCertificateHash } =
    validation;
  const asked = {
    subjectAltNames: matchSubjectAltNames.length + matchTypedSubjectAltNames.length,
    verifyCertificateSpki: verifyCertificateSpki.length,
    verifyCertificateHash: verifyCertificateHash.length,
    caCrl: validation.crl ? 1 : 0,
    insecureSkipVerify: validation.trustChainVerification,
  };
  return Object.entries(asked).flatMap(([field, count]) => (count > 0 ? [field] : []));
}

function parametersOf(
  parameters: TlsParameters | undefined,
): Pick<ServerTls, 'minVersion' | 'maxVersion' | 'ciphers'> {
  if (!parameters) return {};
  const { tlsMinimumProtocolVersion, tlsMaximumProtocolVersion, cipherSuites } = parameters;
  // Istio writes down its own default.
  const isDefault = tlsMinimumProtocolVersion === Protocol.TLSv1_2;
  const minVersion = isDefault ? undefined : VERSIONS[tlsMinimumProtocolVersion];
  const maxVersion = VERSIONS[tlsMaximumProtocolVersion];
  return {
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(cipherSuites.length > 0 && { ciphers: cipherSuites.join(':') }),
  };
}

const VERSIONS: Readonly<Record<Protocol, ProtocolVersion | undefined>> = {
  [Protocol.TLS_AUTO]: undefined,
  [Protocol.TLSv1_0]: 'TLSv1',
  [Protocol.TLSv1_1]: 'TLSv1.1',
  [Protocol.TLSv1_2]: 'TLSv1.2',
  [Protocol.TLSv1_3]: 'TLSv1.3',
};

function fileOf(source: CertificateValidationContext['trustedCa']): string | undefined {
  return source?.specifier.case === 'filename' ? source.specifier.value : undefined;
}
