/**
 * What all transports of a program share: the rules in effect, and connections to the endpoints. Imports the store,
 * traffic and upstream's pool.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import type {
  UniversalClientFn,
  UniversalClientRequest,
  UniversalClientResponse,
} from '@connectrpc/connect/protocol';
import { certificateSourceOf, type SourceName, sourcesOf } from '../config/named.ts';
import { podAccountsOf, secretsOf, workloadCertificatesOf } from '../config/source.ts';
import { ConfigStore } from '../config/store.ts';
import {
  type CompileOptions,
  type Explanation,
  formatIssue,
  type Issue,
  type Random,
  type RouteRequest,
  type Router,
  type Service,
} from '../router/index.ts';
import { systemClock } from '../traffic/clock.ts';
import { compiler } from '../traffic/rule-set/compiler.ts';
import { onlyPortOf, type RuleSet } from '../traffic/rule-set/rule-set.ts';
import { RulesInEffect } from '../traffic/rule-set/rules-in-effect.ts';
import { type ClusterState, describeCluster } from '../upstream/cluster-state.ts';
import { systemConnections } from '../upstream/connect.ts';
import { UpstreamPool } from '../upstream/pool.ts';
import { spreadByPlace } from '../upstream/spread.ts';
import { type CallContext, routeCall } from './routed-call.ts';

/** What calls are routed by. */
export interface RoutingOptions {
  /** Where rules and endpoints come from: sources, or paths of files and folders, watched. Default: nowhere. */
  readonly config?: SourceName | readonly SourceName[];
  /** In place of `config`: the control plane that rules and endpoints come from, `HOST:PORT` or `xds://HOST:PORT?…`. */
  readonly xds?: string;
  /**
   * By what the client is known in its mesh: a folder with `cert-chain.pem`, `key.pem` and `root-cert.pem`, or
   * `xds://HOST:PORT?ca=FILE&token=FILE`, the mesh's authority. Default: what `config` gives, as `xds://` with a token does.
   */
  readonly certificates?: string;
  /** Services that no resource tells of. Default: none. */
  readonly services?: readonly Service[];
  /** The caller's namespace, for short names of hosts, `sourceNamespace` and `exportTo`. Default `default`. */
  readonly namespace?: string;
  /** The caller's labels, for `sourceLabels`. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly meshConfig?: NonNullable<CompileOptions['meshConfig']>;
  /** Draws for weights, faults, mirrors and back-off. Default: the runtime's chance. */
  readonly random?: Random;
  /** Told what is wrong in the rules' texts, what they ask for in vain, and that a source is away. Default: nobody. */
  readonly log?: (level: 'WARN' | 'ERROR', message: string) => void;
}

/**
 * Routing for any number of transports; see {@link Routing}. Throws a TypeError for a source that is none, or a
 * control plane beside other sources.
 */
export function createRouting(options: RoutingOptions = {}): Routing {
  return new Routing(options);
}

/** Rules in effect, and connections to the endpoints that they name. Lives from the first call, or `ready()`, to `close()`. */
export class Routing {
  /** What is loaded, and the place to apply and delete resources. */
  readonly config: ConfigStore;
  readonly #pool: UpstreamPool;
  readonly #rules: RulesInEffect;
  readonly #random: Random;
  /** By whether calls want HTTP/2; made anew with each rule set. */
  #contexts: readonly [CallContext, CallContext] | undefined;
  #isClosed = false;

