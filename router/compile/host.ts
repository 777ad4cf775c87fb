/** Host names: wildcards, short names, which of two is more specific. Imports nothing. */

/** What Kubernetes appends to a service's name and namespace. */
const CLUSTER_DOMAIN = 'svc.cluster.local';

/** True for `*` and names such as `*.example.com`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

/**
 * True when the names overlap: equal, or one covered by the other's wildcard. `*.foo.com` covers `a.foo.com`
 * and `*.a.foo.com`, not `foo.com`.
 *
 * Source: Istio `pkg/config/host/name.go` (Name.Matches).
 */
export function hostsOverlap(a: string, b: string): boolean {
  return isSubsetOf(a, b) || isSubsetOf(b, a);
}

/**
 * True when every host of `a` is one of `b`.
 *
 * Source: Istio `pkg/config/host/name.go` (Name.SubsetOf).
 */
export function isSubsetOf(a: string, b: string): boolean {
  if (!isWildcard(b)) return a === b;
  if (isWildcard(a)) return a.length >= b.length && a.slice(1).endsWith(b.slice(1));
  return a.endsWith(b.slice(1));
}

/**
 * Sorts the more specific of two names first: without wildcard, then longer, then by letter.
 *
 * Source: Istio `pkg/config/host/names.go` (MoreSpecific).
 */
export function compareSpecific(a: string, b: string): number {
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1;
  if (a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The names covered by both lists: of two overlapping names the narrower one.
 *
 * Source: Istio `pkg/config/host/names.go` (Names.Intersection).
 */
export function intersectHosts(a: readonly string[], b: readonly string[]): string[] {
  const found = new Set<string>();
  for (const one of a) {
    for (const other of b) {
      if (isSubsetOf(one, other)) found.add(one);
      else if (isSubsetOf(other, one)) found.add(other);
    }
  }
  return [...found];
}

/**
 * The entry for a host: its own, else that of the most specific wildcard that covers it.
 *
 * Source: Istio `pilot/pkg/model/config.go` (MostSpecificHostMatch).
 */
export function mostSpecific<Value>(host: string, byHost: ReadonlyMap<string, Value>): Value | undefined {
  if (byHost.size === 0) return undefined;
  const own = byHost.get(host);
  if (own !== undefined) return own;
  const bare = isWildcard(host) ? host.slice(1) : host;
  // Every wildcard that can cover the host ends like it, so its suffixes are all there is to look up.
  for (let start = 0; start <= bare.length; start++) {
    const found = byHost.get(`*${bare.slice(start)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Of the names of servers with TLS those that nobody took for a domain, and that a taken wildcard would have in their place:
 * who asks for such a server gets nothing of another one's.
 */
export function shadowedNames(names: Iterable<string>, taken: ReadonlySet<string>): string[] {
  const wildcards = new Map([...taken].filter(isWildcard).map((domain) => [domain, domain]));
  return [...names].filter((name) => !taken.has(name) && mostSpecific(name, wildcards) !== undefined);
}

/**
 * The full name that a short name means in a namespace: `reviews` is `reviews.NAMESPACE.svc.cluster.local`.
 * Names with a dot, `*` and IP addresses stay.
 *
 * Source: Istio `pilot/pkg/model/config.go` (ResolveShortnameToFQDN).
 */
export function resolveShortName(host: string, namespace: string): string {
  if (host === '' || host === '*' || host.includes('.') || isIpAddress(host)) return host;
  return `${host}.${namespace}.${CLUSTER_DOMAIN}`;
}

/**
 * `NAMESPACE/NAME` of a gateway that a rule in the namespace refers to; `mesh` stays.
 *
 * Source: Istio `pilot/pkg/model/config.go` (resolveGatewayName).
 */
export function resolveGatewayName(gateway: string, namespace: string): string {
  if (gateway === 'mesh') return gateway;
  const slash = gateway.indexOf('/');
  if (slash !== -1) return gateway.slice(0, slash) === '.' ? `${namespace}${gateway.slice(slash)}` : gateway;
  const [name = '', ownNamespace] = gateway.split('.');
  return ownNamespace === undefined ? `${namespace}/${gateway}` : `${ownNamespace}/${name}`;
}

/**
 * The other names under which a proxy of the namespace may call a Kubernetes service: with a final dot, and
 * what of namespace and domain the resolver would append.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (GenerateAltVirtualHosts).
 */
export function alternateHosts(host: string, proxyNamespace: string): string[] {
  const absolute = isIpAddress(host) ? [] : [`${host}.`];
  if (!host.endsWith(`.${CLUSTER_DOMAIN}`)) return absolute;
  const name = host.slice(0, -CLUSTER_DOMAIN.length - 1);
  const [service = '', namespace, ...more] = name.split('.');
  if (namespace === undefined) return absolute;
  const full = [service, namespace, ...more].join('.');
  if ([namespace, ...more].join('.') === proxyNamespace) return [...absolute, service, `${full}.svc`, full];
  return [...absolute, full, `${full}.svc`];
}

/** True for an IPv4 or IPv6 address in text. */
export function isIpAddress(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255);
  return text.includes(':') && /^[0-9a-fA-F:.]+(%\w+)?$/.test(text);
}

/** As a virtual host's domain: an IPv6 address in brackets. */
export function domainOf(host: string): string {
  return host.includes(':') && isIpAddress(host) ? `[${host}]` : host;
}
