/** Whether a request is for the gateway's own address rather than for a host of the rules. Imports nothing. */

/** Names and addresses that every listener has. */
const LOOPBACK: ReadonlySet<string> = new Set(['', 'localhost', '127.0.0.1', '::1', '0.0.0.0', '::']);

/**
 * True for an authority that names this machine's loopback or one of the addresses listened on, with any port or
 * none: `localhost:8080`, `[::1]`. An empty authority (HTTP/1.0) counts, too, and with `*` among the hosts every one does.
 */
export function isOwnAuthority(authority: string, ownHosts: ReadonlySet<string>): boolean {
  const host = hostOf(authority).toLowerCase();
  return LOOPBACK.has(host) || ownHosts.has(host) || ownHosts.has('*');
}

/** The host of an authority: without port, and without the brackets of an IPv6 address. */
export function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, Math.max(authority.indexOf(']'), 1));
  const colon = authority.lastIndexOf(':');
  return colon === -1 ? authority : authority.slice(0, colon);
}
