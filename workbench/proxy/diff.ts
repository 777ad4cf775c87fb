/** The difference between what proxies have, or between what one has and what it would have of rules. Imports the workbench. */
import type { RouteTable, ValidResource } from '../../router/index.ts';
import type { Client } from '../client.ts';
import { diffTableSets, type RuleDiff } from '../diff/index.ts';
import { compileBeside } from './beside.ts';
import { namedClusters } from './mesh.ts';
import type { ProxyState } from './proxy-state.ts';

/** One side: a proxy's state, or rules. */
export type ProxySide = { readonly proxy: ProxyState } | { readonly resources: readonly ValidResource[] };

/** See {@link diffWithProxy}. */
export interface ProxyDiff {
  /** Not complete where something of a proxy was left out. */
  readonly diff: RuleDiff;
  readonly before: RouteTable;
  readonly after: RouteTable;
  /** What of a proxy was left out, and why. */
  readonly leftOut: readonly string[];
  /** What rules name and the proxy does not, and was made up. */
  readonly assumed: readonly string[];
  /**
   * Rules of other namespaces that say nothing of `exportTo`: `VirtualService teams/reviews`. Whether they are seen where the
   * proxy is, the mesh's default decides, which no proxy tells; they are taken as seen, as by Istio's own default.
   */
  readonly exportedByDefault: readonly string[];
}

/** The difference of two sides of which one at least is a proxy. Throws a TypeError where they cannot be compared. */
export function diffWithProxy(before: ProxySide, after: ProxySide, client?: Client): ProxyDiff {
  const proxies = [before, after].flatMap((side) => ('proxy' in side ? [side.proxy] : []));
  const [proxy] = proxies;
  if (!proxy) throw new TypeError('Cannot compare rules with rules as a proxy has them: no side is a proxy');
  if (proxies.some(({ identity }) => identity.type !== proxy.identity.type))
    throw new TypeError(
      'Cannot compare what a sidecar has with what a gateway has: they listen for other requests; give two of a kind',
    );
  const leftOut = proxies.flatMap((each) => each.leftOut);
  const assumed: string[] = [];
  const hasClusters = proxies.every((each) => each.hasClusters);
  const tableOf = (side: ProxySide): RouteTable => {
    if (!('proxy' in side)) {
      const beside = compileBeside(proxy, side.resources, client);
      assumed.push(...beside.assumed);
      return beside.table;
    }
    const { table } = side.proxy;
    return hasClusters ? table : { ...table, clusters: namedClusters(table) };
  };
  const [one, other] = [tableOf(before), tableOf(after)];
  // A dump has no endpoints, a control plane tells them, and rules do not say who serves.
  const policyOnly = proxies.length < 2 || hasEndpoints(one) !== hasEndpoints(other);
  // What a gateway speaks, its listeners tell, of which routes are all that is read.
  const isTls = (port: number): boolean => proxy.identity.type === 'router' && port === 443;
  const diff = diffTableSets(one, other, { policyOnly, isTls });
  const rules = [before, after].flatMap((side) => ('proxy' in side ? [] : side.resources));
  return {
    diff: { ...diff, isComplete: leftOut.length === 0 },
    before: one,
    after: other,
    leftOut,
    assumed,
    exportedByDefault: exportedByDefault(rules, client?.namespace ?? proxy.identity.namespace),
  };
}

function exportedByDefault(resources: readonly ValidResource[], namespace: string): string[] {
  return resources.flatMap(({ kind, metadata, spec }) => {
    if (!HAS_DEFAULT_EXPORT.has(kind) || metadata.namespace === namespace) return [];
    const { exportTo = [] } = spec as { readonly exportTo?: readonly string[] };
    return exportTo.length > 0 ? [] : `${kind} ${metadata.namespace}/${metadata.name}`;
  });
}

/** Source: Istio `mesh/v1alpha1/config.proto` (default_virtual_service_export_to and its like). */
const HAS_DEFAULT_EXPORT: ReadonlySet<string> = new Set([
  'VirtualService',
  'DestinationRule',
  'ServiceEntry',
]);

function hasEndpoints({ clusters }: RouteTable): boolean {
  return clusters.some(({ endpoints, resolution }) => resolution === undefined && endpoints.length > 0);
}
