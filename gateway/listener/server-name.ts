/** Which of a port's servers a client means. Pure. */
import type { ServerTls } from '../../router/table/server-tls.ts';

/**
 * The server that a name is for: that of the name itself, else of the longest wildcard, else of `*`, which is also for clients
 * that name none.
 *
 * Source: Envoy `source/common/listener_manager/filter_chain_manager_impl.cc` (findFilterChainForServerName).
 */
export function serverFor(
  servers: readonly ServerTls[],
  serverName: string | undefined,
): ServerTls | undefined {
  for (let name = serverName; name !== undefined; name = widened(name)) {
    const own = servers.find(({ hosts }) => hosts.includes(name!));
    if (own) return own;
  }
  return servers.find(({ hosts }) => hosts.includes('*'));
}

/** `*.b.c` of `a.b.c`, `*.c` of that; undefined where nothing is left. */
function widened(name: string): string | undefined {
  const dot = name.indexOf('.', name.startsWith('*.') ? 2 : 0);
  return dot === -1 ? undefined : `*${name.slice(dot)}`;
}
