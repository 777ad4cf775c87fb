/** The tables that the requests of a log meet, one for each port that rules tell apart. Imports the workbench. */
import { compile, type RouteTable, type ValidResource } from '../../router/index.ts';
import { assumedGateways } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import { type Client, proxyOf } from '../client.ts';
import { portsOf } from '../rule-set.ts';

/** Both sides. */
export interface ReplayTables {
  readonly before: TableOfPort;
  readonly after: TableOfPort;
  /** The port whose tables stand for those of a port that nothing names. Absent: each port is asked for. */
  readonly portFor?: (port: number) => number;
}

/** The table that is in effect for requests to a port; asked for once for each port. */
export type TableOfPort = (port: number) => RouteTable;

/** The tables of two versions of rules, with the services that they name, as the client has them. */
export function tablesOfRules(
  before: readonly ValidResource[],
  after: readonly ValidResource[],
  client: Client,
): ReplayTables {
  const assumed = assumedSubsets([...before, ...after]);
  const both = [...before, ...after, ...assumed];
  const known = portsOf(both);
  const of =
    (own: readonly ValidResource[]): TableOfPort =>
    (port) => {
      const ports = [...new Set([...known, port])];
      const all = [...own, ...assumed, ...assumedGateways(own, client, ports, both)];
      return compile(all, { services: assumedServices(both, ports), proxy: proxyOf(client) }).table;
    };
  const named = numbersIn(both);
  const standIn = unusedPort(named);
  return { before: of(before), after: of(after), portFor: (port) => (named.has(port) ? port : standIn) };
}

/** All numbers that resources contain, be they ports or not, and the ports that Istio itself treats as special. */
function numbersIn(resources: readonly ValidResource[]): ReadonlySet<number> {
  const numbers = new Set([80, 443]);
  for (const resource of resources)
    for (const [digits] of JSON.stringify(resource).matchAll(/\d+/g)) numbers.add(Number(digits));
  return numbers;
}

function unusedPort(used: ReadonlySet<number>): number {
  let port = 61_001;
  while (used.has(port) && port < 65_535) port++;
  return port;
}
