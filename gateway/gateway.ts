/**
 * The gateway itself: a Hono app that asks the router where each request goes and moves the bytes there. `fetch` serves
 * it on any runtime; `listen()` opens a port for full gRPC. It knows rules only as decisions, how they are compiled is
 * given to it, and runtimes it knows not at all: what needs one is loaded when it is asked for.
 */
import type { ConnectRouter } from '@connectrpc/connect';
import { Hono } from 'hono';
import type { ConfigSource } from '../config/source.ts';
import { ConfigStore } from '../config/store.ts';
import type {
  CompileOptions,
  Explanation,
  Issue,
  Random,
  RouteRequest,
  Router,
  RouteTable,
  Service,
} from '../router/index.ts';
import { systemClock } from '../traffic/clock.ts';
import type { Compiler, RuleSet } from '../traffic/rule-set/rule-set.ts';
import { RulesInEffect } from '../traffic/rule-set/rules-in-effect.ts';
import {
  type ClusterState,
  type ClusterStatistics,
  describeCluster,
  statisticsOf,
} from '../upstream/cluster-state.ts';
import { PASSTHROUGH_CLUSTER } from '../upstream/original-destination.ts';
import { hasSockets, UpstreamPool } from '../upstream/pool.ts';
import type { RequestHead, ServerStream, StreamReceiver } from '../wire/stream.ts';
import { isOwnAuthority } from './authority.ts';
import { Coverage } from './coverage.ts';
import { bodyOf, type GatewayContext, headOf } from './downstream.ts';
import type { GatewayBindings } from './exchange.ts';
import {
  type ConnectionFacts,
  DEFAULT_GRACE_MS,
  type ListenerLimits,
  type ListenerTls,
  type Listening,
} from './listener/listening.ts';
import { MirrorLog, type MirrorState } from './mirror-log.ts';
import { type AccessLog, observer, type Tracing } from './observer.ts';
import { Overload } from './overload.ts';
import { createOwnServices, type OwnCall, type OwnServices } from './own.ts';
import { type ProxyContext, proxy, type Writable } from './proxy.ts';
import { type InProcessService, type RegisteredServices, registerServices } from './service.ts';
import { compileAccessLog } from './telemetry/access-log.ts';
import type { MetricSink } from './telemetry/metric.ts';
import type { SpanSink } from './telemetry/span.ts';
import { createTraceChance } from './telemetry/trace-chance.ts';
import { throughApp } from './through-app.ts';
import { WebStream } from './web-stream.ts';

/** What a gateway is made of; everything has a default but what it routes to. */
export interface GatewayOptions {
  /** Where rules come from. Default: no rules, so each service gets its own requests. */
  readonly config?: ConfigSource | readonly ConfigSource[];
  /** Endpoints in this process. */
  readonly services?: readonly InProcessService[];
  /**
   * Services of the gateway itself (reflection, health), which answer for its own address where no rule matches.
   * Default: none.
   */
  readonly ownServices?: (router: ConnectRouter) => void;
  /** Services elsewhere that no ServiceEntry tells of. */
  readonly remoteServices?: readonly Service[];
  /** Decides in place of the VirtualService router; the clusters it may name are those of services and rules. */
  readonly router?: Router;
  /**
   * Requests for the gateway's own address (localhost, a loopback or bind address, any port) are routed as if
   * sent to this host. Default: none.
   */
  readonly defaultHost?: string;
  /** Further names of the gateway's own address, such as the domain of an edge; `*`: every name. Default: none. */
  readonly ownHosts?: readonly string[];
  /** On whose behalf requests are routed: namespace, labels, gateways. Default: a sidecar in `default`. */
  readonly proxy?: NonNullable<CompileOptions['proxy']>;
  readonly meshConfig?: NonNullable<CompileOptions['meshConfig']>;
  /** Adds `x-pointsman-route` to responses: the rule's name and the subset. Default false. */
  readonly debugHeaders?: boolean;
  /**
   * Tells clients, where Envoy says nothing, in body or grpc-message which host and path found no rule, and what was
   * wrong with a request that is no HTTP/1.1. Default false.
   */
  readonly explainNotFound?: boolean;
  /**
   * Largest body of a request without streams to a Connect service in process, which holds it as a whole; more is
   * answered `resource_exhausted`. Also the largest single message of a stream there. What is passed through has no limit.
   * Default 4 MiB, gRPC's own.
   */
  readonly maxBodyBytes?: number;
  /** Requests under way at a time; further ones are answered 503 with response flag `OM`. Default 20,000. */
  readonly maxRequests?: number;
  /** Told of every request that was routed. Default: nobody. */
  readonly metrics?: MetricSink;
  /** Makes spans of requests. Default: none, and the contexts of traces are passed on as they come. */
  readonly tracing?: TracingOptions;
  /** Writes a line for every request. Default: nowhere. */
  readonly accessLog?: AccessLogOptions;
  /** Told what happens inside. Default: nobody. */
  readonly log?: (level: 'INFO' | 'WARN' | 'ERROR', message: string) => void;
  /** Draws for weights, faults and mirrors. Default: the runtime's chance. */
  readonly random?: Random;
}

