/** Asks the certificate authority of an Istio mesh, which istiod is, for a workload's certificate. */
import { X509Certificate } from 'node:crypto';
import { createClient } from '@connectrpc/connect';
import { IstioCertificateService } from '../../gen/istio/security/v1alpha1/ca_pb.ts';
import type { IssuedCertificate } from '../rotating-certificate.ts';
import type { XdsAddress } from './address.ts';
import { createCertificateRequest } from './certificate-request.ts';
import { readCredentials, reasonOf } from './credentials.ts';
import { createPlaneTransport } from './transport.ts';

/** See the fields. */
export interface CertificateOptions {
  /** How long it is wanted for; the authority may give less. Default: a day, as Istio's agent asks for (SECRET_TTL). */
  readonly validityMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const TIMEOUT_MS = 10_000;
/** A call is answered or over long before a connection would be asked whether it is there. */
const PING = { pingIntervalMs: TIMEOUT_MS, pingTimeoutMs: TIMEOUT_MS } as const;

/**
 * A certificate for a new key, which never leaves this process. Who it is for the authority takes from the token. Rejects
 * with an error that says why there is none, and nothing of key or token.
 *
 * Source: Istio `security/pkg/nodeagent/caclient/providers/citadel/client.go` (CSRSign), `istio.io/api`
 * `security/v1alpha1/ca.proto`.
 */
export async function requestCertificate(
  address: XdsAddress,
  { validityMs = DAY_MS }: CertificateOptions = {},
): Promise<IssuedCertificate> {
  const fail = (reason: string, cause?: unknown) =>
    new Error(`Cannot get a workload certificate from ${address.host}:${address.port}: ${reason}`, { cause });
  let chain: readonly string[];
  let privateKey: string;
  try {
    const { ca, headers } = await readCredentials(address);
    const created = await createCertificateRequest(identityOf(headers['authorization']));
    privateKey = created.privateKey;
    const transport = createPlaneTransport(address, PING, ca);
    try {
      const client = createClient(IstioCertificateService, transport);
      const message = { csr: created.request, validityDuration: BigInt(Math.ceil(validityMs / 1000)) };
      ({ certChain: chain } = await client.createCertificate(message, { headers, timeoutMs: TIMEOUT_MS }));
    } finally {
      transport.close();
    }
  } catch (error) {
    throw fail(reasonOf(error, address), error);
  }
  const rootCertificates = chain.at(-1);
  if (chain.length < 2 || rootCertificates === undefined)
    throw fail(`it sent ${chain.length} certificates, want the workload's and a root`);
  const own = new X509Certificate(chain[0]!);
  return {
    certificateChain: chain
      .slice(0, -1)
      .map((each) => `${each.trimEnd()}\n`)
      .join(''),
    privateKey,
    rootCertificates,
    identity: /URI:(\S+?)(?:,|$)/.exec(own.subjectAltName ?? '')?.[1] ?? '',
    expiresMs: Date.parse(own.validTo),
  };
}

/**
 * Whom a service account's token is for, as a SPIFFE id: authorities other than istiod compare it with the request.
 * Undefined for a token that is no such.
 */
function identityOf(authorization: string | undefined): string | undefined {
  const [, claims = ''] = /^Bearer [^.]+\.([^.]+)\./.exec(authorization ?? '') ?? [];
  try {
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { sub?: unknown };
    const [, namespace, account] = /^system:serviceaccount:([^:/]+):([^:/]+)$/.exec(`${sub}`) ?? [];
    if (namespace === undefined) return undefined;
    return `spiffe://${process.env['TRUST_DOMAIN'] || 'cluster.local'}/ns/${namespace}/sa/${account}`;
  } catch {
    return undefined;
  }
}
