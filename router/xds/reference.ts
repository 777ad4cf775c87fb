/** Which clusters routes lead to. Imports the table's types. */
import type { VirtualHost } from '../table/route-table.ts';
import type { XdsRoutes } from './route-configuration.ts';

const known = new WeakMap<VirtualHost, ReadonlySet<string>>();

/** The clusters that the routes of some configurations name, each once: destinations and mirrors. */
export function clusterNamesOf(configurations: Iterable<XdsRoutes>): Set<string> {
  const names = new Set<string>();
  for (const { virtualHosts } of configurations)
    for (const virtualHost of virtualHosts) for (const name of namesIn(virtualHost)) names.add(name);
  return names;
}

function namesIn(virtualHost: VirtualHost): ReadonlySet<string> {
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
