/**
 * A gateway by the web's own types: asks the router where each request goes and moves the bytes there. It knows rules
 * only as decisions, what they come from is given to it, and runtimes it knows not at all. Whatever only some gateways
 * need (a store, the compiler, ports, connections of their own, logs, an app around it) is given to it too or put around
 * it, so that a bundle for an edge has none of it.
 */
import type { ConnectRouter } from '@connectrpc/connect';
import type { CompileOptions, Random, RouteRequest, Router, Service } from '../router/index.ts';
import { systemClock } from '../traffic/clock.ts';
import type { ComparisonSink } from '../traffic/compare/comparison.ts';
import type { Compiler, RuleSet } from '../traffic/rule-set/rule-set.ts';
import { type RuleFeed, RulesInEffect } from '../traffic/rule-set/rules-in-effect.ts';
import type { Shortcut } from '../upstream/in-process.ts';
import { type PoolOptions, UpstreamPool } from '../upstream/pool.ts';
import { isOwnAuthority } from './authority.ts';
import { headOf } from './downstream.ts';
import type { ListenerExchange } from './exchange.ts';
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
  /** For services in process. Absent: Connect's own handlers take all calls. */
  readonly shortcut?: Shortcut;
  /** Absent: requests are neither logged nor traced. */
  readonly telemetry?: Telemetry | undefined;
  /** Absent: answers of copies are not compared. */
  readonly comparisons?: ComparisonSink | undefined;
}

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;
const DEFAULT_MAX_REQUESTS = 20_000;

/** Routes every request by the rules. Lives from `ready()` or its first request to `stop()`. */
export class WebGateway {
  readonly ownHosts: Set<string>;
  readonly overload: Overload;
  readonly rules: RulesInEffect;
  /** What calls need under the rules in effect; undefined before there are any. */
  context: ProxyContext | undefined;
  readonly #pool: UpstreamPool;
  readonly #options: WebGatewayOptions;
  readonly #parts: GatewayParts;
  readonly #own: OwnServices | undefined;
  #lastOwnAuthority: string | undefined;

  constructor(options: WebGatewayOptions, parts: GatewayParts) {
    this.#options = options;
    this.#parts = parts;
    this.ownHosts = new Set(options.ownHosts?.map((host) => host.toLowerCase()));
    const { services = [], maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = options;
    this.overload = new Overload(options.maxRequests ?? DEFAULT_MAX_REQUESTS);
    const inProcess = { maxMessageBytes: maxBodyBytes, shortcut: parts.shortcut };
    const registered = registerServices(services, inProcess);
    this.#pool = new UpstreamPool(registered.lookup, parts.connections);
    this.#own = options.ownServices && createOwnServices(options.ownServices, inProcess);
    this.rules = this.#followRules(registered.services);
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    return this.rules.ready();
  }

  /** Closes every connection to endpoints. */
  stop(): void {
    // Calls are over; what still runs are copies that nobody waits for.
    this.#pool.close(true);
  }

  #followRules(inProcess: readonly Service[]): RulesInEffect {
    const { router, defaultHost, log } = this.#options;
    const { feed, compiler, compile } = this.#parts;
    return new RulesInEffect(feed, this.#pool, {
      compiler,
      compile: { ...compile, services: [...inProcess, ...(compile?.services ?? [])] },
      router,
      defaultHost,
      chance: Math.random,
      swapped: (rules) => {
        this.context = this.#contextOf(rules);
      },
      log,
    });
  }

  /** The request with the default host in place of the gateway's own address. */
  addressed(request: RouteRequest): RouteRequest {
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
    const { debugHeaders = false, explainNotFound = false, log, metrics, random = byChance } = this.#options;
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
      comparisons,
      overload: this.overload,
      own: this.#ownCall,
      authorityOf: this.#authorityOf,
      error: (message) => log?.('ERROR', message),
    };
  }

  /**
   * The answer to a call that came by the web's types, with `body` where something has read the request's own.
   * `exchange`: what a listener knows of it beside. Rejects when the client has gone, or the answer broke off.
   */
  async answer(
    request: Request,
    body: ReadableStream<Uint8Array> | null,
    exchange?: ListenerExchange,
  ): Promise<Response> {
    if (this.context === undefined) await this.ready();
    const context = this.context!;
    const head = headOf(request, exchange);
    // A body that was read as JSON is written anew, and need not be as long as it was.
    const headers = request.bodyUsed
      ? head.headers.filter(([name]) => name !== 'content-length')
      : head.headers;
    const stream = new WebStream((trailers) => {
      if (exchange) exchange.trailers = trailers;
    }, exchange === undefined);
    const { signal } = request;
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