/** Which requests become spans, and who takes these. */
export interface TracingOptions {
  readonly sink: SpanSink;
  /** Of the traces that begin here; of others their client has decided. Default 1, Istio's. */
  readonly samplingPercent?: number;
  /** Of every span. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Where requests are logged, and how. */
export interface AccessLogOptions {
  /**
   * `text` or `json` for Istio's own formats, one of Envoy's format strings, or an object of them for lines of JSON.
   * Headers are logged where the format names them, and never else.
   */
  readonly format: string | Readonly<Record<string, string>>;
  /** Given each line with its end. Must not throw. */
  write(line: string): void;
}

/** What to listen on. */
export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default `127.0.0.1`. */
  readonly hostname?: string;
  /** Path of a Unix socket to listen on, in place of a port. */
  readonly unix?: string;
  /** PEM texts; absent: plaintext. With it HTTP/2 and HTTP/1.1 are offered by ALPN. */
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

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;
const DEFAULT_MAX_REQUESTS = 20_000;
/** Source: Istio `pilot/pkg/features/pilot.go` (PILOT_TRACE_SAMPLING). */
const DEFAULT_SAMPLING_PERCENT = 1;

/**
 * A Hono app whose "not found" is the mesh: middleware and routes that a user adds come first, and what they do
 * not answer is routed by the rules. Lives from `ready()`, `listen()` or its first request to `stop()`.
 */
export class Gateway extends Hono<{ Bindings: GatewayBindings }> {
  /** What is loaded, and the place to apply and delete resources. */
  readonly config: ConfigStore;
  readonly #options: GatewayOptions;
  readonly #registered: RegisteredServices;
  readonly #pool: UpstreamPool;
  readonly #own: OwnServices | undefined;
  readonly #listening = new Set<Listening>();
  readonly #ownHosts: Set<string>;
  readonly #coverage = new Coverage(this);
  readonly #mirrors = new MirrorLog();
  readonly #overload: Overload;
  readonly #accessLog: AccessLog | undefined;
  readonly #tracing: Tracing | undefined;
  #unwatchMemory: (() => void) | undefined;
  readonly #rules: RulesInEffect;
  #context: ProxyContext | undefined;
  #lastOwnAuthority: string | undefined;
  #draining = false;

  /** `compiler`: makes a table of resources; absent, tables come made. */
  constructor(options: GatewayOptions, compiler?: Compiler) {
    super();
    this.#options = options;
    this.#ownHosts = new Set(options.ownHosts?.map((host) => host.toLowerCase()));
    const { config = [], services = [], maxBodyBytes = DEFAULT_MAX_BODY_BYTES, log } = options;
    const { accessLog, tracing } = options;
    this.#tracing = tracing && {
      chance: createTraceChance(tracing.samplingPercent ?? DEFAULT_SAMPLING_PERCENT),
      sink: tracing.sink,
      tags: tracing.tags ?? {},
    };
    this.#accessLog = accessLog && { lineOf: compileAccessLog(accessLog.format), write: accessLog.write };
    this.#overload = new Overload(options.maxRequests ?? DEFAULT_MAX_REQUESTS);
    this.config = new ConfigStore([config].flat());
    this.#registered = registerServices(services, maxBodyBytes);
    this.#pool = new UpstreamPool(this.#registered.lookup);
    this.#own = options.ownServices && createOwnServices(options.ownServices, maxBodyBytes);
    this.#rules = this.#followRules(compiler);
    // Comes after every route, in whatever order they are added, and within every middleware.
    const setNotFound = this.notFound;
    setNotFound((context) => this.#route(context));
    this.notFound = (handler) => {
      this.#coverage.replaceNotFound();
      return setNotFound(handler);
    };
    this.onError((error, context) => {
      if ('getResponse' in error) return (error as { getResponse(): Response }).getResponse();
      log?.('ERROR', `Cannot answer ${context.req.method} ${context.req.path}: ${error.message}`);
      return context.text('Internal Server Error', 500);
    });
  }

