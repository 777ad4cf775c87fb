/** What `--config k8s://` says. Imports nothing. */

/** Which cluster, and what of it. */
export interface KubernetesAddress {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Absent: KUBECONFIG's, a pod's own access, `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** Refused resources are told so in their status. Default: nothing is written. */
  readonly writesStatus?: boolean;
}

const PARAMETERS: ReadonlySet<string> = new Set(['namespace', 'kubeconfig', 'status']);

/** Reads `k8s://?namespace=NAME&kubeconfig=FILE&status`. Throws a TypeError that says what would do. */
export function parseKubernetesAddress(text: string): KubernetesAddress {
  const found = /^k8s:\/\/(?:\?(.*))?$/.exec(text);
  const parameters = new URLSearchParams(found?.[1]);
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.has(name));
  if (!found || unknown !== undefined) {
    const what = unknown === undefined ? '' : `unknown parameter "${unknown}"; `;
    throw new TypeError(
      `Cannot read rules from "${text}": ${what}write it as k8s:// or k8s://?namespace=NAME&kubeconfig=FILE&status`,
    );
  }
  const [namespace, kubeconfig] = [parameters.get('namespace'), parameters.get('kubeconfig')];
  return {
    ...(namespace && { namespace }),
    ...(kubeconfig && { kubeconfig }),
    ...(parameters.has('status') && { writesStatus: true }),
  };
}
