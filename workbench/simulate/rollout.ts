/** A version that gets more and more of the requests: the same rules with other weights, step by step. Imports the router. */
import { parseClusterName } from '../../router/compile/cluster-name.ts';
import type { RouteTable } from '../../router/index.ts';
import type { ForwardAction } from '../../router/table/route-table.ts';
import { isNamed } from '../name.ts';

/** One step. */
export interface RolloutStep {
  /** When it begins, in milliseconds. */
  readonly atMs: number;
  /** Of 100 requests, those that get the new version. */
  readonly percent: number;
}

/** The table with so many percent for the destination wherever a rule splits between it and others; undefined where none does. */
export function withShare(table: RouteTable, name: string, percent: number): RouteTable | undefined {
  let isFound = false;
  const changed = (action: ForwardAction): ForwardAction => {
    const isNew = action.destinations.map(({ cluster }) => isNamed(name, parseClusterName(cluster)));
    if (!isNew.includes(true) || !isNew.includes(false)) return action;
    isFound = true;
    const rest = action.destinations.reduce((sum, { weight }, index) => sum + (isNew[index] ? 0 : weight), 0);
    const own = action.destinations.reduce((sum, { weight }, index) => sum + (isNew[index] ? weight : 0), 0);
    // Whole numbers, as weights are: so many parts of 10,000 for each side, divided as before.
    const destinations = action.destinations.map((destination, index) => {
      const [side, share] = isNew[index] ? [own, percent] : [rest, 100 - percent];
      return { ...destination, weight: Math.round((share * 100 * destination.weight) / side) };
    });
    return { ...action, destinations };
  };
  const listenerOf = (listener: RouteTable['fallback']): RouteTable['fallback'] => ({
    ...listener,
    virtualHosts: listener.virtualHosts.map((host) => ({
      ...host,
      routes: host.routes.map((route) =>
        route.action.kind === 'forward' ? { ...route, action: changed(route.action) } : route,
      ),
    })),
  });
  const made = { ...table, listeners: table.listeners.map(listenerOf), fallback: listenerOf(table.fallback) };
  return isFound ? made : undefined;
}
