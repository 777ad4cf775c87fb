/** A key of one's own and the request to have it certified: PKCS #10. Loaded when the first certificate is asked for. */
import { generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  Attribute,
  Extension,
  Extensions,
  GeneralName,
  id_ce_subjectAltName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
} from '@peculiar/asn1-x509';

/** See the fields. */
export interface CertificateRequest {
  /** PEM, `CERTIFICATE REQUEST`. */
  readonly request: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

/** Source: RFC 2985 5.4.2 (extensionRequest), RFC 5758 3.2 (ecdsa-with-SHA256). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

const generate = promisify(generateKeyPair);

/**
 * A new key on P-256, and the request for it in the name of `identity`, a SPIFFE id; undefined: for whom the authority
 * takes the caller.
 *
 * Source: Istio `security/pkg/pki/util/generate_csr.go` (GenCSR, with ECC_SIGNATURE_ALGORITHM=ECDSA).
 */
export async function createCertificateRequest(identity: string | undefined): Promise<CertificateRequest> {
  const { publicKey, privateKey } = await generate('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const info = new CertificationRequestInfo({
    subjectPKInfo: AsnConvert.parse(publicKey, SubjectPublicKeyInfo),
  });
  if (identity !== undefined)
    info.attributes.push(
      new Attribute({
        type: EXTENSION_REQUEST,
        values: [AsnConvert.serialize(new Extensions([nameOf(identity)]))],
      }),
    );
  const signature = sign('sha256', new Uint8Array(AsnConvert.serialize(info)), privateKey);
  const request = new CertificationRequest({
    certificationRequestInfo: info,
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
    signature: new Uint8Array(signature).buffer,
  });
  return { request: pemOf(AsnConvert.serialize(request)), privateKey };
}

/** Critical, as there is no other name. */
function nameOf(identity: string): Extension {
  const names = new SubjectAlternativeName([new GeneralName({ uniformResourceIdentifier: identity })]);
  return new Extension({
    extnID: id_ce_subjectAltName,
    critical: true,
    extnValue: new OctetString(AsnConvert.serialize(names)),
  });
}

function pemOf(der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
    '\n',
  );
}
