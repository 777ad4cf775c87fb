/** Whose certificates Pods have, read when a connection to one wants to know. */
import type { PodAccounts } from '../../router/table/workload-certificate.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';

/** Asked for again after so long: many connections are one question, and a name may be another Pod's by then. */
const KEPT_MS = 10_000;

interface Pod {
  readonly spec?: { readonly serviceAccountName?: string };
}

/**
 * The service account of a Pod, `NAMESPACE/NAME` both. Wants `get`: of all Pods the metadata alone is followed, which does
 * not have it.
 *
 * Source: Istio `pilot/pkg/serviceregistry/kube/conversion.go` (SecureNamingSAN).
 */
export function kubernetesPodAccounts(api: KubernetesApi, signal: AbortSignal): PodAccounts {
  const kept = new Map<string, { readonly account: Promise<string>; readonly untilMs: number }>();
  return (pod) => {
    const nowMs = performance.now();
    const known = kept.get(pod);
    if (known && nowMs < known.untilMs) return known.account;
    // Pods come and go under names of their own.
    for (const [name, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(name);
    const account = readAccount(api, pod, signal);
    kept.set(pod, { account, untilMs: nowMs + KEPT_MS });
    // What has failed is asked for again with the next connection.
    account.catch(() => kept.delete(pod));
    return account;
  };
}

async function readAccount(api: KubernetesApi, pod: string, signal: AbortSignal): Promise<string> {
  const [namespace = '', name = ''] = pod.split('/');
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  try {
    const { spec } = (await api.get(path, 'application/json', signal)) as Pod;
    return `${namespace}/${spec?.serviceAccountName || 'default'}`;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.status === 404) throw new Error(`There is no Pod ${pod} any more`);
    const reason =
      error.status === 403
        ? 'the service account may not get it, give it a role that may (deploy/kubernetes/rbac.yaml)'
        : error.message;
    throw new Error(`Cannot tell whose certificate the Pod ${pod} has: ${reason}`);
  }
}
