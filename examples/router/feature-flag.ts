/**
 * A router of one's own: a feature flag decides. Shows the two methods that a gateway asks for; try it with
 * `createGateway({ router: featureFlagRouter(...), services })`.
 */
import type { Decision, Router } from '../../router/index.ts';

/** What the router is told: clusters by name, and who has the flag. */
export interface FeatureFlagOptions {
  /** Clusters are named `outbound|PORT|SUBSET|HOST`; the subset may be empty. */
  readonly on: string;
  readonly off: string;
  /** The user as the request names it, or undefined; the answer may change from call to call. */
  readonly isEnabled: (user: string | undefined) => boolean;
}

/** Sends the requests of users who have the flag to one cluster, all others to another. */
export function featureFlagRouter({ on, off, isEnabled }: FeatureFlagOptions): Router {
  const decide = (request: Parameters<Router['route']>[0]): Decision => {
    const user = request.headers.find(([name]) => name === 'user')?.[1];
    const { method, authority, path, headers } = request;
    return {
      kind: 'forward',
      route: 'feature-flag',
      cluster: isEnabled(user) ? on : off,
      request: { method, authority, path, headers },
      responseHeaders: [],
      timeoutMs: 0,
      mirrors: [],
    };
  };
  return {
    route: decide,
    explain: (request) => ({ tried: [], outcomes: [{ percent: 100, decision: decide(request) }] }),
  };
}
