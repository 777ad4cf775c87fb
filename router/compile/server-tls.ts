/** A Gateway's server with TLS -> the table's. Imports schema types and the table's. */
import type { GatewayServer, ServerTLSSettings } from '../schema/gateway.ts';
import type { ProtocolVersion, ServerTls } from '../table/server-tls.ts';

/**
 * How a server speaks TLS; undefined for one that passes it on or speaks plaintext. `hosts` as the server has them, without
 * their namespaces.
 *
 * Source: Istio `pilot/pkg/networking/core/gateway.go` (buildGatewayListenerTLSContext, getSNIHostsForServer),
 * `pilot/pkg/security/model/authentication.go` (ApplyCredentialSDSToServerCommonTLSContext).
 */
export function compileServerTls(
  { port, tls }: GatewayServer,
  gateway: string,
  hosts: readonly string[],
): ServerTls | undefined {
  const mode = tls?.mode;
  if (port.protocol.toUpperCase() !== 'HTTPS' || !tls || !mode) return undefined;
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') return undefined;
  const names = tls.credentialNames?.length ? tls.credentialNames : [tls.credentialName ?? ''];
  const certificateSecrets = names.filter((name) => name !== '').map(secretName);
  const isMutual = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
  const rootName = tls.caCertCredentialName || (certificateSecrets.length > 0 && `${names[0]}${ROOT_SUFFIX}`);
  const minVersion = VERSIONS[tls.minProtocolVersion ?? 'TLS_AUTO'];
  const maxVersion = VERSIONS[tls.maxProtocolVersion ?? 'TLS_AUTO'];
  return {
    server: `${gateway} ${port.name}`,
    hosts: hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase()),
    mode,
    certificateSecrets,
    ...(isMutual && rootName && { rootSecret: secretName(rootName) }),
    certificateFiles: certificateSecrets.length > 0 ? [] : filesOf(tls),
    ...(isMutual && !rootName && tls.caCertificates && { rootFile: tls.caCertificates }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(tls.cipherSuites?.length && { ciphers: tls.cipherSuites.join(':') }),
    unsupported: UNSUPPORTED.filter((field) => isSet(tls[field])),
  };
}

/** Source: Istio `pilot/pkg/security/model/authentication.go` (SdsCaSuffix). */
const ROOT_SUFFIX = '-cacert';

/** Who clients have to be, beside what their authority says. */
const UNSUPPORTED = [
  'caCrl',
  'insecureSkipVerify',
  'subjectAltNames',
  'verifyCertificateHash',
  'verifyCertificateSpki',
] as const satisfies (keyof ServerTLSSettings)[];

const VERSIONS: Readonly<Record<string, ProtocolVersion | undefined>> = {
  TLSV1_0: 'TLSv1',
  TLSV1_1: 'TLSv1.1',
  TLSV1_2: 'TLSv1.2',
  TLSV1_3: 'TLSv1.3',
};

function secretName(name: string): string {
  return name.includes('://') ? name : `kubernetes://${name}`;
}

function filesOf({ tlsCertificates, serverCertificate, privateKey }: ServerTLSSettings) {
  const pairs = tlsCertificates?.length ? tlsCertificates : [{ serverCertificate, privateKey }];
  return pairs.flatMap(({ serverCertificate: certificateChain, privateKey: key }) =>
    certificateChain && key ? [{ certificateChain, privateKey: key }] : [],
  );
}

function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
