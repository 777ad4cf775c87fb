/**
 * The gateway for runtimes with sockets: a Hono app that follows a store of configuration, opens ports for full gRPC and
 * connections of its own, and can be asked what is in effect. What needs a runtime is loaded when it is asked for.
 */
import { type Context, Hono } from 'hono';
import { type ConfigSource, podAccountsOf, secretsOf, workloadCertificatesOf } from '../config/source.ts';
import { ConfigStore } from '../config/store.ts';
import type {
  CompileOptions,
  Explanation,
  Issue,
  RouteRequest,
  Router,
  RouteTable,
  Service,
} from '../router/index.ts';
import { discard } from '../traffic/forward/discard.ts';
import { compiler } from '../traffic/rule-set/compiler.ts';
import {
  type ClusterState,
  type ClusterStatistics,
  describeCluster,
  statisticsOf,
} from '../upstream/cluster-state.ts';
import { hasSockets, systemConnections } from '../upstream/connect.ts';
import { leanCalls } from '../upstream/in-process/lean.ts';
import { PASSTHROUGH_CLUSTER } from '../upstream/original-destination.ts';
import { spreadByPlace } from '../upstream/spread.ts';
import { streamOf } from '../upstream/web-program.ts';
import { NO_FIELDS, type RequestHead, type ServerStream, type StreamReceiver } from '../wire/stream.ts';
import { Coverage } from './coverage.ts';
import type { GatewayBindings } from './exchange.ts';
import { type AccessLogOptions, createTelemetry, type TracingOptions } from './exchange-telemetry.ts';
import {
  type ConnectionFacts,
  DEFAULT_GRACE_MS,
  type ListenerLimits,
  type ListenerTls,
  type Listening,
} from './listener/listening.ts';
import { MirrorLog, type MirrorState } from './mirror-log.ts';
import { proxy, type Writable } from './proxy.ts';
import { tellRefused } from './refused.ts';
import { type PortState, PortTls, refusing } from './server-tls.ts';
import { throughApp } from './through-app.ts';
import { WebGateway, type WebGatewayOptions } from './web-gateway.ts';

/** What a gateway is made of; everything has a default but what it routes to. */
export interface GatewayOptions extends WebGatewayOptions {
  /** Where rules come from. Default: no rules, so each service gets its own requests. */
  readonly config?: ConfigSource | readonly ConfigSource[];
  /** Services elsewhere that no ServiceEntry tells of. */
  readonly remoteServices?: readonly Service[];
  /** On whose behalf requests are routed: namespace, labels, gateways. Default: a sidecar in `default`. */
  readonly proxy?: NonNullable<CompileOptions['proxy']>;
  readonly meshConfig?: NonNullable<CompileOptions['meshConfig']>;
  /** Makes spans of requests. Default: none, and the contexts of traces are passed on as they come. */
  readonly tracing?: TracingOptions;
  /** Writes a line for every request. Default: nowhere. */
  readonly accessLog?: AccessLogOptions;
}

/** What to listen on. */
export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default `127.0.0.1`. */
  readonly hostname?: string;
  /** Path of a Unix socket to listen on, in place of a port. */
  readonly unix?: string;
  /**
   * PEM texts; with it HTTP/2 and HTTP/1.1 are offered by ALPN. Absent: plaintext, but on a port of a gateway (`proxy.type`
   * `router`) whose Gateway has servers with TLS: it speaks TLS with their certificates.
   */
  readonly tls?: ListenerTls;
  /** What clients may ask of the port; see there for what holds where nothing is said. */
  readonly limits?: ListenerLimits;
  /** True: each connection begins with a PROXY header, version 2, that says who the client is. Default false. */
  readonly proxyProtocol?: boolean;
  /**
   * True: a PROXY header also says where its client dialled, and what the rules leave to that goes there: hosts that
   * nobody knows (unless `outboundTrafficPolicy` is `REGISTRY_ONLY`), services without endpoints of their own, and
   * `loadBalancer.simple: PASSTHROUGH`. Only for a port that nobody but a trusted redirection can reach. Default false:
   * unknown hosts are answered 404.
   */
  readonly useOriginalDst?: boolean;
  /**
   * The service port that selects the virtual hosts, as an Istio listener's does. Default: the only HTTP port of
   * the default host, else the listener's own.
   */
  readonly servicePort?: number;
}

/**
 * A Hono app whose "not found" is the mesh: middleware and routes that a user adds come first, and what they do
 * not answer is routed by the rules. Lives from `ready()`, `listen()` or its first request to `stop()`.
 */
export class Gateway extends Hono<{ Bindings: GatewayBindings }> {
  /** What is loaded, and the place to apply and delete resources. */
  readonly config: ConfigStore;
  readonly #options: GatewayOptions;
  readonly #web: WebGateway;
  readonly #listening = new Set<Listening>();
  readonly #coverage = new Coverage(this);
  readonly #portTls: PortTls;
  readonly #mirrors: MirrorLog;
  #unwatchMemory: (() => void) | undefined;
  #draining = false;

