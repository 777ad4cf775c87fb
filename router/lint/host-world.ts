/** The requests that can get to a VirtualService's hosts. Imports the algebra of regions. */
import { regexAutomaton } from '../region/automaton.ts';
import { quotePattern } from '../region/pattern.ts';
import { NO_BYTE, type Sender, type World } from '../region/world.ts';
import type { RequestPort } from './port.ts';

/** The world of one VirtualService, or of one of its hosts. */
export interface HostWorld extends World {
  /** Fully qualified, in lower case, wildcards too. */
  readonly hosts: readonly string[];
  /** The ports at which requests come through a gateway, or `mesh`, the most usual first. */
  portsOf(gateway: string): readonly RequestPort[];
  /** Namespaces whose clients have the rules, or `*`; the world's namespace is one of them. */
  readonly exportTo: readonly string[];
}

/** See {@link hostWorld}. */
export interface HostWorldOptions {
  readonly normalization: HostWorld['normalization'];
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
  /** Default: 80, without TLS. */
  portsOf?(gateway: string): readonly RequestPort[];
  /** Default: `*`. */
  readonly exportTo?: readonly string[];
}

/** The world of the hosts; `gateways` are `mesh` or `NAMESPACE/NAME`: those through which its rules are reached. */
export function hostWorld({
  normalization,
  hosts,
  gateways,
  portsOf = () => [{ number: 80, isTls: false }],
  exportTo = ['*'],
}: HostWorldOptions): HostWorld {
  const own = namespaceOf(hosts);
  const namespace = exportTo.includes('*') || exportTo.includes(own ?? '') ? own : exportTo[0];
  return {
    normalization,
    hosts,
    gateways,
    portsOf,
    exportTo,
    ...(namespace !== undefined && { namespace }),
    authoritySamples: samplesOf(hosts).flatMap((host) => [
      host,
      `${host}:80`,
      host.replace(/^./, (letter) => letter.toUpperCase()),
      host.toUpperCase(),
      host.split('.')[0]!,
    ]),
    authorities: () => regexAutomaton(authorityPattern(hosts, gateways)),
    arrives: (sender) => canArrive(sender, hosts),
  };
}

/** A host for each of the VirtualService's: of a wildcard, one that it covers. */
function samplesOf(hosts: readonly string[]): string[] {
  return hosts.map((host) => (host === '*' ? 'any.example' : host.replace(/^\*/, 'any')));
}

const CLUSTER_DOMAIN = '.svc.cluster.local';

/**
 * Authorities that can lead to the hosts: through gateways in any letter case, with or without a port. In the mesh any
 * at all: rules do not say which Services of type `ExternalName` are other names of a host.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (generateVirtualHostDomains).
 */
function authorityPattern(hosts: readonly string[], gateways: readonly string[]): string {
  if (gateways.includes('mesh') || hosts.some((host) => host.includes('*')))
    return `[^${NO_BYTE}\\x00\\r\\n]*`;
  const names = hosts.map(quotePattern).join('|');
  return `(?i:(?:.*\\.)?(?:${names})\\.?|[0-9a-f.:\\[\\]%]+)(?::[^\\]${NO_BYTE}\\x00\\r\\n]*)?`;
}

/**
 * True when a request with this authority gets to the hosts, as the one who sends it knows them: only clients of
 * a service's own namespace use its bare name, and a gateway knows no names but those of the rules.
 */
function canArrive({ authority, gateway, namespace }: Sender, hosts: readonly string[]): boolean {
  const colon = authority.lastIndexOf(':');
  const bare = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase();
  return hosts.some((host) => {
    if (host === bare || host === '*') return true;
    if (host.startsWith('*')) return bare.length >= host.length && bare.endsWith(host.slice(1));
    const [service, own] = host.split('.');
    const isService = host.endsWith(CLUSTER_DOMAIN);
    if (!isService || gateway !== 'mesh') return false;
    if (bare === service) return namespace === own;
    return bare === `${service}.${own}` || bare === `${service}.${own}.svc`;
  });
}

/** The namespace of the first host that is a service; undefined without one. */
function namespaceOf(hosts: readonly string[]): string | undefined {
  return hosts.find((host) => host.endsWith(CLUSTER_DOMAIN))?.split('.')[1];
}
