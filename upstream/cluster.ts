/** Clusters at work: a table's clusters joined with their endpoints' upstreams and a balancer. Imports the table's types. */
import type { Cluster } from '../router/table/cluster.ts';
import { type Balancer, createBalancer } from './balancer.ts';
import type { PooledUpstream, UpstreamPool } from './pool.ts';
import type { Upstream } from './upstream.ts';

/** One endpoint as it can be picked. */
export interface RunningEndpoint {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly weight: number;
  /** `10.0.0.1:8080`, a socket's path, or the id of one in process. */
  readonly address: string;
  readonly kind: 'socket' | 'unix' | 'in-process';
  readonly upstream: Upstream;
  /** Exchanges under way, by whatever cluster: who begins one counts it in, and out at its end. */
  readonly load: { active: number };
  readonly active: number;
}

/** What a pick goes by. */
export interface PickContext {
  /** Of the request, for consistent hashing. */
  readonly hash?: bigint;
  /** Endpoints that were tried: others are preferred. */
  readonly avoid?: ReadonlySet<RunningEndpoint>;
}

/** Bounds the retries of a cluster. */
export interface RetryBound {
  /** Counts one more; false: there are too many, and it must not be made. */
  begin(): boolean;
  /** One that had begun has its outcome. */
  end(): void;
}

/** One cluster in effect. */
export interface RunningCluster {
  readonly cluster: Cluster;
  readonly endpoints: readonly RunningEndpoint[];
  /** Undefined when there is no endpoint. */
  pick(context?: PickContext): RunningEndpoint | undefined;
  /** Absent: no bound but each rule's own. */
  readonly retries?: RetryBound;
}

/** See {@link startClusters}. */
export interface RunningClusters {
  readonly byName: ReadonlyMap<string, RunningCluster>;
  /** Of every upstream in use, for {@link UpstreamPool.retain}. */
  readonly keys: ReadonlySet<string>;
}

/** Joins clusters with upstreams from the pool. `chance` returns a number in [0, 1). */
export function startClusters(
  clusters: readonly Cluster[],
  pool: UpstreamPool,
  chance: () => number,
): RunningClusters {
  const byName = new Map<string, RunningCluster>();
  const keys = new Set<string>();
  for (const cluster of clusters) {
    const endpoints = cluster.endpoints.flatMap((endpoint): RunningEndpoint[] => {
      const pooled = pool.get(cluster, endpoint);
      if (!pooled) return [];
      keys.add(pooled.key);
      return [run(endpoint, pooled)];
    });
    const balance = createBalancer(cluster.policy.loadBalancer.kind, endpoints, chance);
    const pick = (context?: PickContext): RunningEndpoint | undefined =>
      context?.avoid ? pickAnother(balance, context.avoid) : balance();
    byName.set(cluster.name, { cluster, endpoints, pick });
  }
  return { byName, keys };
}

/** Istio's `host_selection_retry_max_attempts`: after so many picks of what is to be avoided the last one is taken. */
const MAX_PICKS = 5;

/** Source: Envoy `source/common/upstream/load_balancer_impl.cc` (LoadBalancerBase::chooseHost, shouldSelectAnotherHost). */
function pickAnother(
  balance: Balancer<RunningEndpoint>,
  avoid: ReadonlySet<RunningEndpoint>,
): RunningEndpoint | undefined {
  let picked = balance();
  for (let picks = 0; picks < MAX_PICKS && picked && avoid.has(picked); picks++) picked = balance();
  return picked;
}

function run(endpoint: Cluster['endpoints'][number], pooled: PooledUpstream): RunningEndpoint {
  const { id, labels, weight, kind } = endpoint;
  return {
    id,
    labels,
    weight,
    kind,
    address: addressOf(endpoint),
    upstream: pooled.upstream,
    load: pooled,
    get active() {
      return pooled.active;
    },
  };
}

function addressOf(endpoint: Cluster['endpoints'][number]): string {
  switch (endpoint.kind) {
    case 'in-process':
      return endpoint.id;
    case 'unix':
      return endpoint.path;
    case 'socket':
      return endpoint.address.includes(':')
        ? `[${endpoint.address}]:${endpoint.port}`
        : `${endpoint.address}:${endpoint.port}`;
  }
}

/** A cluster for people and JSON: what `/clusters` shows. */
export interface ClusterState {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly subset?: string;
  readonly protocol: Cluster['protocol'];
  readonly loadBalancer: string;
  readonly endpoints: readonly {
    readonly id: string;
    readonly address: string;
    readonly kind: RunningEndpoint['kind'];
    readonly labels: Readonly<Record<string, string>>;
    readonly weight: number;
    readonly active: number;
  }[];
}

/** What is known of a cluster at this moment. */
export function describeCluster({ cluster, endpoints }: RunningCluster): ClusterState {
  return {
    name: cluster.name,
    ...cluster.destination,
    protocol: cluster.protocol,
    loadBalancer: cluster.policy.loadBalancer.kind,
    endpoints: endpoints.map(({ id, address, kind, labels, weight, active }) => ({
      id,
      address,
      kind,
      labels,
      weight,
      active,
    })),
  };
}
