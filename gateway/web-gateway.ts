/**
 * A gateway by the web's own types: a Hono app that asks the router where each request goes and moves the bytes there.
 * It knows rules only as decisions, what they come from is given to it, and runtimes it knows not at all. Whatever only
 * some gateways need (a store, the compiler, ports, connections of their own, logs) is given to it too, so that a bundle
 * for an edge has none of it.
 */
import type { ConnectRouter } from '@connectrpc/connect';
import { Hono } from 'hono/tiny';
import type { CompileOptions, Random, RouteRequest, Router, Service } from '../router/index.ts';
import { systemClock } from '../traffic/clock.ts';
import type { ComparisonSink } from '../traffic/compare/comparison.ts';
import type { Compiler, RuleSet } from '../traffic/rule-set/rule-set.ts';
import { type RuleFeed, RulesInEffect } from '../traffic/rule-set/rules-in-effect.ts';
import { type PoolOptions, UpstreamPool } from '../upstream/pool.ts';
import { isOwnAuthority } from './authority.ts';
import { bodyOf, type GatewayContext, headOf } from './downstream.ts';
import type { GatewayBindings } from './exchange.ts';
import { observer, type Telemetry } from './observer.ts';
import { Overload } from './overload.ts';
import { createOwnServices, type OwnCall, type OwnServices } from './own.ts';
import { type ProxyContext, proxy } from './proxy.ts';
import { type InProcessService, registerServices } from './service.ts';
import type { MetricSink } from './telemetry/metric.ts';
import { WebStream } from './web-stream.ts';

/** What every gateway can be told; everything has a default but what it routes to. */
export interface WebGatewayOptions {
  /** Endpoints in this process. */
  readonly services?: readonly InProcessService[];
  /**
   * Services of the gateway itself (reflection, health), which answer for its own address where no rule matches.
   * Default: none.
   */
  readonly ownServices?: (router: ConnectRouter) => void;
  /** Decides in place of the VirtualService router; the clusters it may name are those of services and rules. */
  readonly router?: Router;
  /**
   * Requests for the gateway's own address (localhost, a loopback or bind address, any port) are routed as if
   * sent to this host. Default: none.
   */
  readonly defaultHost?: string;
  /** Further names of the gateway's own address, such as the domain of an edge; `*`: every name. Default: none. */
  readonly ownHosts?: readonly string[];
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
  /** Told what happens inside. Default: nobody. */
  readonly log?: (level: 'INFO' | 'WARN' | 'ERROR', message: string) => void;
  /** Draws for weights, faults and mirrors. Default: the runtime's chance. */
  readonly random?: Random;
}

/** What a gateway is put together from, beside what it is told. */
export interface GatewayParts {
  /** Where rules come from. */
  readonly feed: RuleFeed;
  /** Absent: tables come made. */
  readonly compiler?: Compiler;
  /** On whose behalf rules are compiled, and services that are not in process. */
  readonly compile?: CompileOptions;
  /** Default: `fetch`. */
  readonly connections?: PoolOptions;
  /** Absent: requests are neither logged nor traced. */
  readonly telemetry?: Telemetry | undefined;
  /** Absent: answers of copies are not compared. */
  readonly comparisons?: ComparisonSink | undefined;
}

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;
const DEFAULT_MAX_REQUESTS = 20_000;

/**
 * A Hono app whose "not found" is the mesh: middleware and routes that a user adds come first, and what they do
 * not answer is routed by the rules. Lives from `ready()` or its first request to `stop()`.
 */
export class WebGateway extends Hono<{ Bindings: GatewayBindings }> {
  protected readonly pool: UpstreamPool;
  protected readonly ownHosts: Set<string>;
  protected readonly overload: Overload;
  protected readonly rules: RulesInEffect;
  readonly #options: WebGatewayOptions;
  readonly #parts: GatewayParts;
  readonly #own: OwnServices | undefined;
  protected context: ProxyContext | undefined;
  #lastOwnAuthority: string | undefined;

