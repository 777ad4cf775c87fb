/**
 * A case's rules with the endpoints of its ServiceEntries moved to ports of this machine, each known by the address
 * that it was recorded under. Imports the router.
 */
import { servicesOfEntries } from '../../router/compile/service.ts';
import type { Endpoint, ValidResource } from '../../router/index.ts';

/** The rules as the gateway gets them. `portOf` opens the port that plays the endpoint of a name. */
export async function moveEndpoints(
  resources: readonly ValidResource[],
  portOf: (name: string) => Promise<number>,
): Promise<ValidResource[]> {
  const ports = new Map<string, Promise<number>>();
  const playedAt = (name: string): Promise<number> => {
    const port = ports.get(name) ?? portOf(name);
    ports.set(name, port);
    return port;
  };
  const workloads = resources.filter(({ kind }) => kind === 'WorkloadEntry');
  const moved = resources.map(async (resource): Promise<readonly ValidResource[]> => {
    if (resource.kind !== 'ServiceEntry') return [resource];
    const { workloadSelector: _, ...spec } = resource.spec;
    // One for each host: without endpoints of its own it is its own endpoint.
    return Promise.all(
      servicesOfEntries([resource, ...workloads]).map(async ({ host, endpoints }) => ({
        ...resource,
        spec: {
          ...spec,
          hosts: [host],
          endpoints: await Promise.all(endpoints.map((endpoint) => move(endpoint, playedAt))),
        },
      })),
    );
  });
  return (await Promise.all(moved)).flat();
}

async function move({ labels, weight, target }: Endpoint, playedAt: (name: string) => Promise<number>) {
  const { address, ports = {} } = target.kind === 'socket' ? target : { address: '' };
  const own: Record<string, number> = {};
  for (const [name, port] of Object.entries(ports)) own[name] = await playedAt(`${address}:${port}`);
  return { address: '127.0.0.1', labels, ports: own, ...(weight !== undefined && { weight }) };
}
