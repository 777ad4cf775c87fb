/** Which clusters routes lead to. Imports the table's types. */
import type { VirtualHost } from '../table/route-table.ts';
import type { XdsRoutes } from './route-configuration.ts';

const known = new WeakMap<VirtualHost, ReadonlySet<string>>();
const knownOfAll = new WeakMap<XdsRoutes, ReadonlySet<string>>();

/** The clusters that the routes of a configuration name, each once: destinations and mirrors. */
export function clusterNamesOf(routes: XdsRoutes): ReadonlySet<string> {
  let names = knownOfAll.get(routes);
  if (!names) {
    const all = new Set<string>();
    for (const virtualHost of routes.virtualHosts) for (const name of clustersIn(virtualHost)) all.add(name);
    names = all;
    knownOfAll.set(routes, names);
  }
  return names;
}

/** The same of one virtual host. */
export function clustersIn(virtualHost: VirtualHost): ReadonlySet<string> {
  let names = known.get(virtualHost);
  if (!names) {
    const actions = virtualHost.routes.flatMap(({ action }) => (action.kind === 'forward' ? [action] : []));
    names = new Set(
      actions.flatMap(({ destinations, mirrors }) => [
        ...destinations.map(({ cluster }) => cluster),
        ...mirrors.map(({ cluster }) => cluster),
      ]),
    );
    known.set(virtualHost, names);
  }
  return names;
}
