/**
 * What the client's address, service and port options say together: where to connect, and which authority to
 * ask for there. Pure; imports nothing.
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
  /** Learn from the mesh's control plane where to connect. */
  | { readonly kind: 'xds'; readonly name: string };

export interface TargetOptions {
  /** `HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT`, `tri://HOST:PORT` or `xds:///NAME:PORT`. */
  readonly address: string;
  /** The service that the rules know, for example `dubbo-go-server`; undefined: whatever is at the address. */
  readonly service: string | undefined;
  /** The port of that service. */
  readonly port: number;
  /** The registry's protocol: `direct` trusts the address, `xds` asks the control plane for the service. */
  readonly registryProtocol: 'direct' | 'xds';
}

/** Returns the target, or throws a TypeError that says which option is wrong and what would do. */
export function resolveTarget(options: TargetOptions): Target {
  if (options.registryProtocol === 'xds') {
    if (options.service === undefined) {
      throw new TypeError(
        "Registry protocol 'xds' needs a service to ask for: add --service dubbo-go-server",
      );
    }
    return { kind: 'xds', name: `xds:///${options.service}:${options.port}` };
  }
  if (options.address.startsWith('xds:')) return { kind: 'xds', name: options.address };

  const [, scheme = 'http', rest] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/i.exec(options.address)!;
  const url = URL.parse(`http://${rest}`);
  const plain =
    url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  const known = scheme === 'http' || scheme === 'https' || scheme === 'tri';
  if (!known || url === null || !plain) {
    throw new TypeError(
      `Cannot call address '${options.address}': want HOST:PORT, http://HOST:PORT, https://HOST:PORT, ` +
        'tri://HOST:PORT or xds:///NAME:PORT',
    );
  }
  // Dubbo's word for gRPC over HTTP/2 without TLS.
  const transport = scheme === 'https' ? 'https' : 'http';
  if (options.service !== undefined && transport === 'https') {
    throw new TypeError(
      `Cannot name service '${options.service}' over https: leave out --service, or use http`,
    );
  }
  return {
    kind: 'address',
    scheme: transport,
    connect: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (transport === 'https' ? 443 : 80) : Number(url.port),
    },
    authority: options.service === undefined ? undefined : `${options.service}:${options.port}`,
  };
}
