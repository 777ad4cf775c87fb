/**
 * One configuration made ready to route by: the compiled table's router and its clusters, swapped in as a whole.
 * Imports the router and upstream's clusters, and nothing that listens.
 */
import type { ConfigSnapshot } from '../../config/store.ts';
import type {
  Cluster,
  Compilation,
  CompileOptions,
  compileInSteps,
  Issue,
  Router,
  RouteTable,
  Service,
} from '../../router/index.ts';
import { createDeciderInSteps, type Decider } from '../../router/route/index.ts';
import type { Steps } from '../../router/steps.ts';
import { type RunningCluster, startClustersInSteps } from '../../upstream/cluster.ts';
import { PASSTHROUGH_CLUSTER } from '../../upstream/original-destination.ts';
import type { UpstreamPool } from '../../upstream/pool.ts';

/** What a request needs to know of the rules; it keeps the set it began with to its end. */
export interface RuleSet {
  /** What the next set can take over where nothing has changed. */
  readonly compilation: Compilation;
  /** Explains, too, where there is a compiler. */
  readonly router: Decider | Router;
  /** By name. */
  readonly clusters: ReadonlyMap<string, RunningCluster>;
  /** The only service port of the default host, if it has just one. */
  readonly defaultServicePort: number | undefined;
  /** Of every listener that the rules know. */
  readonly servicePorts: readonly number[];
  /** What the rules say that has no effect, limits of what is carried out included. */
  readonly issues: readonly Issue[];
}

/** Makes a table of resources, says what of them is not carried out and how that is told, and makes a router that explains. */
export interface Compiler {
  readonly compile: typeof compileInSteps;
  /** `clusters`: those that a control plane has made. */
  limitationsOf(
    resources: ConfigSnapshot['resources'],
    clusters: readonly Cluster[],
    pool: UpstreamPool,
    options: CompileOptions,
  ): Steps<readonly Issue[]>;
  readonly formatIssue: (issue: Issue) => string;
  readonly createRouter: (table: RouteTable) => Steps<Router>;
}

/** See the fields. */
export interface RuleSetOptions {
  /** Absent: tables come made, and resources do not. */
  readonly compiler?: Compiler | undefined;
  readonly compile: CompileOptions;
  /** Stands in for the VirtualService router. */
  readonly router?: Router | undefined;
  readonly defaultHost?: string | undefined;
  /** The set in effect, whose parts are taken over where nothing has changed. */
  readonly previous?: RuleSet | undefined;
  /** Returns a number in [0, 1), for balancers. */
  readonly chance: () => number;
}

/**
 * Compiles a snapshot. Meanwhile requests go on under the set before, whose clusters the last step lets go where they are
 * not in this one.
 */
export function* buildRuleSet(
  { resources, services = [], table: sent }: Pick<ConfigSnapshot, 'resources' | 'services' | 'table'>,
  pool: UpstreamPool,
  options: RuleSetOptions,
): Steps<RuleSet> {
  const known = [...(options.compile.services ?? []), ...services];
  // Rules that a control plane or a build has compiled already.
  const compilation = sent
    ? { table: withEndpoints(sent, known), issues: [] }
    : yield* compiled(resources, { ...options.compile, services: known }, options);
  const { table, issues } = compilation;
  const { compiler, compile, defaultHost, chance } = options;
  const limitations = compiler
    ? yield* compiler.limitationsOf(resources, sent ? table.clusters : [], pool, compile)
    : [];
  return {
    compilation,
    router: options.router ?? (yield* (compiler?.createRouter ?? createDeciderInSteps)(table)),
    clusters: yield* startClustersInSteps([...table.clusters, PASSTHROUGH_CLUSTER], pool, chance),
    defaultServicePort: defaultHost === undefined ? undefined : onlyPortOf(table, defaultHost),
    servicePorts: table.listeners.map(({ port }) => port),
    issues: [...issues, ...limitations],
  };
}

function compiled(
  resources: ConfigSnapshot['resources'],
  known: CompileOptions,
  { compiler, previous }: RuleSetOptions,
): Steps<Compilation> {
  if (compiler === undefined) throw new TypeError('Cannot compile rules here: give a table');
  return compiler.compile(resources, known, previous?.compilation);
}

/** The table with services in process as endpoints of its clusters, which it could not know of when it was made. */
function withEndpoints(table: RouteTable, services: readonly Service[]): RouteTable {
  if (services.length === 0) return table;
  const clusters = table.clusters.map((cluster) => {
    const { host, port, subset } = cluster.destination;
    const service = services.find((each) => each.host === host);
    if (!service?.ports.some(({ number }) => number === port)) return cluster;
    const wanted = Object.entries(cluster.selector ?? {});
    // Which endpoints a subset of a control plane's has, it alone knows.
    if (subset !== undefined && cluster.selector === undefined) return cluster;
    const own = service.endpoints.flatMap(({ id, labels, target, weight = 1 }) =>
      target.kind === 'in-process' && wanted.every(([name, value]) => labels[name] === value)
        ? [{ id, labels, weight, kind: 'in-process' as const }]
        : [],
    );
    return own.length === 0 ? cluster : { ...cluster, endpoints: [...cluster.endpoints, ...own] };
  });
  return { ...table, clusters };
}

/** The only service port of a host; undefined where it has none, or several. */
export function onlyPortOf({ listeners }: RouteTable, host: string): number | undefined {
  const name = host.toLowerCase();
  const own = listeners.filter(({ virtualHosts }) =>
    virtualHosts.some(({ domains }) => domains.includes(name)),
  );
  return own.length === 1 ? own[0]!.port : undefined;
}
