/**
 * What the client's address, service and port options say together: where to connect and which authority to ask for
 * there, or which host the client's own rules are to be asked for. Pure; imports nothing.
 */

export type Target =
  /** Connect to `connect`, and name `authority` in the requests. */
  | {
      readonly kind: 'address';
      readonly scheme: 'http' | 'https';
      readonly connect: { readonly host: string; readonly port: number };
      /** Undefined: the authority is what is connected to. */
      readonly authority: string | undefined;
    }
  /** Learn from rules where to connect, call by call: `xds:///dubbo-go-server:20000`. */
  | { readonly kind: 'routed'; readonly name: string };

export interface TargetOptions {
  /**
   * `HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT`, `tri://HOST:PORT` or `xds:///NAME:PORT`. Undefined: none was
   * given.
   */
  readonly address: string | undefined;
  /** The service that the rules know, for example `dubbo-go-server`; undefined: whatever is at the address. */
  readonly service: string | undefined;
  /** The port of that service. */
  readonly port: number;
  /** The registry's protocol: `direct` trusts the address, `xds` asks the control plane for the service. */
  readonly registryProtocol: 'direct' | 'xds';
  /** The client has rules of its own, so that the address is a host that they know. */
  readonly hasRules: boolean;
}

/** What is called where nothing is said. */
export const defaultAddress = 'localhost:8080';
/** The host of the tutorial's rules. */
const defaultService = 'dubbo-go-server';

/** Returns the target, or throws a TypeError that says which option is wrong and what would do. */
export function resolveTarget(options: TargetOptions): Target {
  const { address = defaultAddress, service, port, registryProtocol, hasRules } = options;
  if (registryProtocol === 'xds' && service === undefined)
    throw new TypeError(
      `Registry protocol 'xds' needs a service to ask for: add --service ${defaultService}`,
    );
  if (hasRules || registryProtocol === 'xds') {
    if (service === undefined && options.address !== undefined)
      return { kind: 'routed', name: `xds:///${options.address.replace(/^(xds|http|tri):\/\/\/?/, '')}` };
    return { kind: 'routed', name: `xds:///${service ?? defaultService}:${port}` };
  }
  if (address.startsWith('xds:')) return { kind: 'routed', name: address };

  const [, scheme = 'http', rest] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/i.exec(address)!;
  const url = URL.parse(`http://${rest}`);
  const plain =
    url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  const known = scheme === 'http' || scheme === 'https' || scheme === 'tri';
  if (!known || url === null || !plain) {
    throw new TypeError(
      `Cannot call address '${address}': want HOST:PORT, http://HOST:PORT, https://HOST:PORT, ` +
        'tri://HOST:PORT or xds:///NAME:PORT',
    );
  }
  // Dubbo's word for gRPC over HTTP/2 without TLS.
  const transport = scheme === 'https' ? 'https' : 'http';
  if (service !== undefined && transport === 'https') {
    throw new TypeError(`Cannot name service '${service}' over https: leave out --service, or use http`);
  }
  return {
    kind: 'address',
    scheme: transport,
    connect: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (transport === 'https' ? 443 : 80) : Number(url.port),
    },
    authority: service === undefined ? undefined : `${service}:${port}`,
  };
}
