/** A router of one's own with a memory: it takes turns over hosts. See `feature-flag.ts` for one without. */
import type { Decision, RouteRequest, Router } from '../../router/index.ts';

/** Sends each request to the next cluster of the list, which must not be empty. */
export function roundRobinRouter(clusters: readonly string[]): Router {
  let turn = 0;
  const to = (cluster: string, { method, authority, path, headers }: RouteRequest): Decision => ({
    kind: 'forward',
    route: 'round-robin',
    cluster,
    request: { method, authority, path, headers },
    responseHeaders: [],
    timeoutMs: 0,
    mirrors: [],
  });
  return {
    route: (request) => to(clusters[turn++ % clusters.length]!, request),
    explain: (request) => ({
      tried: [],
      outcomes: clusters.map((cluster) => ({
        percent: 100 / clusters.length,
        decision: to(cluster, request),
      })),
    }),
  };
}