  constructor(options: RoutingOptions) {
    const { services = [], namespace, labels, meshConfig, random = byChance, log } = options;
    const sources = sourcesOf(namesIn(options), {
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
    });
    if (options.certificates !== undefined) sources.unshift(certificateSourceOf(options.certificates));
    this.config = new ConfigStore(sources);
    this.#random = random;
    if (log) {
      logIssues(this.config, log);
      logSources(this.config, log);
    }
    this.#pool = new UpstreamPool(() => undefined, {
      ...systemConnections(),
      spread: spreadByPlace,
      prefersHttp2: true,
      workloadCertificates: () => workloadCertificatesOf(sources),
      secrets: () => secretsOf(sources),
      podAccounts: () => podAccountsOf(sources),
    });
    this.#rules = new RulesInEffect(this.config, this.#pool, {
      compiler,
      compile: {
        services,
        proxy: { ...(namespace !== undefined && { namespace }), ...(labels && { labels }) },
        ...(meshConfig && { meshConfig }),
      },
      chance: Math.random,
      swapped: (rules) => {
        this.#contexts = [this.#contextOf(rules, false), this.#contextOf(rules, true)];
      },
      log,
    });
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    return this.#rules.ready();
  }

  /** Ends watching the configuration; calls under way finish, and new ones fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.config.stop();
    this.#pool.close();
  }

  /** Why a request goes where it goes. */
  explain(request: RouteRequest): Explanation {
    // The compiler's routers explain.
    const router = this.#rules.current?.router as Router | undefined;
    return router?.explain(request) ?? { tried: [], outcomes: [] };
  }

  /** Clusters in effect with their endpoints. */
  clusters(): readonly ClusterState[] {
    return [...(this.#rules.current?.clusters.values() ?? [])].map(describeCluster);
  }

  /** What the rules in effect say that has no effect. */
  issues(): readonly Issue[] {
    return this.#rules.current?.issues ?? [];
  }

  /** The HTTP client for one of Connect's transports. `isHttp2`: its protocol needs HTTP/2. */
  httpClient(isHttp2: boolean): UniversalClientFn {
    const which = isHttp2 ? 1 : 0;
    return (request) => {
      const context = this.#contexts?.[which];
      if (context && !this.#isClosed) return routeCall(request, context);
      return this.#callLater(request, which);
    };
  }

  async #callLater(request: UniversalClientRequest, which: 0 | 1): Promise<UniversalClientResponse> {
    if (this.#isClosed) throw closed();
    await orAborted(this.#start(), request.signal);
    const context = this.#contexts?.[which];
    // Closed while the call waited for rules.
    if (this.#isClosed || !context) throw closed();
    return routeCall(request, context);
  }

  async #start(): Promise<void> {
    try {
      await this.ready();
    } catch (cause) {
      throw new ConnectError(
        `Cannot load the rules: ${(cause as Error).message}`,
        Code.Unavailable,
        undefined,
        undefined,
        cause,
      );
    }
  }

  #contextOf(rules: RuleSet, isHttp2: boolean): CallContext {
    const ports = new Map<string, number>();
    return {
      rules,
      clock: systemClock,
      random: this.#random,
      isHttp2,
      portOf(authority) {
        const known = ports.get(authority);
        if (known !== undefined) return known;
        const [, host = authority, port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
        const found =
          port === undefined ? (onlyPortOf(rules.compilation.table, host.toLowerCase()) ?? 80) : Number(port);
        // Authorities come from the program, which may make up any number of them.
        if (ports.size >= MAX_PORTS) ports.clear();
        ports.set(authority, found);
        return found;
      },
    };
  }
}

const MAX_PORTS = 1024;

function namesIn({ config, xds }: RoutingOptions): readonly SourceName[] {
  if (xds === undefined) {
    if (config === undefined) return [];
    return typeof config === 'string' || 'start' in config ? [config] : config;
  }
  if (config !== undefined)
    throw new TypeError(
      `Cannot read rules from config and from xds "${xds}": a control plane has compiled all of its rules already; give one of the two`,
    );
  return [xds.startsWith('xds://') ? xds : `xds://${xds}`];
}

function closed(): ConnectError {
  return new ConnectError('Cannot call: the transport is closed', Code.Unavailable);
}

const byChance: Random = (bound) => Math.floor(Math.random() * bound);

/** Each issue once, as long as it is there. */
function logIssues(config: ConfigStore, log: NonNullable<RoutingOptions['log']>): void {
  let known: ReadonlySet<string> = new Set();
  config.subscribe(({ issues }) => {
    const texts = new Map(issues.map((issue) => [formatIssue(issue), issue.severity]));
    for (const [text, severity] of texts)
      if (!known.has(text)) log(severity === 'error' ? 'ERROR' : 'WARN', text);
    known = new Set(texts.keys());
  });
}

/** Each time that a source has lost its peer, or cannot find it, and why. */
function logSources(config: ConfigStore, log: NonNullable<RoutingOptions['log']>): void {
  const told = new Map<string, string>();
  config.subscribeSources(({ name, state, reason }) => {
    const text = `${name} is ${state}${reason === undefined ? '' : `: ${reason}`}`;
    if (reason !== undefined && told.get(name) !== text) log('WARN', text);
    told.set(name, text);
  });
}

/** What comes first: the end of the waiting, or the caller's patience. */
async function orAborted(waiting: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return waiting;
  const { promise, reject } = Promise.withResolvers<never>();
  const aborted = (): void => reject(signal.reason);
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  try {
    await Promise.race([waiting, promise]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
}
