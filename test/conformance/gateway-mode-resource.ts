/**
 * A case's rules with the endpoints of its ServiceEntries moved to ports of this machine, each known by the address
 * that it was recorded under. Imports the router.
 */
import { servicesOfEntries } from '../../router/compile/service.ts';
import type { Endpoint, Service, ValidResource, ValidResourceOf } from '../../router/index.ts';

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
  const entries = resources.filter((each) => each.kind === 'ServiceEntry');
  const moved = resources.map(async (resource): Promise<readonly ValidResource[]> => {
    if (resource.kind === 'WorkloadEntry') return [await moveWorkload(resource, entries, playedAt)];
    if (resource.kind !== 'ServiceEntry' || resource.spec.workloadSelector) return [resource];
    const services = servicesOfEntries([resource]);
    const movedTo = (each: Service | undefined) =>
      Promise.all((each?.endpoints ?? []).map((endpoint) => move(endpoint, playedAt)));
    if (resource.spec.endpoints?.length) {
      const endpoints = await movedTo(services[0]);
      return [{ ...resource, spec: { ...resource.spec, endpoints } }];
    }
    // Each host is its own endpoint, if it has one.
    return Promise.all(
      services.map(async (service, index) => ({
        ...resource,
        spec: {
          ...resource.spec,
          hosts: [resource.spec.hosts[index]!],
          endpoints: await movedTo(service),
        },
      })),
    );
  });
  return (await Promise.all(moved)).flat();
}

/** The ports of all that select it. */
async function moveWorkload(
  workload: ValidResourceOf<'WorkloadEntry'>,
  entries: readonly ValidResource[],
  playedAt: (name: string) => Promise<number>,
): Promise<ValidResource> {
  const selecting = entries.filter((each) => each.kind === 'ServiceEntry' && each.spec.workloadSelector);
  const endpoints = servicesOfEntries([...selecting, workload]).flatMap((service) => service.endpoints);
  const moved = await Promise.all(endpoints.map((endpoint) => move(endpoint, playedAt)));
  const ports = Object.assign({}, ...moved.map((each) => each.ports));
  return { ...workload, spec: { ...workload.spec, address: '127.0.0.1', ports } };
}

async function move({ labels, weight, target }: Endpoint, playedAt: (name: string) => Promise<number>) {
  const { address, ports = {} } = target.kind === 'socket' ? target : { address: '' };
  const own: Record<string, number> = {};
  for (const [name, port] of Object.entries(ports)) own[name] = await playedAt(`${address}:${port}`);
  return { address: '127.0.0.1', labels, ports: own, ...(weight !== undefined && { weight }) };
}
