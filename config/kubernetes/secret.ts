/** Certificates in a cluster's Secrets, read when a connection wants them. */
import type { Secrets, TlsSecret } from '../../router/table/workload-certificate.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';

/** Asked for again after so long, so that many connections are one question. */
const KEPT_MS = 10_000;
/** How a name says that of its Secret who may sign is wanted. Source: Istio `pilot/pkg/security/model/authentication.go` (SdsCaSuffix). */
const ROOT_SUFFIX = '-cacert';

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Secrets by the names that rules have for them: `kubernetes://NAME`, in `namespace`; with `-cacert` behind it who may sign, of a
 * Secret of that name, else of the one without. Wants `get`, and nothing is kept on disk.
 *
 * Source: Istio `pilot/pkg/credentials/kube/secrets.go` (ExtractKeyAndCert, GetCaCert), `pilot/pkg/model/credentials/resource.go`.
 */
export function kubernetesSecrets(api: KubernetesApi, namespace: string, signal: AbortSignal): Secrets {
  const kept = new Map<string, { readonly secret: Promise<TlsSecret>; readonly untilMs: number }>();
  return (name) => {
    const nowMs = performance.now();
    const known = kept.get(name);
    if (known && nowMs < known.untilMs) return known.secret;
    const secret = readSecret(api, name, namespace, signal);
    kept.set(name, { secret, untilMs: nowMs + KEPT_MS });
    // What has failed is asked for again with the next connection.
    secret.catch(() => kept.delete(name));
    return secret;
  };
}

async function readSecret(
  api: KubernetesApi,
  resource: string,
  namespace: string,
  signal: AbortSignal,
): Promise<TlsSecret> {
  const [, where, name = ''] = /^kubernetes:\/\/(?:([^/]+)\/)?([^/]+)$/.exec(resource) ?? [];
  if (name === '') throw new Error(`Cannot read "${resource}": want the name of a Secret`);
  if (where !== undefined && where !== namespace)
    throw new Error(`Cannot read "${resource}": only Secrets of namespace "${namespace}" are read`);
  const get = async (each: string): Promise<Readonly<Record<string, string>> | undefined> => {
    try {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(each)}`;
      return ((await api.get(path, 'application/json', signal)) as Secret).data ?? {};
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (error.status === 404) return undefined;
      const reason =
        error.status === 403
          ? 'the service account may not get it, give it a role that may (deploy/kubernetes/rbac-secrets.yaml)'
          : error.message;
      throw new Error(`Cannot read the Secret ${namespace}/${each}: ${reason}`);
    }
  };
  const isRoot = name.endsWith(ROOT_SUFFIX);
  const data = (await get(name)) ?? (isRoot ? await get(name.slice(0, -ROOT_SUFFIX.length)) : undefined);
  if (!data) throw new Error(`There is no Secret ${namespace}/${name}`);
  const text = (...keys: string[]) => {
    const found = keys.map((key) => data[key]).find((value) => value !== undefined);
    return found === undefined ? undefined : Buffer.from(found, 'base64').toString('utf8');
  };
  const [certificateChain, privateKey, rootCertificates] = [
    text('cert', 'tls.crt'),
    text('key', 'tls.key'),
    text('cacert', 'ca.crt'),
  ];
  return isRoot
    ? { ...(rootCertificates !== undefined && { rootCertificates }) }
    : {
        ...(certificateChain !== undefined && { certificateChain }),
        ...(privateKey !== undefined && { privateKey }),
      };
}
