/**
 * Clusters at work: a table's clusters joined with their endpoints' upstreams, a balancer, and what is remembered
 * of each endpoint. They outlive the rules: a reload that leaves a cluster as it is leaves all of that alone.
 */
import { type Balancer, createBalancer } from '../router/policy/balancer.ts';
import { CircuitBreaker } from '../router/policy/circuit-breaker.ts';
import { isInPanic, OutlierDetector } from '../router/policy/outlier.ts';
import { finish, type Steps } from '../router/steps.ts';
import type { Cluster, ClusterEndpoint } from '../router/table/cluster.ts';
import { ClusterCounter } from './cluster-counter.ts';
import { addressOf, RunningEndpoint } from './endpoint.ts';
import { originalAddress, originalEndpoint } from './original-destination.ts';
import type { PooledUpstream, UpstreamPool } from './pool.ts';

export type { RunningEndpoint, TryResult } from './endpoint.ts';

/** What a pick depends on. */
export interface PickContext {
  /** Of the request, for consistent hashing. */
  readonly hash?: bigint | undefined;
  /** Endpoints that were tried: another one is taken where one can be found in a few picks. */
  readonly avoid?: ReadonlySet<RunningEndpoint> | undefined;
  /** The request's as it goes upstream: where it goes if endpoints are not known but by name. */
  readonly authority?: string | undefined;
  /** Where the client dialled: where a request goes if the cluster leaves it to that. */
  readonly originalDestination?: string | undefined;
}

/** Picks to find an endpoint that was not tried. Source: Istio `pilot/pkg/networking/core/route/retry/retry.go` (HostSelectionRetryMaxAttempts). */
const MAX_PICKS = 6;
/** Where requests go comes from clients: beyond so many places one begins anew with them. */
const MAX_ORIGINALS = 1024;
/** Picks while the balancer still has endpoints that were taken out. */
const MAX_STALE_PICKS = 64;
/** More endpoints are no request's to make, and the balancer learns who is out after the request that showed it. */
const MAX_AT_ONCE = 1000;

/** One cluster in effect. */
export class RunningCluster {
  /** How much may be under way. */
  readonly breaker: CircuitBreaker;
  readonly counter: ClusterCounter;
  readonly #pool: UpstreamPool;
  /** Of endpoints that are all of one priority, and of no locality. */
  readonly #plain: Balancer<RunningEndpoint>;
  #spread: Balancer<RunningEndpoint> | undefined;
  readonly #chance: () => number;
  readonly #detector: OutlierDetector | undefined;
  /** It picks by the request's hash. */
  readonly isHashing: boolean;
  #cluster: Cluster;
  #endpoints: RunningEndpoint[] = [];
  #taken: PooledUpstream[] = [];
  /** Of a cluster that leaves it to clients where their requests go, by address. */
  readonly #originals: Map<string, RunningEndpoint> | undefined;
  /** The balancer may still pick endpoints that were taken out. */
  #isStale = false;
  #unwatchNames: (() => void) | undefined;
  #isClosed = false;
  /** Its endpoints are not made before one is asked for: of thousands of clusters most never are. */
  #isAsleep: boolean;