  /** The router in effect; undefined before the first configuration is. */
  get routing(): Router | undefined {
    return this.#rules.current?.router;
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    return this.#rules.ready();
  }

  /** Why no traffic should be sent here now; undefined when it should. */
  unreadiness(): string | undefined {
    if (this.#draining) return 'draining';
    return this.#rules.current === undefined ? 'no configuration has been loaded yet' : undefined;
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
    this.#ownHosts.add(hostname.toLowerCase());
    const listening = await listen(
      { port, hostname, explains: explainNotFound, ...rest },
      (stream, head, hasEnded, connection) => this.#serve(stream, head, hasEnded, connection),
      (message) => log?.('WARN', message),
      () => this.#overload.isMemoryShort,
    );
    this.#listening.add(listening);
    this.#unwatchMemory ??= watchMemory((isShort) => {
      this.#overload.isMemoryShort = isShort;
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
    const cut = await Promise.all(listening.map((each) => each.close(graceMs)));
    return cut.reduce((sum, calls) => sum + calls, 0);
  }

  /** Drains, ends watching the configuration and closes every connection. Resolves as {@link drain} does. */
  async stop(graceMs: number = DEFAULT_GRACE_MS): Promise<number> {
    const cut = await this.drain(graceMs);
    await this.config.stop();
    // Calls are over; what still runs are copies that nobody waits for.
    this.#pool.close(true);
    return cut;
  }

  /** Why a request goes where it goes; its authority may be the gateway's own address. */
  explain(request: RouteRequest): Explanation {
    const { routing } = this;
    if (routing === undefined) return { tried: [], outcomes: [] };
    return routing.explain(this.#addressed(request));
  }

  /** Clusters in effect with their endpoints. */
  clusters(): readonly ClusterState[] {
    return [...(this.#rules.current?.clusters.byName.values() ?? [])]
      .filter(({ cluster, endpoints }) => cluster !== PASSTHROUGH_CLUSTER || endpoints.length > 0)
      .map(describeCluster);
  }

  /** The rules in effect as compiled; undefined before the first ones are, and with a router of the user's. */
  table(): RouteTable | undefined {
    return this.#options.router ? undefined : this.#rules.current?.compilation.table;
  }

  /** What comparisons of mirrors have found. */
  mirrors(): MirrorState {
    return this.#mirrors.state();
  }

  /** Envoy's statistics of each cluster in effect that was asked for something; one at rest has none. */
  statistics(): readonly ClusterStatistics[] {
    return [...(this.#rules.current?.clusters.byName.values() ?? [])].flatMap(
      (cluster) => statisticsOf(cluster) ?? [],
    );
  }

  /** What the rules in effect say that has no effect. */
  issues(): readonly Issue[] {
    return this.#rules.current?.issues ?? [];
  }

  /** Service ports that the rules in effect know, the default host's first. */
  servicePorts(): readonly number[] {
    const { defaultServicePort, servicePorts = [] } = this.#rules.current ?? {};
    if (defaultServicePort === undefined) return servicePorts;
    return [defaultServicePort, ...servicePorts.filter((port) => port !== defaultServicePort)];
  }

  #followRules(compiler: Compiler | undefined): RulesInEffect {
    const { proxy, meshConfig, router, defaultHost, remoteServices = [], log } = this.#options;
    return new RulesInEffect(this.config, this.#pool, {
      ...(compiler && { compiler }),
      compile: {
        services: [...this.#registered.services, ...remoteServices],
        ...(proxy && { proxy }),
        ...(meshConfig && { meshConfig }),
      },
      ...(router && { router }),
      ...(defaultHost !== undefined && { defaultHost }),
      chance: Math.random,
      swapped: (rules) => {
        this.#context = this.#contextOf(rules);
      },
      log,
    });
  }

  #addressed(request: RouteRequest): RouteRequest {
    const authority = this.#authorityOf(request);
    return authority === request.authority ? request : { ...request, authority };
  }

  /** The default host stands for the gateway's own address. */
  readonly #authorityOf = ({ authority }: RouteRequest): string => {
    const { defaultHost } = this.#options;
    if (defaultHost === undefined) return authority;
    if (authority === this.#lastOwnAuthority) return defaultHost;
    if (!isOwnAuthority(authority, this.#ownHosts)) return authority;
    this.#lastOwnAuthority = authority;
    return defaultHost;
  };

  readonly #ownCall = (head: RouteRequest): OwnCall | undefined =>
    isOwnAuthority(head.authority, this.#ownHosts) ? this.#own?.(head) : undefined;

  /** What calls need of the gateway, made anew with each rule set. */
  #contextOf(rules: RuleSet): ProxyContext {
    const isEdge = this.#options.proxy?.type === 'router';
    const { debugHeaders = false, explainNotFound = false, metrics, random = byChance } = this.#options;
    return {
      rules,
      random,
      clock: systemClock,
      isEdge,
      debugHeaders,
      explainNotFound,
      ended: observer(this.#overload, {
        metrics,
        accessLog: this.#accessLog,
        tracing: this.#tracing,
        table: this.#options.router ? undefined : rules.compilation.table,
        isEdge,
      }),
      tracing: this.#tracing,
      observed: this.#accessLog ? 'timing' : metrics || this.#tracing ? 'duration' : 'nothing',
      comparisons: this.#mirrors,
      overload: this.#overload,
      own: this.#ownCall,
      authorityOf: this.#authorityOf,
    };
  }

  /** A listener's call. What middleware or routes of the user's cover goes through `fetch`, and the rest does not. */
  #serve(
    stream: ServerStream,
    head: RequestHead,
    hasEnded: boolean,
    connection: ConnectionFacts,
  ): StreamReceiver {
    const { port, servicePort, http2, tls, sourceAddress, sourcePort, originalDestination } = connection;
    const { method, scheme, authority, path, headers, upgrade } = head;
    const arrived: Writable<RouteRequest> = { method, scheme, authority, path, headers, port, http2, tls };
    if (sourceAddress !== undefined) {
      arrived.sourceAddress = sourceAddress;
      if (sourcePort !== undefined) arrived.sourcePort = sourcePort;
      if (originalDestination !== undefined) arrived.originalDestination = originalDestination;
    }
    if (this.#coverage.covers(method, path))
      return throughApp(
        (request, bindings) => this.fetch(request, bindings),
        stream,
        arrived,
        hasEnded,
        servicePort,
        (message) => this.#options.log?.('ERROR', message),
      );
    const context = this.#context!;
    return proxy(
      stream,
      {
        head: arrived,
        hasEnded,
        upgrade,
        servicePort: servicePort ?? context.rules.defaultServicePort ?? port,
        sendsTrailers: true,
      },
      context,
    );
  }

  /** A call that came through `fetch`, or through the user's middleware. */
  async #route(call: GatewayContext): Promise<Response> {
    if (this.#context === undefined) await this.ready();
    const context = this.#context!;
    const exchange = call.env?.exchange;
    const head = headOf(call.req.raw, exchange);
    const body = await bodyOf(call);
    // A body that middleware has read as JSON is written anew, and need not be as long as it was.
    const headers = call.req.raw.bodyUsed
      ? head.headers.filter(([name]) => name !== 'content-length')
      : head.headers;
    const stream = new WebStream((trailers) => {
      if (exchange) exchange.trailers = trailers;
    }, exchange === undefined);
    const { signal } = call.req.raw;
    stream.receiver = proxy(
      stream,
      {
        head: { ...head, headers },
        hasEnded: body === null,
        upgrade: undefined,
        servicePort: exchange?.servicePort ?? context.rules.defaultServicePort ?? head.port,
        sendsTrailers: exchange !== undefined,
      },
      context,
    );
    if (signal.aborted) stream.abort();
    else signal.addEventListener('abort', () => stream.abort(), { once: true });
    if (body) void stream.readBody(body, signal);
    return stream.response;
  }
}

const byChance: Random = (bound) => Math.floor(Math.random() * bound);
