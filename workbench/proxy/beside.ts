/**
 * Rules beside what a proxy has: the table that the same proxy, in the same mesh, would have if these rules were all
 * there are. Imports the router.
 */
import {
  compile,
  type Endpoint,
  type ProxyOptions,
  type RouteTable,
  type ValidResource,
} from '../../router/index.ts';
import { boundGateways, gatewayFor } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import type { Client } from '../client.ts';
import { portsOf } from '../rule-set.ts';
import { meshConfigOf, namedClusters, servicesOf } from './mesh.ts';
import type { ProxyIdentity, ProxyState } from './proxy-state.ts';

/** See {@link compileBeside}. */
export interface RulesBeside {
  readonly table: RouteTable;
  /** In words, what had to be made up as rules name it: services that the proxy does not know, gateways without a Gateway. */
  readonly assumed: readonly string[];
}

/** The table. `client` says who the proxy is where its state does not. */
export function compileBeside(
  state: ProxyState,
  resources: readonly ValidResource[],
  client: Client = {},
): RulesBeside {
  const { table, identity, hasClusters } = state;
  const written = new Set(
    resources.flatMap((each) => (each.kind === 'ServiceEntry' ? (each.spec.hosts ?? []) : [])),
  );
  const known = servicesOf(state).filter(({ host }) => !written.has(host));
  const hosts = new Set(known.map(({ host }) => host));
  const named = assumedServices(resources, portsOf(resources));
  // A sidecar has all services in its virtual hosts, and whoever tells of clusters tells of all of them.
  const isKnown = hasClusters || identity.type === 'sidecar';
  const missing = isKnown ? [] : named.filter(({ host }) => !hosts.has(host));
  const endpoints = new Map(named.map((service) => [service.host, service.endpoints]));
  const services = [
    ...known.map((service) => ({
      ...service,
      endpoints: [ANY_ENDPOINT, ...(endpoints.get(service.host) ?? [])],
    })),
    ...missing,
  ];
  const own = identity.type === 'router' ? gatewaysOn(table, resources) : { resources, assumed: [] };
  const all = [...own.resources, ...subsetsOf(resources, table, hasClusters)];
  const proxy = proxyFor(identity, own.resources, client);
  const compiled = compile(all, { services, proxy, meshConfig: meshConfigOf(state) }).table;
  return {
    table: hasClusters ? compiled : { ...compiled, clusters: namedClusters(compiled) },
    assumed: [...missing.map(({ host }) => host), ...own.assumed],
  };
}

/** A service whose name is looked up is there for as long as it has an endpoint. */
const ANY_ENDPOINT: Endpoint = { id: 'any', labels: {}, target: { kind: 'in-process' } };

/** Subsets whose DestinationRule is elsewhere: those that the proxy has, or all where it is not known which it has. */
function subsetsOf(
  resources: readonly ValidResource[],
  { clusters }: RouteTable,
  hasClusters: boolean,
): ValidResource[] {
  const has = new Set(clusters.map(({ destination: { host, subset } }) => `${host}/${subset}`));
  return assumedSubsets(resources).map((rule) => {
    const subsets = (rule.spec.subsets ?? []).filter(
      ({ name }) => !hasClusters || has.has(`${rule.spec.host}/${name}`),
    );
    return { ...rule, spec: { ...rule.spec, subsets } };
  });
}

function proxyFor(
  { type, namespace, labels }: ProxyIdentity,
  resources: readonly ValidResource[],
  client: Client,
): ProxyOptions {
  const own = { type, namespace: client.namespace ?? namespace };
  const known = client.labels ?? labels;
  if (type === 'sidecar') return { ...own, ...(known && { labels: known }) };
  if (client.gateway !== undefined)
    return { ...own, gateways: [client.gateway], ...(known && { labels: known }) };
  if (known) return { ...own, labels: known };
  // Nobody knows which Gateways the proxy serves: those whose rules it is held against.
  const gateways = resources.filter(({ kind }) => kind === 'Gateway');
  return { ...own, gateways: gateways.map(({ metadata: { namespace: at, name } }) => `${at}/${name}`) };
}

/** Istio's own gateways listen beyond the ports that need privileges, for a service on the ports that Gateways name. */
const UNPRIVILEGED = 8000;

/** The rules with Gateways on ports that the proxy listens on, and one on all of them where rules come without it. */
function gatewaysOn(
  { listeners }: RouteTable,
  resources: readonly ValidResource[],
): { resources: readonly ValidResource[]; assumed: readonly string[] } {
  const ports = new Set(listeners.map(({ port }) => port));
  const moved = (port: number): number =>
    !ports.has(port) && ports.has(port + UNPRIVILEGED) ? port + UNPRIVILEGED : port;
  const placed = resources.map((each): ValidResource => {
    if (each.kind !== 'Gateway') return each;
    const servers = (each.spec.servers ?? []).map((server) => {
      return { ...server, port: { ...server.port, number: moved(server.port.number) } };
    });
    return { ...each, spec: { ...each.spec, servers } };
  });
  if (resources.some(({ kind }) => kind === 'Gateway')) return { resources: placed, assumed: [] };
  const names = boundGateways(resources);
  return {
    resources: [...placed, ...names.map((name) => gatewayFor(name, [...ports]))],
    assumed: names.map((name) => `gateway ${name}`),
  };
}
