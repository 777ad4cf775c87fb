/** Envoy's Secret -> PEM texts. Imports the generated messages and the table's types. */
import type { DataSource } from '../../gen/envoy/config/core/v3/base_pb.ts';
import type { Secret } from '../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type { TlsSecret } from '../table/workload-certificate.ts';
import { XdsRefusal } from './refusal.ts';

/**
 * What a secret holds. Throws an {@link XdsRefusal} for another kind of secret, and for one whose texts are elsewhere.
 *
 * Source: Envoy `api/envoy/extensions/transport_sockets/tls/v3/secret.proto`.
 */
export function readSecret({ type }: Secret): TlsSecret {
  switch (type.case) {
    case 'tlsCertificate':
      return {
        certificateChain: textOf(type.value.certificateChain),
        privateKey: textOf(type.value.privateKey),
      };
    case 'validationContext':
      return { rootCertificates: textOf(type.value.trustedCa) };
    default:
      throw new XdsRefusal('it is neither a certificate nor who may sign some');
  }
}

function textOf(source: DataSource | undefined): string {
  switch (source?.specifier.case) {
    case 'inlineBytes':
      return new TextDecoder().decode(source.specifier.value);
    case 'inlineString':
      return source.specifier.value;
    default:
      throw new XdsRefusal('a part of it is not sent with it');
  }
}
