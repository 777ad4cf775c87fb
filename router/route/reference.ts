/**
 * The definition of routing: which virtual host and which of its routes take a request. It looks at everything
 * in order and remembers nothing, so that it can be read as documentation; `matcher.ts` finds the same faster.
 * Imports table types.
 */
import type { VirtualHost } from '../table/route-table.ts';
import {
  conditionsOf,
  type PreparedListener,
  type PreparedRoute,
  type PreparedVirtualHost,
} from './prepared.ts';
import type { RequestView } from './request.ts';
import { asciiLower } from './string-match.ts';

/** A way to find a request's virtual host and route: the reference, or a faster one that agrees with it. */
export interface Matcher<Found extends MatchedHost = MatchedHost> {
  findVirtualHost(listener: PreparedListener, authority: string): Found | undefined;
  findRoute(found: Found, view: RequestView): PreparedRoute | undefined;
}

/** What a matcher answers with: the virtual host, and whatever else it needs to go on. */
export interface MatchedHost {
  readonly virtualHost: PreparedVirtualHost;
}

/** A virtual host with the domain that brought the request to it. */
export interface FoundVirtualHost extends MatchedHost {
  readonly domain: string;
}

/** See {@link findVirtualHost} and {@link findRoute}. */
export const referenceMatcher: Matcher<FoundVirtualHost> = { findVirtualHost, findRoute };

/**
 * The virtual host of an authority, letter case aside:
 * 1. one with exactly this domain,
 * 2. else the one with the longest domain `*.suffix` that it ends with,
 * 3. else the one with the longest domain `prefix.*` that it starts with,
 * 4. else the one with domain `*`.
 *
 * The wildcard stands for one character at least. Sidecars and gateways forget the authority's port first.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (RouteMatcher::findVirtualHost).
 */
function findVirtualHost(listener: PreparedListener, authority: string): FoundVirtualHost | undefined {
  const host = hostOf(listener, authority);
  let best: FoundVirtualHost | undefined;
  for (const candidate of listener.virtualHosts) {
    for (const domain of candidate.virtualHost.domains) {
      if (!domainCovers(domain, host)) continue;
      if (!best || compareDomains(domain, best.domain) < 0) best = { virtualHost: candidate, domain };
    }
  }
  return best;
}

/** The authority as domains are compared with it: lower case, without port where the listener says so. */
export function hostOf({ listener }: PreparedListener, authority: string): string {
  for (let index = 0; index < authority.length; index++) {
    const char = authority.charCodeAt(index);
    if (char === COLON || (char >= UPPER_A && char <= UPPER_Z)) {
      return asciiLower(listener.ignorePortInHost ? withoutPort(authority) : authority);
    }
  }
  return authority;
}

const COLON = 0x3a;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** True when the domain takes the host. */
function domainCovers(domain: string, host: string): boolean {
  switch (domainKind(domain)) {
    case 'exact':
      return domain === host;
    case 'suffix':
      return host.length >= domain.length && host.endsWith(domain.slice(1));
    case 'prefix':
      return host.length >= domain.length && host.startsWith(domain.slice(0, -1));
    case 'any':
      return true;
  }
}

/** What a domain is: `reviews`, `*.example.com`, `example.*`, `*`. */
export type DomainKind = 'exact' | 'suffix' | 'prefix' | 'any';

const KINDS: readonly DomainKind[] = ['exact', 'suffix', 'prefix', 'any'];

/** See {@link DomainKind}. */
export function domainKind(domain: string): DomainKind {
  if (domain === '*') return 'any';
  if (domain.startsWith('*')) return 'suffix';
  return domain.endsWith('*') ? 'prefix' : 'exact';
}

function compareDomains(a: string, b: string): number {
  return KINDS.indexOf(domainKind(a)) - KINDS.indexOf(domainKind(b)) || b.length - a.length;
}

/**
 * The first route all of whose conditions hold.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (VirtualHostImpl::getRouteFromEntries).
 */
function findRoute({ virtualHost }: MatchedHost, view: RequestView): PreparedRoute | undefined {
  return virtualHost.routes.find((route) => conditionsOf(route).every((condition) => condition.holds(view)));
}

/**
 * An authority without its port; an IPv6 address keeps its brackets.
 *
 * Source: Envoy `source/common/http/header_utility.cc` (HeaderUtility::getPortStart).
 */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon === -1 || authority.indexOf(']', colon) !== -1 ? authority : authority.slice(0, colon);
}

/** True when the virtual host answers the request with a redirect to https before it looks at any route. */
export function redirectsToHttps({ httpsRedirect }: VirtualHost, view: RequestView): boolean {
  return httpsRedirect === true && asciiLower(view.forwardedProto) !== 'https';
}
