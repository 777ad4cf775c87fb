/** Gateway as people write it. Imports the building blocks. Source: istio/api networking/v1alpha3/gateway.proto */
import type * as z from 'zod/mini';
import { textMap, texts } from './destination.ts';
import { enumeration, flag, list, message, required, text, uint32 } from './proto-json.ts';

const tlsProtocol = enumeration('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');

export const serverTLSSettings = message({
  httpsRedirect: flag(),
  mode: enumeration('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
  serverCertificate: text(),
  privateKey: text(),
  caCertificates: text(),
  caCrl: text(),
  credentialName: text(),
  credentialNames: texts,
  caCertCredentialName: text(),
  tlsCertificates: list(message({ serverCertificate: text(), privateKey: text(), caCertificates: text() })),
  subjectAltNames: texts,
  verifyCertificateSpki: texts,
  verifyCertificateHash: texts,
  minProtocolVersion: tlsProtocol,
  maxProtocolVersion: tlsProtocol,
  cipherSuites: texts,
  insecureSkipVerify: flag(),
});

/** TLS of a server. */
export interface ServerTLSSettings extends z.infer<typeof serverTLSSettings> {}

export const gatewayServer = message({
  port: required(
    message({
      number: required(uint32()),
      protocol: required(text()),
      name: required(text()),
      /** Deprecated. */
      targetPort: uint32(),
    }),
  ),
  bind: text(),
  /** `HOST` or `NAMESPACE/HOST`. */
  hosts: required(texts),
  tls: serverTLSSettings,
  defaultEndpoint: text(),
  name: text(),
});

/** One port of a Gateway and the hosts it serves. */
export interface GatewayServer extends z.infer<typeof gatewayServer> {}

export const gatewaySpec = message({
  servers: list(gatewayServer),
  /** Labels of the gateway's workloads. */
  selector: textMap,
});

/** `spec` of a Gateway. */
export interface GatewaySpec extends z.infer<typeof gatewaySpec> {}
