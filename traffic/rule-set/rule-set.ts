/**
 * One configuration made ready to route by: the compiled table's router and its clusters, swapped in as a whole.
 * Imports the router and upstream's clusters, and nothing that listens.
 */
import type { ConfigSnapshot } from '../../config/store.ts';
import {
  type Compilation,
  type CompileOptions,
  compile,
  createRouter,
  type Issue,
  type Router,
  type RouteTable,
} from '../../router/index.ts';
import { type RunningClusters, startClusters } from '../../upstream/cluster.ts';
import { PASSTHROUGH_CLUSTER } from '../../upstream/original-destination.ts';
import type { UpstreamPool } from '../../upstream/pool.ts';
import { limitationsOf } from './limitation.ts';

/** What a request needs to know of the rules; it keeps the set it began with to its end. */
export interface RuleSet {
  /** What the next set can take over where nothing has changed. */
  readonly compilation: Compilation;
  readonly router: Router;
  readonly clusters: RunningClusters;
  /** The only service port of the default host, if it has just one. */
  readonly defaultServicePort?: number;
  /** Of every listener that the rules know. */
  readonly servicePorts: readonly number[];
  /** What the rules say that has no effect, limits of what is carried out included. */
  readonly issues: readonly Issue[];
}

/** See the fields. */
export interface RuleSetOptions {
  readonly compile: CompileOptions;
  /** Stands in for the VirtualService router. */
  readonly router?: Router;
  readonly defaultHost?: string;
  /** The set in effect, whose parts are taken over where nothing has changed. */
  readonly previous?: RuleSet;
  /** Returns a number in [0, 1), for balancers. */
  readonly chance: () => number;
}

/** Compiles a snapshot. Meanwhile requests go on under the set before. */
export function buildRuleSet(
  { resources, services = [], table: sent }: Pick<ConfigSnapshot, 'resources' | 'services' | 'table'>,
  pool: UpstreamPool,
  options: RuleSetOptions,
): RuleSet {
  const known = { ...options.compile, services: [...(options.compile.services ?? []), ...services] };
  // A control plane has compiled its rules already.
  const compilation = sent
    ? { table: sent, issues: [] }
    : compile(resources, known, options.previous?.compilation);
  const { table, issues } = compilation;
  const defaultServicePort =
    options.defaultHost === undefined ? undefined : onlyPortOf(table, options.defaultHost);
  return {
    compilation,
    router: options.router ?? createRouter(table),
    clusters: startClusters([...table.clusters, PASSTHROUGH_CLUSTER], pool, options.chance),
    ...(defaultServicePort !== undefined && { defaultServicePort }),
    servicePorts: table.listeners.map(({ port }) => port),
    issues: [...issues, ...limitationsOf(resources)],
  };
}

/** The only service port of a host; undefined where it has none, or several. */
export function onlyPortOf({ listeners }: RouteTable, host: string): number | undefined {
  const name = host.toLowerCase();
  const own = listeners.filter(({ virtualHosts }) =>
    virtualHosts.some(({ domains }) => domains.includes(name)),
  );
  return own.length === 1 ? own[0]!.port : undefined;
}