  /** `before` is a cluster of this name with another policy: what is under way goes on to count where its limits do. */
  constructor(
    cluster: Cluster,
    pool: UpstreamPool,
    chance: () => number,
    before: RunningCluster | undefined,
  ) {
    const { loadBalancer, connectionPool, retryBudget, outlierDetection } = cluster.policy;
    const { nowMs } = pool;
    this.#cluster = cluster;
    this.#pool = pool;
    const known = before?.cluster.policy;
    const hasSameLimits = isSame([known?.connectionPool, known?.retryBudget], [connectionPool, retryBudget]);
    this.breaker = before && hasSameLimits ? before.breaker : new CircuitBreaker(connectionPool, retryBudget);
    this.counter = before?.counter ?? new ClusterCounter();
    this.#chance = chance;
    this.#plain = createBalancer(loadBalancer, { chance, nowMs });
    this.#originals = loadBalancer.kind === 'PASSTHROUGH' ? new Map() : undefined;
    this.isHashing = loadBalancer.kind === 'RING_HASH' || loadBalancer.kind === 'MAGLEV';
    this.#detector =
      outlierDetection && new OutlierDetector(outlierDetection, nowMs, () => this.#healthChanged());
    // What is connected already stays so.
    this.#isAsleep = !(before && !before.#isAsleep) && canSleep(cluster) && !pool.hasAny(cluster);
    if (!this.#isAsleep) this.#find();
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  get endpoints(): readonly RunningEndpoint[] {
    if (this.#isAsleep) this.#wake();
    return this.#endpoints;
  }

  /** Ejections that would have taken out more endpoints than may be out. */
  get ejectionOverflows(): number {
    return this.#detector?.overflows ?? 0;
  }

  /** Endpoints taken out as outliers so far. */
  get ejections(): number {
    return this.#detector?.ejections ?? 0;
  }

  /** An endpoint for a try; undefined when there is none. */
  pick(context: PickContext = NOTHING): RunningEndpoint | undefined {
    const detector = this.#detector;
    if (detector) detector.advance();
    if (this.#isAsleep) this.#wake();
    if (this.#originals) {
      const address = originalAddress(this.#cluster, context);
      if (address !== undefined) return this.#pickOriginal(this.#originals, address);
    }
    const { hash, avoid } = context;
    const balancer = this.#spread ?? this.#plain;
    if (avoid === undefined && !this.#isStale) return balancer.pick(hash, 0);
    let left = MAX_PICKS;
    let last: RunningEndpoint | undefined;
    for (let attempt = 0; left > 0 && attempt < MAX_STALE_PICKS; attempt++) {
      const endpoint = balancer.pick(hash, attempt);
      if (!endpoint) return undefined;
      if (this.#isStale && endpoint.isEjected) continue;
      if (!avoid?.has(endpoint)) return endpoint;
      last = endpoint;
      left--;
    }
    return last ?? this.#endpoints.find((each) => !each.isEjected);
  }

  /** Goes on as a cluster of the same policy with other endpoints. */
  update(cluster: Cluster): void {
    const hasSameEndpoints = isSame(cluster.endpoints, this.#cluster.endpoints);
    this.#cluster = cluster;
    if (!hasSameEndpoints && !this.#isAsleep) this.#find();
  }

  /** Ends what goes on in the background, and names no upstream any more. */
  close(): void {
    this.#isClosed = true;
    this.#unwatchNames?.();
    this.#unwatchNames = undefined;
    for (const pooled of this.#taken) this.#pool.giveBack(pooled);
    this.#taken = [];
  }

  /** Lets go of what time has changed: who is back. */
  advance(): void {
    this.#detector?.advance();
  }

  #wake(): void {
    this.#isAsleep = false;
    this.#find();
    // A request outlives the rules that it began under.
    if (this.#isClosed) this.close();
  }

  #find(): void {
    const cluster = this.#cluster;
    const unwatch = this.#unwatchNames;
    this.#unwatchNames = undefined;
    let isFound = false;
    this.#unwatchNames = this.#pool.names?.watch(cluster, (endpoints) => {
      this.#use(endpoints);
      // What was known before is used from the start, and then nothing is let go that the rules still need.
      if (isFound) this.#pool.prune();
      isFound = true;
    });
    if (!isFound) this.#use(cluster.endpoints);
    isFound = true;
    unwatch?.();
  }

  /** An address becomes an endpoint as it is asked for. */
  #pickOriginal(originals: Map<string, RunningEndpoint>, address: string): RunningEndpoint | undefined {
    const known = originals.get(address);
    if (known) return known;
    if (originals.size >= MAX_ORIGINALS) {
      this.#find();
      this.#pool.prune();
    }
    const [endpoint] = this.#run(originalEndpoint(address), new Map(), this.#taken);
    if (!endpoint) return undefined;
    // A request outlives the rules that it began under.
    if (this.#isClosed) this.close();
    // Another list: the balancer picks from the one that it has, and never this one.
    this.#endpoints = [...this.#endpoints, endpoint];
    originals.set(address, endpoint);
    return endpoint;
  }

  #use(endpoints: readonly ClusterEndpoint[]): void {
    const before = new Map(this.#endpoints.map((each) => [each.address, each]));
    const given = this.#taken;
    const taken: PooledUpstream[] = [];
    this.#originals?.clear();
    this.#endpoints = endpoints.flatMap((endpoint) => this.#run(endpoint, before, taken));
    this.#taken = taken;
    for (const pooled of given) this.#pool.giveBack(pooled);
    for (const { monitor } of before.values()) if (monitor) this.#detector?.unwatch(monitor);
    if (!this.#isSpread(endpoints)) this.#spread = undefined;
    else this.#spread ??= this.#createSpread();
    this.#rebuild();
  }

  #run(
    endpoint: ClusterEndpoint,
    before: Map<string, RunningEndpoint>,
    taken: PooledUpstream[],
  ): RunningEndpoint[] {
    const cluster = this.#cluster;
    const isByClient =
      cluster.policy.connectionPool?.useClientProtocol === true ||
      (this.#pool.prefersHttp2 && cluster.protocol === 'http1');
    const take = (protocol: Cluster['protocol']): PooledUpstream | undefined => {
      const pooled = this.#pool.take({ ...cluster, protocol }, endpoint, this.breaker);
      if (pooled) taken.push(pooled);
      return pooled;
    };
    const pooled = take(isByClient ? 'http1' : cluster.protocol);
    if (!pooled) return [];
    const http2 = isByClient ? take('http2') : undefined;
    const address = addressOf(endpoint);
    const known = before.get(address);
    before.delete(address);
    const history = known ?? { monitor: this.#detector?.watch(), sinceMs: this.#pool.nowMs() };
    return [new RunningEndpoint(endpoint, pooled, http2, history)];
  }

  #isSpread(endpoints: readonly ClusterEndpoint[]): boolean {
    const places = endpoints.map(({ place }) => place);
    return this.#pool.spread?.isNeeded(places, this.#cluster.policy.isLocalityWeighted ?? false) === true;
  }

  #createSpread(): Balancer<RunningEndpoint> | undefined {
    const { loadBalancer, isLocalityWeighted = false } = this.#cluster.policy;
    return this.#pool.spread?.create({
      ...{ policy: loadBalancer, isLocalityWeighted, chance: this.#chance, nowMs: this.#pool.nowMs },
      panicPercent: this.#detector?.policy.minHealthPercent ?? PANIC_PERCENT,
    });
  }

  #healthChanged(): void {
    if (!this.isHashing && this.#endpoints.length <= MAX_AT_ONCE) this.#rebuild();
    else if (!this.#isStale) {
      // A table, or a long list, takes its time, which is no request's.
      this.#isStale = true;
      this.#pool.later(() => this.#rebuild());
    }
  }

  #rebuild(): void {
    this.#isStale = false;
    const endpoints = this.#endpoints;
    if (this.#spread) return this.#spread.update(endpoints);
    const healthy = this.#detector ? endpoints.filter(({ isEjected }) => !isEjected) : endpoints;
    const { minHealthPercent = 0 } = this.#detector?.policy ?? {};
    this.#plain.update(isInPanic(endpoints.length, healthy.length, minHealthPercent) ? endpoints : healthy);
  }
}

/** Envoy's, of a cluster that does not say. */
const PANIC_PERCENT = 50;
const NOTHING: PickContext = {};

/**
 * Joins clusters with upstreams from the pool, by name. What the pool knows of a cluster with the same policy is kept;
 * what it knows of others is forgotten, and their upstreams go with the next `prune`. `chance` returns a number in [0, 1).
 */
export function startClusters(
  clusters: readonly Cluster[],
  pool: UpstreamPool,
  chance: () => number,
): ReadonlyMap<string, RunningCluster> {
  return finish(startClustersInSteps(clusters, pool, chance));
}

/** {@link startClusters} for who has other things to do meanwhile: what is forgotten is so in the last step. */
export function* startClustersInSteps(
  clusters: readonly Cluster[],
  pool: UpstreamPool,
  chance: () => number,
): Steps<ReadonlyMap<string, RunningCluster>> {
  const { clusters: before, written } = pool;
  if (yield* updateClusters(clusters, written, before)) {
    pool.written = clusters;
    return before;
  }
  const kept = new Map<string, RunningCluster>();
  for (const cluster of clusters) {
    const known = before.get(cluster.name);
    if (!known || !isSameButEndpoints(known.cluster, cluster)) continue;
    known.update(cluster);
    kept.set(cluster.name, known);
    yield;
  }
  const byName = new Map(
    clusters.map((cluster) => {
      const { name } = cluster;
      return [name, kept.get(name) ?? new RunningCluster(cluster, pool, chance, before.get(name))];
    }),
  );
  for (const [name, known] of before) if (byName.get(name) !== known) known.close();
  pool.clusters = byName;
  pool.written = clusters;
  return byName;
}

/** True where the same clusters go on, some of them with other endpoints: of thousands few are looked at. */
function* updateClusters(
  clusters: readonly Cluster[],
  written: readonly Cluster[],
  running: ReadonlyMap<string, RunningCluster>,
): Steps<boolean> {
  if (clusters.length !== written.length) return false;
  const changed: Cluster[] = [];
  for (let place = 0; place < clusters.length; place++) {
    const [from, to] = [written[place]!, clusters[place]!];
    if (from === to) continue;
    if (from.name !== to.name || !isSameButEndpoints(from, to)) return false;
    changed.push(to);
    yield;
  }
  for (const cluster of changed) running.get(cluster.name)?.update(cluster);
  return true;
}

function isSameButEndpoints(a: Cluster, b: Cluster): boolean {
  if (a === b) return true;
  return (
    a.protocol === b.protocol &&
    a.resolution === b.resolution &&
    isSame(a.destination, b.destination) &&
    isSame(a.policy, b.policy)
  );
}

/** True where nothing has to be known of endpoints before one is asked for: no address, no table, no long list, no time to warm up. */
function canSleep({ endpoints, resolution, policy: { loadBalancer } }: Cluster): boolean {
  return (
    !('warmup' in loadBalancer || 'tableSize' in loadBalancer || loadBalancer.kind === 'PASSTHROUGH') &&
    endpoints.length <= MAX_AT_ONCE &&
    !resolution?.startsWith('DNS')
  );
}

/** True for data that reads the same. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
