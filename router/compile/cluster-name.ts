/** How clusters are called. Imports the destination type. */
import type { Destination } from '../table/cluster.ts';

/**
 * `outbound|80|v2|reviews.default.svc.cluster.local`; an empty subset leaves its place empty.
 *
 * Source: Istio `pilot/pkg/model/service.go` (BuildSubsetKey).
 */
export function clusterName(host: string, subset: string, port: number): string {
  // One piece of text, where a sum would keep its parts.
  return ['outbound', port, subset, host].join('|');
}

/** What {@link clusterName} was made of; undefined for the name of something else. */
export function parseClusterName(name: string): Destination | undefined {
  const [direction, port, subset, ...host] = name.split('|');
  if (direction !== 'outbound' || host.length === 0) return undefined;
  return { host: host.join('|'), ...(subset && { subset }), port: Number(port) };
}

/** Where a sidecar sends what no virtual host takes, with `outboundTrafficPolicy: ALLOW_ANY`. */
export const PASSTHROUGH_CLUSTER = 'PassthroughCluster';
