/**
 * Make before break: of what a control plane has sent, what can be in effect now. Its kinds of resources arrive one
 * after the other, so that for a moment routes may name clusters that are not there yet, or that are no longer.
 */
import {
  clusterNamesOf,
  type XdsCluster,
  type XdsResources,
  type XdsRoutes,
} from '../../router/xds/index.ts';

/** Half of a change waits for the other half so long, in milliseconds; then it is in effect as it is. */
export const HOLD_MS = 2000;

/** Follows what is sent, a step behind where that would break calls. */
export class EffectiveResources {
  #current: XdsResources = {
    listeners: new Map(),
    routes: new Map(),
    clusters: new Map(),
    endpoints: new Map(),
  };
  /** By the name of routes whose new version waits. */
  readonly #heldSinceMs = new Map<string, number>();
  /** By the name of clusters that are gone and that routes still lead to. */
  readonly #goneSinceMs = new Map<string, number>();

  /** Milliseconds until what is held comes into effect without its other half; undefined when nothing is held. */
  waitMs(nowMs: number): number | undefined {
    const isWaiting = (sinceMs: number) => nowMs - sinceMs < HOLD_MS;
    const since = [...this.#heldSinceMs.values(), ...this.#goneSinceMs.values()].filter(isWaiting);
    return since.length === 0 ? undefined : Math.max(0, Math.min(...since) + HOLD_MS - nowMs);
  }

  /** No routes of what was sent name clusters that are not there. */
  isWhole(sent: XdsResources): boolean {
    return [...sent.routes.values()].every((routes) => missing(routes, sent).length === 0);
  }

  /**
   * What is in effect from now on. Routes that name clusters which are not there come into effect once they are, the
   * routes before staying until then; a cluster that is gone stays while routes in effect lead to it. Neither for
   * longer than {@link HOLD_MS}: what never comes, or never goes, is in effect as it was sent.
   */
  next(sent: XdsResources, nowMs: number): XdsResources {
    const before = this.#current;
    const routes = new Map<string, XdsRoutes>();
    for (const [name, next] of sent.routes) {
      const old = before.routes.get(name);
      const heldSinceMs = this.#heldSinceMs.get(name) ?? nowMs;
      // What the routes before missed, too, is not on its way.
      const missed = old && old !== next ? new Set(missing(old, sent)) : undefined;
      const waits = missed !== undefined && missing(next, sent).some((cluster) => !missed.has(cluster));
      if (old !== undefined && waits && nowMs - heldSinceMs < HOLD_MS) {
        routes.set(name, old);
        this.#heldSinceMs.set(name, heldSinceMs);
      } else {
        routes.set(name, next);
        this.#heldSinceMs.delete(name);
      }
    }
    for (const name of this.#heldSinceMs.keys()) if (!sent.routes.has(name)) this.#heldSinceMs.delete(name);

    const { listeners } = sent;
    let { clusters, endpoints } = sent;
    const named = [...routes.values()].map(clusterNamesOf);
    for (const name of this.#goneSinceMs.keys())
      if (sent.clusters.has(name) || !named.some((names) => names.has(name))) this.#goneSinceMs.delete(name);
    const gone: XdsCluster[] = [];
    // The same map has lost nothing.
    for (const [name, old] of before.clusters === sent.clusters ? [] : before.clusters) {
      if (sent.clusters.has(name) || !named.some((names) => names.has(name))) continue;
      const goneSinceMs = this.#goneSinceMs.get(name) ?? nowMs;
      this.#goneSinceMs.set(name, goneSinceMs);
      if (nowMs - goneSinceMs >= HOLD_MS) continue;
      gone.push(old);
    }
    if (gone.length > 0) {
      clusters = new Map([...clusters, ...gone.map((each) => [each.name, each] as const)]);
      const kept = gone.flatMap(({ endpointsName = '' }) => before.endpoints.get(endpointsName) ?? []);
      endpoints = new Map([...kept.map((each) => [each.name, each] as const), ...endpoints]);
    }
    this.#current = { listeners, routes, clusters, endpoints };
    return this.#current;
  }
}

/** Names of clusters that the routes lead to and that are not there, or not their endpoints. */
function missing(routes: XdsRoutes, { clusters, endpoints }: XdsResources): string[] {
  return [...clusterNamesOf(routes)].filter((name) => {
    if (!name.startsWith('outbound|')) return false;
    const cluster = clusters.get(name);
    return !cluster || (cluster.endpointsName !== undefined && !endpoints.has(cluster.endpointsName));
  });
}
