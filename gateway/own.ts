/**
 * Services of the gateway itself (reflection, health): answered where no rule matches a request for its own
 * address, and nowhere else. Imports what runs in process.
 */
import { type ConnectRouter, createConnectRouter } from '@connectrpc/connect';
import type { Forward, RouteRequest } from '../router/index.ts';
import { type RunningCluster, startClusters } from '../upstream/cluster.ts';
import { createInProcessUpstream, type InProcessOptions } from '../upstream/in-process.ts';
import { UpstreamPool } from '../upstream/pool.ts';

/** A call that one of the gateway's own services answers. */
export interface OwnCall {
  readonly decision: Forward;
  readonly cluster: RunningCluster;
}

/** The call for a request's path, if there is a method for it. */
export type OwnServices = (head: RouteRequest) => OwnCall | undefined;

/** Name of the cluster that no rule can name: a rule's begin with `outbound`. */
const OWN = 'pointsman';

/** Services registered as with any Connect router. */
export function createOwnServices(
  routes: (router: ConnectRouter) => void,
  options: InProcessOptions,
): OwnServices {
  const router = createConnectRouter();
  routes(router);
  const methods = new Set(router.handlers.map(({ requestPath }) => requestPath));
  const upstream = createInProcessUpstream(routes, options);
  const clusters = startClusters(
    [
      {
        name: OWN,
        destination: { host: OWN, port: 0 },
        protocol: 'http2',
        endpoints: [{ kind: 'in-process', id: OWN, labels: {}, weight: 1 }],
        policy: { loadBalancer: { kind: 'ROUND_ROBIN' } },
      },
    ],
    new UpstreamPool(() => upstream),
    () => 0,
  );
  const cluster = clusters.get(OWN)!;
  return ({ method, authority, path, headers }) => {
    if (!methods.has(path.split('?', 1)[0]!)) return undefined;
    const request = { method, authority, path, headers };
    return {
      cluster,
      decision: { kind: 'forward', cluster: OWN, request, responseHeaders: [], timeoutMs: 0, mirrors: [] },
    };
  };
}
