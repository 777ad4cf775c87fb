/**
 * Make before break: of what a control plane has sent, what can be in effect now. Its kinds of resources arrive one
 * after the other, so that for a moment routes may name clusters that are not there yet, or that are no longer.
 */
import type { VirtualHost } from '../../router/table/route-table.ts';
import {
  clusterNamesOf,
  clustersIn,
  type XdsCluster,
  type XdsResources,
  type XdsRoutes,
} from '../../router/xds/index.ts';

/** Half of a change waits for the other half so long, in milliseconds; then it is in effect as it is. */
export const HOLD_MS = 2000;

/** A virtual host whose routes lead to a cluster that is not there, or whose endpoints are not. */
export interface Lacking {
  readonly virtualHost: string;
  readonly cluster: string;
  /** Since when there has been one, in milliseconds. */
  readonly sinceMs: number;
}

/** Follows what is sent, a step behind where that would break calls. */
export class EffectiveResources {
  /** Clusters are asked for by name, once routes name them; else all there are have been sent before the routes. */
  readonly #isByName: boolean;
  #current: XdsResources = {
    listeners: new Map(),
    routes: new Map(),
    clusters: new Map(),
    endpoints: new Map(),
  };
  /** By the names of routes and of virtual hosts in them whose new version waits. */
  #heldSinceMs: ReadonlyMap<string, number> = new Map();
  /** By the name of clusters that are gone and that routes still lead to. */
  readonly #goneSinceMs = new Map<string, number>();
  /** Of what was sent, waiting or in effect: one, and how many more there are. */
  lacking: (Lacking & { readonly more: number }) | undefined;

  constructor(isByName: boolean) {
    this.#isByName = isByName;
  }

  /** Milliseconds until what is held comes into effect without its other half; undefined when nothing is held. */
  waitMs(nowMs: number): number | undefined {
    const isWaiting = (sinceMs: number) => nowMs - sinceMs < HOLD_MS;
    const since = [...this.#heldSinceMs.values(), ...this.#goneSinceMs.values()].filter(isWaiting);
    return since.length === 0 ? undefined : Math.max(0, Math.min(...since) + HOLD_MS - nowMs);
  }

  /** Nothing that routes of what was sent name is on its way. */
  isWhole(sent: XdsResources): boolean {
    return [...sent.routes.values()].every((routes) => this.#expected(routes, sent).length === 0);
  }

  /**
   * What is in effect from now on. Virtual hosts whose routes name clusters which are on their way, or whose endpoints
   * are, come into effect once they are there, those before staying until then and all others not waiting for them; a
   * cluster that is gone stays while routes from before that lead to it. Neither for longer than {@link HOLD_MS}: what never
   * comes, or never goes, is in effect as it was sent, and requests for a cluster that is not there are answered 503.
   * A cluster that was not among all there are is not on its way: that is what Envoy answers, too.
   *
   * Source: Envoy `source/common/upstream/cluster_manager_impl.cc` (onClusterInit), `source/common/router/router.cc` (NoClusterFound).
   */
  next(sent: XdsResources, nowMs: number): XdsResources {
    const before = this.#current;
    const routes = new Map<string, XdsRoutes>();
    const held = new Map<string, number>();
    const lacking: Omit<Lacking, 'sinceMs'>[] = [];
    for (const [name, next] of sent.routes) {
      const absent = new Set(missing(next, sent));
      routes.set(name, next);
      if (absent.size === 0) continue;
      const old = before.routes.get(name);
      // What the routes before missed, too, is not on its way.
      const expected = new Set(old ? this.#expected(next, sent) : []);
      for (const cluster of expected.size > 0 ? this.#expected(old!, sent) : []) expected.delete(cluster);
      const known = new Map(old?.virtualHosts.map((each) => [each.name, each]));
      let isHeld = false;
      const virtualHosts = next.virtualHosts.flatMap((each): VirtualHost[] => {
        const own = [...clustersIn(each)].filter((cluster) => absent.has(cluster));
        if (own.length > 0) lacking.push({ virtualHost: each.name, cluster: own[0]! });
        const earlier = known.get(each.name);
        if (earlier === each || !own.some((cluster) => expected.has(cluster))) return [each];
        const key = `${name}/${each.name}`;
        const sinceMs = this.#heldSinceMs.get(key) ?? nowMs;
        if (nowMs - sinceMs >= HOLD_MS) return [each];
        held.set(key, sinceMs);
        isHeld = true;
        return earlier ? [earlier] : [];
      });
      if (isHeld) routes.set(name, { ...next, virtualHosts });
    }
    this.#heldSinceMs = held;
    const [first, ...more] = lacking;
    this.lacking = first && { ...first, sinceMs: this.lacking?.sinceMs ?? nowMs, more: more.length };

    const { listeners } = sent;
    let { clusters, endpoints } = sent;
    // The same map has lost nothing.
    const lost =
      before.clusters === sent.clusters
        ? []
        : [...before.clusters].filter(([name]) => !sent.clusters.has(name));
    const named = lost.length > 0 ? namedStill(before, routes) : NONE;
    for (const name of this.#goneSinceMs.keys())
      if (sent.clusters.has(name) || !named.has(name)) this.#goneSinceMs.delete(name);
    const gone: XdsCluster[] = [];
    for (const [name, old] of lost) {
      if (!named.has(name)) continue;
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

  /** Of what is missing, that which may still come. */
  #expected(routes: XdsRoutes, sent: XdsResources): string[] {
    return missing(routes, sent).filter((name) => this.#isByName || sent.clusters.has(name));
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Clusters that virtual hosts lead to which were in effect before: the next change may say where they lead then. */
function namedStill(before: XdsResources, routes: ReadonlyMap<string, XdsRoutes>): ReadonlySet<string> {
  const known = new Set([...before.routes.values()].flatMap(({ virtualHosts }) => virtualHosts));
  const still = [...routes.values()].flatMap(({ virtualHosts }) =>
    virtualHosts.filter((each) => known.has(each)),
  );
  return new Set(still.flatMap((each) => [...clustersIn(each)]));
}

/** Names of clusters that the routes lead to and that are not there, or not their endpoints. */
function missing(routes: XdsRoutes, { clusters, endpoints }: XdsResources): string[] {
  const names: string[] = [];
  for (const name of clusterNamesOf(routes)) {
    if (!name.startsWith('outbound|')) continue;
    const cluster = clusters.get(name);
    if (!cluster || (cluster.endpointsName !== undefined && !endpoints.has(cluster.endpointsName)))
      names.push(name);
  }
  return names;
}
