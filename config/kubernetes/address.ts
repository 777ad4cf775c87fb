/** What `--config k8s://` says. Imports nothing. */

/** Which cluster, and what of it. */
export interface KubernetesAddress {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Absent: KUBECONFIG's, a pod's own access, `~/.kube/config`. */
  readonly kubeconfig?: string;
}

/** Reads `k8s://?namespace=NAME&kubeconfig=FILE`. Throws a TypeError that says what would do. */
export function parseKubernetesAddress(text: string): KubernetesAddress {
  const found = /^k8s:\/\/(?:\?(.*))?$/.exec(text);
  const parameters = new URLSearchParams(found?.[1]);
  const unknown = [...parameters.keys()].find((name) => name !== 'namespace' && name !== 'kubeconfig');
  if (!found || unknown !== undefined) {
    const what = unknown === undefined ? '' : `unknown parameter "${unknown}"; `;
    throw new TypeError(
      `Cannot read rules from "${text}": ${what}write it as k8s:// or k8s://?namespace=NAME&kubeconfig=FILE`,
    );
  }
  const [namespace, kubeconfig] = [parameters.get('namespace'), parameters.get('kubeconfig')];
  return { ...(namespace && { namespace }), ...(kubeconfig && { kubeconfig }) };
}
