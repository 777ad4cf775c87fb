/** What is otherwise about Gateways beside the requests that they take: whose they are, and how each port is served. Pure. */
import type { ValidResource, ValidResourceOf } from '../../router/schema/kind.ts';
import { sortedJson } from './sorted-json.ts';

/** One setting of a Gateway that is otherwise. */
export interface GatewayChange {
  /** `NAMESPACE/NAME`. */
  readonly gateway: string;
  /** `selector`, or `port 443` for its servers. */
  readonly field: string;
  /** JSON; `none` where it is absent. */
  readonly from: string;
  readonly to: string;
}

type Gateway = ValidResourceOf<'Gateway'>;

/** The changes, of the Gateway of that name alone if one is given. */
export function diffGateways(
  before: readonly ValidResource[],
  after: readonly ValidResource[],
  only?: string,
): GatewayChange[] {
  const [olds, news] = [gatewaysOf(before), gatewaysOf(after)];
  const names = [...new Set([...olds.keys(), ...news.keys()])];
  return names
    .filter((name) => only === undefined || name === only)
    .flatMap((gateway) => {
      const [one, other] = [settingsOf(olds.get(gateway)), settingsOf(news.get(gateway))];
      const fields = new Set([...one.keys(), ...other.keys()]);
      return [...fields].flatMap((field): GatewayChange[] => {
        const [from, to] = [one.get(field) ?? 'none', other.get(field) ?? 'none'];
        return from === to ? [] : [{ gateway, field, from, to }];
      });
    });
}

function gatewaysOf(resources: readonly ValidResource[]): Map<string, Gateway> {
  const gateways = resources.filter((each) => each.kind === 'Gateway');
  return new Map(gateways.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]));
}

/** By field. Names of ports and servers are for people, and a server's hosts matter to requests alone but beside TLS. */
function settingsOf(gateway: Gateway | undefined): Map<string, string> {
  const settings = new Map<string, string>();
  if (!gateway) return settings;
  const { selector, servers = [] } = gateway.spec;
  settings.set('selector', sortedJson(selector ?? {}));
  const byPort = new Map<number, unknown[]>();
  for (const { port, hosts, tls, name: _, ...rest } of servers) {
    const { httpsRedirect: __, ...secured } = tls ?? {};
    const isSecured = Object.keys(secured).length > 0;
    const { number, name: ___, ...how } = port;
    const server = { ...how, ...rest, ...(isSecured && { tls: secured, hosts: hosts.toSorted() }) };
    byPort.set(number, [...(byPort.get(number) ?? []), server]);
  }
  for (const [number, own] of byPort) {
    const distinct = [...new Set(own.map(sortedJson))].sort();
    settings.set(`port ${number}`, distinct.join(' and '));
  }
  return settings;
}
