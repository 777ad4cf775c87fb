/** The tables that the requests of a log meet, one for each port that rules tell apart. Imports the workbench. */
import { compile, type RouteRequest, type RouteTable, type ValidResource } from '../../router/index.ts';
import { assumedGateways, gatewayOf, isTlsPort } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import { type Client, proxyOf } from '../client.ts';
import { portsOf } from '../rule-set.ts';

/** Both sides. */
export interface ReplayTables {
  readonly before: TableOfPort;
  readonly after: TableOfPort;
  /** The port whose tables stand for those of a port that nothing names. Absent: each port is asked for. */
  readonly portFor?: (port: number) => number;
  /** The request as it came in, where a log does not say all of that. Default: as it is. */
  readonly arrive?: (request: RouteRequest) => RouteRequest;
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
  const gateway = gatewayOf(both, client, known);
  const isServed = client.gateway !== undefined && gateway.kind === 'there' && gateway.ports.length > 0;
  return {
    before: of(before),
    after: of(after),
    portFor: (port) => (named.has(port) ? port : standIn),
    ...(isServed && { arrive: arrivalAt(gateway.ports, (port) => isTlsPort(both, client, port)) }),
  };
}

/** Istio's own gateways listen beyond the ports that need privileges, for a service on the ports that Gateways name. */
const UNPRIVILEGED = 8000;

/** A request that a gateway took came to one of its ports, and by https where it speaks TLS there. */
function arrivalAt(
  ports: readonly number[],
  isTls: (port: number) => boolean,
): NonNullable<ReplayTables['arrive']> {
  const served = new Map(ports.map((port) => [port, isTls(port)]));
  const [only] = ports.length === 1 ? ports : [];
  return (request) => {
    const port = [request.port, request.port - UNPRIVILEGED, only].find(
      (each) => each !== undefined && served.has(each),
    );
    if (port === undefined) return request;
    return { ...request, port, ...(served.get(port) && { scheme: 'https', tls: true }) };
  };
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
