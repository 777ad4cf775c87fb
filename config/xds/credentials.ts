/** What a control plane is shown by way of introduction, and what it may show. Reads files, anew for each connection. */
import { readFile } from 'node:fs/promises';
import { Code } from '@connectrpc/connect';
import type { XdsAddress } from './address.ts';
import { clusterIdOf } from './node.ts';

/** See the fields. */
export interface PlaneCredentials {
  /** PEM of who may have signed the control plane's certificate. Undefined: those that the system trusts. */
  readonly ca: string | undefined;
  /** Sent with each call. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads an address's root certificate and token. Rejects, without the token's text, when a file cannot be read.
 *
 * Source: Istio `pkg/istio-agent/xds_proxy.go` (ClusterID), `security/pkg/nodeagent/caclient/credentials.go`.
 */
export async function readCredentials({ tls, tokenFile }: XdsAddress): Promise<PlaneCredentials> {
  const [token, ca] = await Promise.all([readToken(tokenFile), readText(tls?.caFile)]);
  return {
    ca,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}`, clusterid: clusterIdOf() },
  };
}

/** Its text is in no error: a header that takes it not would say it. */
async function readToken(file: string | undefined): Promise<string | undefined> {
  const token = (await readText(file))?.trim();
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new Error(`Cannot use the token in "${file}": it is not one line of visible ASCII`);
  return token;
}

async function readText(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : await readFile(file, 'utf8');
}

/**
 * Why a call failed, in one sentence: without Connect's own prefix, and with the system's word for what failed below it. Of
 * credentials that are refused it says which, and what would do.
 */
export function reasonOf(error: unknown, { tokenFile }: XdsAddress): string {
  const { rawMessage, message, cause, code } = error as {
    rawMessage?: string;
    message: string;
    cause?: unknown;
    code?: unknown;
  };
  const below = (cause as { code?: string } | undefined)?.code;
  const text = rawMessage ?? message;
  if (code === Code.Unauthenticated)
    return tokenFile === undefined
      ? `it wants to know who asks (${text}): add token=FILE`
      : `it refuses the token in "${tokenFile}" (${text}): want one of a service account, for the audience istio-ca, that has not expired`;
  return below === undefined || text.includes(below) ? text : `${text} (${below})`;
}
