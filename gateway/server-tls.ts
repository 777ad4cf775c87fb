/**
 * TLS of a gateway's ports by the servers of the rules: which certificates there are, what is told of them, and which
 * requests came to a server that is not theirs.
 */

import type { Router, RouteTable } from '../router/index.ts';
import { isGrpcContentType } from '../router/route/grpc.ts';
import { firstHeader } from '../router/route/header.ts';
import { localReply } from '../router/route/local-reply.ts';
import { withoutPort } from '../router/route/reference.ts';
import type { ServerTls } from '../router/table/server-tls.ts';
import type { Listening } from './listener/listening.ts';
import type { CredentialSources, ServerCredentials, ServerState } from './listener/server-credential.ts';
import { serverFor } from './listener/server-name.ts';
import type { PortServers } from './listener/termination.ts';
import type { ProxyContext } from './proxy.ts';

/** Certificates are looked at again after so long; a Secret is kept as long. */
const REFRESH_MS = 10_000;

/** A port that is open, as `/config` shows it. */
export interface PortState {
  readonly hostname: string;
  readonly port: number;
  readonly servicePort: number;
  readonly protocols: readonly string[];
  /** Of a port that speaks TLS by the rules. */
  readonly servers?: readonly ServerState[];
}

interface Port {
  readonly listening: Listening;
  readonly servicePort: () => number;
  readonly hasProxyHeader: boolean;
}

/** What servers need of the gateway that they are of. */
export interface ServersOptions extends CredentialSources {
  table(): RouteTable | undefined;
}

/** Lives from the first port to {@link close}. */
export class PortTls {
  readonly #options: ServersOptions;
  readonly #ports: Port[] = [];
  readonly #followers = new Set<() => void>();
  #credentials: ServerCredentials | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /** The servers of a port that is about to be opened. */
  async serversOf(servicePort: () => number, hasProxyHeader: boolean): Promise<PortServers> {
    const { ServerCredentials } = await import('./listener/server-credential.ts');
    this.#credentials ??= new ServerCredentials(this.#options);
    return {
      servers: () => this.#serversOf(servicePort()),
      follow: (changed) => {
        this.#followers.add(changed);
        return () => void this.#followers.delete(changed);
      },
      hasProxyHeader,
      credentials: this.#credentials,
    };
  }

  /** Follows a port until it is closed. */
  opened(listening: Listening, servicePort: () => number, hasProxyHeader: boolean): void {
    this.#ports.push({ listening, servicePort, hasProxyHeader });
    if (!this.#credentials) return;
    this.#timer ??= setInterval(() => this.refresh(), REFRESH_MS);
    this.#timer.unref?.();
    this.refresh();
  }

  /** Looks at the certificates of all ports; to be called when the rules have changed. */
  refresh(): void {
    for (const changed of [...this.#followers]) changed();
    const servers = this.#ports.flatMap(({ servicePort }) => this.#serversOf(servicePort()));
    void this.#credentials?.refresh(servers);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#ports.length = 0;
  }

  states(): PortState[] {
    return this.#ports.map(({ listening, servicePort, hasProxyHeader }) => {
      const { hostname, port, protocols } = listening;
      const service = servicePort();
      const servers = this.#serversOf(service).map((server): ServerState => {
        const state = this.#credentials!.stateOf(server);
        return hasProxyHeader ? { ...state, state: 'refused', reason: BEHIND_PROXY_HEADER } : state;
      });
      return {
        ...{ hostname, port, servicePort: service, protocols },
        ...(servers.length > 0 && { servers }),
      };
    });
  }

  /** Why no port can take any request; undefined where one can. */
  unreadiness(): string | undefined {
    const states = this.states();
    const isUseless = ({ servers }: PortState) => servers?.every(({ state }) => state === 'refused') === true;
    if (states.length === 0 || !states.every(isUseless)) return undefined;
    const [{ port, servers }] = states as [PortState];
    const [{ server, reason }] = servers as [ServerState];
    return `no port has a certificate: port ${port}, ${server}: ${reason}`;
  }

  /**
   * How a request is answered whose authority is another server's than the connection's, which may let in other clients: 404,
   * as by Envoy. 421, upon which a client asks again on another connection, where the server has changed since. Undefined:
   * by the rules.
   */
  refusalOf(servicePort: number, own: ServerTls | undefined, authority: string): 404 | 421 | undefined {
    const servers = this.#serversOf(servicePort);
    if (servers.length === 0) return undefined;
    if (!own) return 421;
    const meant = serverFor(servers, withoutPort(authority).toLowerCase());
    if (meant === undefined || meant === own) return undefined;
    if (meant.server !== own.server) return 404;
    return JSON.stringify(meant) === JSON.stringify(own) ? undefined : 421;
  }

  #serversOf(servicePort: number): readonly ServerTls[] {
    if (!this.#credentials) return NONE;
    return this.#options.table()?.listeners.find(({ port }) => port === servicePort)?.tls ?? NONE;
  }
}

const BEHIND_PROXY_HEADER = 'TLS behind a PROXY header is not understood';
const NONE: readonly ServerTls[] = [];

/** The same as a context whose rules lead nowhere. */
export function refusing(context: ProxyContext, status: 404 | 421): ProxyContext {
  const router: Pick<Router, 'route'> = {
    route({ method, headers }) {
      const isGrpc = isGrpcContentType(firstHeader(headers, 'content-type'));
      const reason = "The host is another server's than the connection's";
      return localReply({ isGrpc, method }, { status, flag: 'NR', details: 'route_not_found', reason });
    },
  };
  return { ...context, rules: { ...context.rules, router } };
}
