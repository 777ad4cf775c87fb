/** What a client's `baseUrl` names: a host of the rules and its port. Imports nothing. */

/** A host as the rules know it. */
export interface Target {
  /** What Connect puts the method's path behind: always `http:`, as rules say what is encrypted. */
  readonly baseUrl: string;
  /** Lower case, without port. */
  readonly host: string;
  /** Undefined: the URL names none. */
  readonly port: number | undefined;
  /** The URL says that the host is found by xDS. */
  readonly isXds: boolean;
}

/**
 * Reads `http://HOST[:PORT][/PATH]`, or gRPC's `xds:///HOST[:PORT]`. Throws a TypeError that says what would do.
 *
 * Source: gRPC A27 (xds:///, without an authority).
 */
export function targetOf(baseUrl: string): Target {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(baseUrl) ?? [];
  const isXds = scheme.toLowerCase() === 'xds';
  if (scheme.toLowerCase() === 'https')
    throw new TypeError(
      `Cannot call "${baseUrl}": write http://, as a DestinationRule's trafficPolicy.tls says whether endpoints are reached over TLS`,
    );
  const plain = isXds ? (rest.startsWith('/') ? rest.slice(1) : '') : rest;
  const url = /^(http|xds)$/i.test(scheme) ? URL.parse(`http://${plain}`) : null;
  const isRpc = url !== null && url.username === '' && url.search === '' && url.hash === '';
  if (!isRpc || (isXds && url.pathname !== '/'))
    throw new TypeError(
      `Cannot call "${baseUrl}": want http://HOST:PORT or xds:///HOST:PORT, for example http://greeter:8080`,
    );
  const path = url.pathname.replace(/\/$/, '');
  // A URL drops the port that its scheme has by default, which here is a port like any other.
  const port = /:(\d+)(\/|$)/.exec(plain)?.[1];
  const authority = port === undefined ? url.hostname : `${url.hostname}:${Number(port)}`;
  return {
    baseUrl: `http://${authority}${path}`,
    host: url.hostname.toLowerCase(),
    port: port === undefined ? undefined : Number(port),
    isXds,
  };
}
