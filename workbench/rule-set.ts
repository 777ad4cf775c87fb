/** Rules away from their cluster: a table of them for each client and port that somebody asks for. Imports the router. */
import { compile, type RouteTable, type Service, type ValidResource } from '../router/index.ts';
import { assumedGateways } from './assumed-gateway.ts';
import { assumedServices } from './assumed-service.ts';
import { type Client, proxyOf } from './client.ts';

/** Valid resources and the tables made of them so far. */
export interface RuleSet {
  readonly resources: readonly ValidResource[];
  /** The table that the client obeys; services that rules name are assumed, with these ports and those of rules at least, and its Gateway, with these. */
  tableFor(client: Client, ports: readonly number[]): RouteTable;
}

/** A rule set; `services` are taken in place of assumed ones. */
export function createRuleSet(resources: readonly ValidResource[], services?: readonly Service[]): RuleSet {
  const tables = new Map<string, RouteTable>();
  const known = portsOf(resources);
  return {
    resources,
    tableFor(client, asked) {
      const { namespace = 'default', labels = {}, gateway } = client;
      const ports = [...new Set([...known, ...asked])].sort((a, b) => a - b);
      const key = JSON.stringify([namespace, Object.entries(labels).sort(), gateway, ports]);
      let table = tables.get(key);
      if (table === undefined) {
        const options = { services: services ?? assumedServices(resources, ports), proxy: proxyOf(client) };
        table = compile([...resources, ...assumedGateways(resources, client, ports)], options).table;
        tables.set(key, table);
      }
      return table;
    },
  };
}

/** The ports that rules ask for by `match.port`, and 80. */
export function portsOf(resources: readonly ValidResource[]): number[] {
  const ports = new Set([80]);
  for (const { kind, spec } of resources) {
    if (kind !== 'VirtualService') continue;
    for (const { match } of spec.http ?? []) for (const { port } of match ?? []) if (port) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}
