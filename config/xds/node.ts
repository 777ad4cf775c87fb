/** Who we are to a control plane. The one module of xds that asks the machine. */
import { hostname, networkInterfaces } from 'node:os';
import type { SourceIdentity } from '../named.ts';
import type { XdsNode } from './message.ts';

/** The release whose configuration is read; a control plane sends what that one understands. */
const ISTIO_VERSION = '1.31.0';

/**
 * The node as an Istio proxy names itself: `sidecar~10.1.0.7~web-1.shop~shop.svc.cluster.local`. What a pod knows of
 * itself comes from the variables of Istio's own injection: POD_NAME, POD_NAMESPACE, INSTANCE_IP, ISTIO_META_CLUSTER_ID.
 *
 * Source: Istio `pkg/model/proxy.go` (ParseServiceNodeWithMetadata), `pkg/bootstrap/config.go`.
 */
export function nodeOf(
  identity: SourceIdentity,
  isGrpc: boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): XdsNode {
  const namespace = namespaceOf(identity, environment);
  const name = environment['POD_NAME'] || hostname().toLowerCase();
  const address = environment['INSTANCE_IP'] || ownAddress();
  const labels = identity.labels ?? {};
  return {
    id: `${identity.type ?? 'sidecar'}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${labels['app'] ?? name}.${namespace}`,
    userAgentName: 'pointsman',
    metadata: {
      NAMESPACE: namespace,
      ISTIO_VERSION,
      CLUSTER_ID: clusterIdOf(environment),
      INSTANCE_IPS: address,
      LABELS: { ...labels },
      ...(isGrpc && { GENERATOR: 'grpc' }),
    },
  };
}

/** The namespace that rules are asked for in. */
export function namespaceOf(
  { namespace }: SourceIdentity,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return namespace ?? (environment['POD_NAMESPACE'] || 'default');
}

/** The cluster that the workload runs in. */
export function clusterIdOf(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return environment['ISTIO_META_CLUSTER_ID'] || 'Kubernetes';
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