  constructor(options: WebGatewayOptions, parts: GatewayParts) {
    super();
    this.#options = options;
    this.#parts = parts;
    this.ownHosts = new Set(options.ownHosts?.map((host) => host.toLowerCase()));
    const { services = [], maxBodyBytes = DEFAULT_MAX_BODY_BYTES, log } = options;
    this.overload = new Overload(options.maxRequests ?? DEFAULT_MAX_REQUESTS);
    const registered = registerServices(services, maxBodyBytes);
    this.pool = new UpstreamPool(registered.lookup, parts.connections);
    this.#own = options.ownServices && createOwnServices(options.ownServices, maxBodyBytes);
    this.rules = this.#followRules(registered.services);
    // Comes after every route, in whatever order they are added, and within every middleware.
    this.notFound((context) => this.#route(context));
    this.onError((error, context) => {
      if ('getResponse' in error) return (error as { getResponse(): Response }).getResponse();
      log?.('ERROR', `Cannot answer ${context.req.method} ${context.req.path}: ${error.message}`);
      return context.text('Internal Server Error', 500);
    });
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    return this.rules.ready();
  }

  /** Closes every connection to endpoints. Resolves with the number of calls cut off. */
  async stop(_graceMs?: number): Promise<number> {
    // Calls are over; what still runs are copies that nobody waits for.
    this.pool.close(true);
    return 0;
  }

  #followRules(inProcess: readonly Service[]): RulesInEffect {
    const { router, defaultHost, log } = this.#options;
    const { feed, compiler, compile } = this.#parts;
    return new RulesInEffect(feed, this.pool, {
      ...(compiler && { compiler }),
      compile: { ...compile, services: [...inProcess, ...(compile?.services ?? [])] },
      ...(router && { router }),
      ...(defaultHost !== undefined && { defaultHost }),
      chance: Math.random,
      swapped: (rules) => {
        this.context = this.#contextOf(rules);
      },
      log,
    });
  }

  protected addressed(request: RouteRequest): RouteRequest {
    const authority = this.#authorityOf(request);
    return authority === request.authority ? request : { ...request, authority };
  }

  /** The default host stands for the gateway's own address. */
  readonly #authorityOf = ({ authority }: RouteRequest): string => {
    const { defaultHost } = this.#options;
    if (defaultHost === undefined) return authority;
    if (authority === this.#lastOwnAuthority) return defaultHost;
    if (!isOwnAuthority(authority, this.ownHosts)) return authority;
    this.#lastOwnAuthority = authority;
    return defaultHost;
  };

  readonly #ownCall = (head: RouteRequest): OwnCall | undefined =>
    isOwnAuthority(head.authority, this.ownHosts) ? this.#own?.(head) : undefined;

  /** What calls need of the gateway, made anew with each rule set. */
  #contextOf(rules: RuleSet): ProxyContext {
    const { debugHeaders = false, explainNotFound = false, metrics, random = byChance } = this.#options;
    const { telemetry, comparisons, compile } = this.#parts;
    const isEdge = compile?.proxy?.type === 'router';
    return {
      rules,
      random,
      clock: systemClock,
      isEdge,
      debugHeaders,
      explainNotFound,
      ended: observer(this.overload, {
        metrics,
        telemetry,
        table: this.#options.router ? undefined : rules.compilation.table,
        isEdge,
      }),
      beginTrace: telemetry?.beginTrace,
      observed: telemetry?.isTiming ? 'timing' : metrics || telemetry ? 'duration' : 'nothing',
      ...(comparisons && { comparisons }),
      overload: this.overload,
      own: this.#ownCall,
      authorityOf: this.#authorityOf,
    };
  }

  /** A call that came through `fetch`, or through the user's middleware. */
  async #route(call: GatewayContext): Promise<Response> {
    if (this.context === undefined) await this.ready();
    const context = this.context!;
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
