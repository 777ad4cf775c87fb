/** Which of the servers on one port has a host to itself. Imports the names of hosts. */
import type { ServerTls } from '../table/server-tls.ts';
import { mostSpecific, shadowedNames } from './host.ts';

/** One server with the gateway it belongs to. */
export interface BoundServer {
  /** `NAMESPACE/NAME`. */
  readonly gateway: string;
  readonly port: number;
  readonly isTls: boolean;
  /** It takes TLS, and has its hosts to itself; `passthrough` passes it on, with no HTTP to see. Absent: plain HTTP. */
  readonly tls?: 'terminate' | 'passthrough';
  readonly httpsRedirect: boolean;
  /** `HOST` or `NAMESPACE/HOST`. */
  readonly hosts: readonly string[];
  /** The address listened on; empty for all. */
  readonly bind: string;
  /** How it speaks TLS. Absent: it does not, or passes it on. */
  readonly serverTls?: ServerTls;
}

/**
 * The servers of one port in groups that share a route configuration: plain ones all together, each with TLS alone. One
 * with TLS has the hosts that no other's is closer to.
 *
 * Source: Istio `pilot/pkg/model/gateway.go` (gatewayRDSRouteName), Envoy's filter chain match by server name.
 */
export class Regions {
  /** Not those that pass TLS on, which have no routes. */
  readonly groups: readonly (readonly BoundServer[])[];
  readonly #byBind = new Map<string, Map<string, BoundServer>>();
  readonly #taken = new Set<string>();

  constructor(servers: readonly BoundServer[]) {
    const plain = servers.filter(({ tls }) => tls === undefined);
    const own = servers.filter(({ tls }) => tls === 'terminate').map((server) => [server]);
    this.groups = plain.length > 0 ? [plain, ...own] : own;
    for (const server of servers) {
      if (server.tls === undefined) continue;
      const byHost = this.#byBind.get(server.bind) ?? new Map();
      for (const host of server.hosts) byHost.set(nameOf(host), server);
      this.#byBind.set(server.bind, byHost);
    }
  }

  /** Those of a server's domains that nobody has yet, and that no other server is closer to. */
  take(domains: readonly string[], server: BoundServer): string[] {
    const byHost = this.#byBind.get(server.bind);
    return domains.filter((domain) => {
      if (this.#taken.has(domain)) return false;
      if (server.tls !== undefined && byHost && mostSpecific(domain, byHost) !== server) return false;
      this.#taken.add(domain);
      return true;
    });
  }

  /** Hosts of servers with TLS that nobody took, and that another's domain would have in their place. */
  bare(): string[] {
    const names = new Set([...this.#byBind.values()].flatMap((byHost) => [...byHost.keys()]));
    return shadowedNames(names, this.#taken).sort();
  }
}

/** `*.example.com` of `shop/*.example.com`. */
function nameOf(host: string): string {
  return host.slice(host.indexOf('/') + 1).toLowerCase();
}
