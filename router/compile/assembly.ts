/**
 * Virtual hosts together with the rules they are made of, so that when one rule's text changes only what is made
 * of it is made anew. Imports the table's types.
 */
import type { Steps } from '../steps.ts';
import type { Route, VirtualHost } from '../table/route-table.ts';
import type { CompiledRoute } from './route.ts';
import type { PreparedVirtualService } from './virtual-service.ts';

/** The routes of one VirtualService on one listener. */
export interface RouteSource {
  readonly virtualService: PreparedVirtualService;
  readonly compiled: readonly CompiledRoute[];
  /** Of {@link compiled} the table's part. */
  readonly routes: readonly Route[];
  /** The same from another text of the VirtualService. */
  recompile(virtualService: PreparedVirtualService): RouteSource;
}

/** A virtual host and the sources of its routes, as indexes in a list; none for routes that no rule wrote. */
export interface AssembledHost {
  readonly virtualHost: VirtualHost;
  readonly sources: readonly number[];
}

/** The virtual hosts of one listener. */
export interface Assembly {
  readonly hosts: readonly AssembledHost[];
  readonly sources: readonly RouteSource[];
}

/** A source of the VirtualService's routes as `compile` makes them. */
export function routeSource(
  virtualService: PreparedVirtualService,
  compile: (virtualService: PreparedVirtualService) => readonly CompiledRoute[],
): RouteSource {
  const compiled = compile(virtualService);
  return {
    virtualService,
    compiled,
    routes: compiled.map(({ route }) => route),
    recompile: (other) => routeSource(other, compile),
  };
}

/**
 * The routes of several sources as one list, those that take everything after all others.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (SortVHostRoutes).
 */
export function joinRoutes(sources: readonly RouteSource[]): readonly Route[] {
  // Within one source such a route is the last one already.
  if (sources.length === 1) return sources[0]!.routes;
  const all = sources.flatMap(({ compiled }) => compiled);
  return [...all.filter((each) => !each.catchAll), ...all.filter((each) => each.catchAll)].map(
    ({ route }) => route,
  );
}

/**
 * The assembly with the routes of one VirtualService made of another text of it. Undefined where it has routes now
 * and had none, or the other way round: then other virtual hosts may come to be, and all has to be made anew.
 */
export function* reviseAssembly(
  assembly: Assembly,
  from: PreparedVirtualService,
  to: PreparedVirtualService,
): Steps<Assembly | undefined> {
  const { hosts, sources } = assembly;
  if (!sources.some(({ virtualService }) => virtualService === from)) return assembly;
  const revised = sources.map((source) => (source.virtualService === from ? source.recompile(to) : source));
  yield;
  const isChanged = (index: number) => revised[index] !== sources[index];
  const hasRoutes = ({ routes }: RouteSource) => routes.length > 0;
  if (revised.some((source, index) => hasRoutes(source) !== hasRoutes(sources[index]!))) return undefined;
  yield;
  return {
    sources: revised,
    hosts: hosts.map((host) => {
      if (!host.sources.some(isChanged)) return host;
      const routes = joinRoutes(host.sources.map((index) => revised[index]!));
      return { ...host, virtualHost: { ...host.virtualHost, routes } };
    }),
  };
}
