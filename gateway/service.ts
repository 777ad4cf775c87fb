/**
 * Services registered in code: how a program says that a host is served in this process. Turns them into the
 * router's services, and remembers which handler stands behind which endpoint and port.
 */
import type { Endpoint, Service, ServicePort } from '../router/index.ts';
import {
  createInProcessUpstream,
  type InProcessHandler,
  type InProcessOptions,
} from '../upstream/in-process.ts';
import type { InProcessLookup } from '../upstream/pool.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** One endpoint in this process; several for one host make up its service. */
export interface InProcessService {
  /** As rules name it: a short name in {@link namespace}, or a full one. */
  readonly host: string;
  readonly port: number;
  /** Default `http`. */
  readonly portName?: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** What subsets select by. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The endpoint's name, stable over restarts. Default: the host, and its place among those of the host and port. */
  readonly name?: string;
  /** Registers services on a Connect router, or answers web requests: a Hono app, `{ fetch }`. */
  readonly handler: InProcessHandler;
}

/** Services for the compiler, and who answers for their endpoints. */
export interface RegisteredServices {
  readonly services: readonly Service[];
  readonly lookup: InProcessLookup;
}

interface Collected {
  readonly namespace: string;
  readonly ports: ServicePort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** Joins the endpoints of each host. Throws a RangeError when two of one host and port have the same name. */
export function registerServices(
  registered: readonly InProcessService[],
  options: InProcessOptions,
): RegisteredServices {
  const hosts = new Map<string, Collected>();
  const upstreams = new Map<string, Upstream>();
  const counts = new Map<string, number>();
  for (const service of registered) {
    const { port, portName = 'http', namespace = 'default', labels = {} } = service;
    const host = fullHost(service.host, namespace);
    const place = `${host}|${port}`;
    const number = counts.get(place) ?? 0;
    counts.set(place, number + 1);
    const id = service.name ?? `${service.host}-${number}`;
    const key = `${place}|${id}`;
    if (upstreams.has(key))
      throw new RangeError(
        `Cannot register two endpoints "${id}" of ${host}:${port}: give each a name of its own`,
      );
    upstreams.set(key, createInProcessUpstream(service.handler, options));

    const known: Collected = hosts.get(host) ?? { namespace, ports: [], endpoints: new Map() };
    hosts.set(host, known);
    if (!known.ports.some((each) => each.number === port))
      known.ports.push({ name: portName, number: port, protocol: protocolOf(portName) });
    known.endpoints.set(id, { id, labels, target: { kind: 'in-process' } });
  }
  const services = [...hosts].map(
    ([host, { namespace, ports, endpoints }]): Service => ({
      host,
      namespace,
      ports,
      endpoints: [...endpoints.values()],
      registry: 'kubernetes',
    }),
  );
  return { services, lookup: (host, port, id) => upstreams.get(`${host}|${port}|${id}`) };
}

/** As Kubernetes completes names. */
function fullHost(host: string, namespace: string): string {
  if (!host.includes('.')) return `${host}.${namespace}.svc.cluster.local`;
  return host.endsWith('.svc') ? `${host}.cluster.local` : host;
}

/** Source: Istio `pkg/config/kube/conversion.go` (a port's name begins with its protocol). */
function protocolOf(portName: string): string {
  return /^(grpc|http2)(-|$)/.exec(portName)?.[1]?.toUpperCase() ?? 'HTTP';
}