  constructor(options: GatewayOptions) {
    super();
    const { config = [], proxy, meshConfig, remoteServices = [], accessLog, tracing, log } = options;
    const sources = [config].flat();
    this.config = new ConfigStore(sources);
    this.#mirrors = new MirrorLog();
    this.#options = options;
    this.#web = new WebGateway(options, {
      feed: this.config,
      compiler,
      compile: { services: remoteServices, ...(proxy && { proxy }), ...(meshConfig && { meshConfig }) },
      connections: {
        ...systemConnections(),
        spread: spreadByPlace,
        workloadCertificates: () => workloadCertificatesOf(sources),
        secrets: () => secretsOf(sources),
        podAccounts: () => podAccountsOf(sources),
      },
      telemetry: createTelemetry({ ...(accessLog && { accessLog }), ...(tracing && { tracing }) }),
      shortcut: leanCalls,
      comparisons: this.#mirrors,
    });
    this.#portTls = new PortTls({
      table: () => this.table(),
      secrets: () => secretsOf(sources),
      workloadCertificates: () => workloadCertificatesOf(sources),
      log: (level, message) => log?.(level, message),
    });
    this.config.subscribe(() => this.#portTls.refresh());
    // Comes after every route, in whatever order they are added, and within every middleware.
    this.notFound((context) => this.#answer(context));
    this.onError((error, context) => {
      if ('getResponse' in error) return (error as { getResponse(): Response }).getResponse();
      if (context.req.raw.signal.aborted) return new Response(null, { status: 499 });
      log?.('ERROR', `Cannot answer ${context.req.method} ${context.req.path}: ${error.message}`);
      return context.text('Internal Server Error', 500);
    });
    const setNotFound = this.notFound;
    this.notFound = (handler) => {
      this.#coverage.replaceNotFound();
      return setNotFound(handler);
    };
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    return this.#web.ready();
  }

  /** The router in effect; undefined before the first configuration is. */
  get routing(): Router | undefined {
    // One that a compiler has made, or the user: both explain.
    return this.#web.rules.current?.router as Router | undefined;
  }

  /** Why no traffic should be sent here now; undefined when it should. */
  unreadiness(): string | undefined {
    if (this.#draining) return 'draining';
    if (this.#web.rules.current === undefined) return 'no configuration has been loaded yet';
    return this.#portTls.unreadiness();
  }

  /** The ports that are open, and the certificates of those that speak TLS by the rules. */
  ports(): readonly PortState[] {
    return this.#portTls.states();
  }

  /**
   * Opens a port for HTTP/1.1 and HTTP/2: gRPC with trailers, gRPC-Web, Connect, any HTTP. Rejects when it cannot be
   * opened, or on a runtime without sockets.
   */
  async listen({ port, hostname = '127.0.0.1', ...rest }: ListenOptions): Promise<Listening> {
    const { log, explainNotFound = false } = this.#options;
    if (!hasSockets())
      throw new TypeError(
        'Cannot listen on a runtime without sockets: export the gateway as { fetch } instead',
      );
    const [{ listen }, { watchMemory }] = await Promise.all([
      import('./listener/index.ts'),
      import('./listener/memory.ts'),
      this.ready(),
    ]);
    this.#web.ownHosts.add(hostname.toLowerCase());
    let listening: Listening | undefined;
    const servicePort = () =>
      rest.servicePort ?? this.#web.rules.current?.defaultServicePort ?? listening?.port ?? port;
    const isByRules = rest.tls === undefined && this.#options.proxy?.type === 'router';
    const { proxyProtocol = false } = rest;
    const portServers = isByRules ? await this.#portTls.serversOf(servicePort, proxyProtocol) : undefined;
    listening = await listen(
      { port, hostname, explains: explainNotFound, ...rest, ...(portServers && { portServers }) },
      (stream, head, hasEnded, connection) => this.#serve(stream, head, hasEnded, connection),
      (message) => log?.('WARN', message),
      () => this.#web.overload.isMemoryShort,
      (connection, status, detail, bodyBytes) =>
        tellRefused(this.#web.context!, connection, status, detail, bodyBytes),
    );
    this.#listening.add(listening);
    this.#portTls.opened(listening, servicePort, proxyProtocol);
    this.#unwatchMemory ??= watchMemory((isShort) => {
      this.#web.overload.isMemoryShort = isShort;
      log?.('WARN', isShort ? 'memory is short: new requests are refused' : 'memory is no longer short');
    });
    return listening;
  }

  /**
   * Stops accepting, says so to clients (GOAWAY), and lets what runs finish for at most `graceMs`, by default
   * 30,000. Resolves with the number of calls cut off.
   */
  async drain(graceMs: number = DEFAULT_GRACE_MS): Promise<number> {
    this.#draining = true;
    this.#unwatchMemory?.();
    const listening = [...this.#listening];
    this.#listening.clear();
    this.#portTls.close();
    const cut = await Promise.all(listening.map((each) => each.close(graceMs)));
    return cut.reduce((sum, calls) => sum + calls, 0);
  }

  /** Drains, ends watching the configuration and closes every connection. Resolves as {@link drain} does. */
  async stop(graceMs: number = DEFAULT_GRACE_MS): Promise<number> {
    const cut = await this.drain(graceMs);
    await this.config.stop();
    this.#web.stop();
    return cut;
  }

  /** Why a request goes where it goes; its authority may be the gateway's own address. */
  explain(request: RouteRequest): Explanation {
    const { routing } = this;
    if (routing === undefined) return { tried: [], outcomes: [] };
    return routing.explain(this.#web.addressed(request));
  }

  /** Clusters in effect with their endpoints. */
  clusters(): readonly ClusterState[] {
    return [...(this.#web.rules.current?.clusters.values() ?? [])]
      .filter(({ cluster, endpoints }) => cluster !== PASSTHROUGH_CLUSTER || endpoints.length > 0)
      .map(describeCluster);
  }

  /** The rules in effect as compiled; undefined before the first ones are, and with a router of the user's. */
  table(): RouteTable | undefined {
    return this.#options.router ? undefined : this.#web.rules.current?.compilation.table;
  }

  /** What comparisons of mirrors have found. */
  mirrors(): MirrorState {
    return this.#mirrors.state();
  }

  /** Envoy's statistics of each cluster in effect that was asked for something; one at rest has none. */
  statistics(): readonly ClusterStatistics[] {
    return [...(this.#web.rules.current?.clusters.values() ?? [])].flatMap(
      (cluster) => statisticsOf(cluster) ?? [],
    );
  }

  /** What the rules in effect say that has no effect. */
  issues(): readonly Issue[] {
    return this.#web.rules.current?.issues ?? [];
  }

  /** Service ports that the rules in effect know, the default host's first. */
  servicePorts(): readonly number[] {
    const { defaultServicePort, servicePorts = [] } = this.#web.rules.current ?? {};
    if (defaultServicePort === undefined) return servicePorts;
    return [defaultServicePort, ...servicePorts.filter((port) => port !== defaultServicePort)];
  }

  /** A call that came through `fetch`, or through the user's middleware. */
  async #answer({ req, env }: Context<{ Bindings: GatewayBindings }>): Promise<Response> {
    const { raw } = req;
    const exchange = env?.exchange;
    if (raw.body === null)
      return this.#web.answer(raw, exchange?.body ? streamOf(exchange.body) : null, exchange);
    // Unread, or read by middleware and kept by Hono.
    const body = raw.bodyUsed ? new Response(await req.arrayBuffer()).body : raw.body;
    return this.#web.answer(raw, body as ReadableStream<Uint8Array>, exchange);
  }

  /** A listener's call. What middleware or routes of the user's cover goes through `fetch`, and the rest does not. */
  #serve(
    stream: ServerStream,
    head: RequestHead,
    hasEnded: boolean,
    connection: ConnectionFacts,
  ): StreamReceiver {
    const { port, servicePort, http2, tls, isByRules, server } = connection;
    const { sourceAddress, sourcePort, originalDestination } = connection;
    const { method, scheme, hasScheme, authority, path, headers, upgrade } = head;
    const arrived: Writable<RouteRequest> = { method, scheme, authority, path, headers, port, http2, tls };
    if (hasScheme) arrived.hasScheme = true;
    if (sourceAddress !== undefined) {
      arrived.sourceAddress = sourceAddress;
      if (sourcePort !== undefined) arrived.sourcePort = sourcePort;
      if (originalDestination !== undefined) arrived.originalDestination = originalDestination;
    }
    const context = this.#web.context!;
    if (hasScheme && scheme === 'https' && !tls && context.isEdge) {
      // Of nobody from outside is it believed. Source: Envoy `source/common/http/http1/codec_impl.cc` (handlePath).
      stream.respond(403, FORBIDDEN_FIELDS, false);
      stream.write(new TextEncoder().encode(FORBIDDEN));
      stream.end(NO_FIELDS);
      return discard(stream);
    }
    const rulesPort = servicePort ?? context.rules.defaultServicePort ?? port;
    const refusal = isByRules ? this.#portTls.refusalOf(rulesPort, server, authority) : undefined;
    if (refusal === undefined && this.#coverage.covers(method, path))
      return throughApp(
        (request, bindings) => this.fetch(request, bindings),
        stream,
        arrived,
        hasEnded,
        servicePort,
        (message) => this.#options.log?.('ERROR', message),
      );
    return proxy(
      stream,
      {
        head: arrived,
        hasEnded,
        upgrade,
        servicePort: rulesPort,
        sendsTrailers: true,
      },
      refusal === undefined ? context : refusing(context, refusal),
    );
  }
}

const FORBIDDEN = 'Forbidden';
const FORBIDDEN_FIELDS = [
  ['content-type', 'text/plain'],
  ['content-length', `${FORBIDDEN.length}`],
] as const;
