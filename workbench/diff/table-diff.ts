/**
 * The difference of two tables: listener by listener, and on each by classes of authorities that have the same two
 * virtual hosts. Imports the algebra of regions.
 */
import type { Listener, RouteMatch, RouteRequest, RouteTable, VirtualHost } from '../../router/index.ts';
import { curlOf, requestOf } from '../../router/region/example.ts';
import type { Workspace } from '../../router/region/partition.ts';
import { requestRequirements } from '../../router/region/requirement.ts';
import type { World } from '../../router/region/world.ts';
import { createTester, type Tester } from '../trial.ts';
import { type HostClass, hostClasses } from './host-class.ts';
import { HTTPS_REDIRECT, NO_ROUTE, type RouteOutcome } from './outcome.ts';
import { type DiffSide, diffRoutes, type RouteMove } from './route-diff.ts';

/** A move on one listener. */
export interface Found {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly move: RouteMove;
  readonly example?: RouteRequest;
  /** What the rules look at in the example. */
  readonly curl?: string;
}

/** The moves between two tables, on each listener. */
export function* diffTables(
  tables: { readonly before: RouteTable; readonly after: RouteTable },
  workspace: Workspace,
  known: Map<string, Found[]> = new Map(),
): Generator<Found> {
  const { before, after } = tables;
  const testers = { before: createTester(before), after: createTester(after) };
  const clusters = { before: namesOf(before), after: namesOf(after) };
  const ports = new Set([...before.listeners, ...after.listeners].map(({ port }) => port));
  const listenerOf = ({ listeners, fallback }: RouteTable, port: number): Listener =>
    listeners.find((each) => each.port === port) ?? fallback;
  // Any port that has no listener stands for all of them.
  const elsewhere = freePort(before.fallback.port, ports);
  for (const port of [...ports, elsewhere]) {
    const [one, other] = [listenerOf(before, port), listenerOf(after, port)];
    if (!isAlike(one, other)) {
      yield { hosts: ['*'], port, move: UNCOMPARED };
      continue;
    }
    for (const hosts of hostClasses(one, other)) {
      const key = keyOf(hosts, port, one, clusters);
      if (key === undefined) continue;
      let moves = known.get(key);
      if (moves === undefined) {
        moves = [
          ...redirectMoves(hosts, port, testers),
          ...[...diffHosts(hosts, one, clusters, workspace)].map(({ move, world }) =>
            foundOf(move, hosts, world, port, testers),
          ),
        ];
        known.set(key, moves);
      }
      for (const each of moves) yield { ...each, hosts: hosts.domains, port };
    }
  }
}

function freePort(wanted: number, taken: ReadonlySet<number>): number {
  let port = wanted;
  while (taken.has(port)) port++;
  return port;
}

/** Listeners that read requests differently are not compared: the same request is another one to each. */
function isAlike(one: Listener, other: Listener): boolean {
  return (
    one.normalization === other.normalization &&
    one.ignorePortInHost === other.ignorePortInHost &&
    one.trustForwardedProto === other.trustForwardedProto
  );
}

const UNCOMPARED: RouteMove = {
  before: { outcome: { ...NO_ROUTE, what: 'a listener that reads requests differently', key: 'before' } },
  after: { outcome: { ...NO_ROUTE, what: 'a listener that reads requests differently', key: 'after' } },
  requirements: [],
  isRest: false,
};

/** Plain requests of a host that a gateway begins or ceases to redirect to https, whatever its routes say. */
function redirectMoves(hosts: HostClass, port: number, testers: Testers): Found[] {
  const [one, other] = [hosts.before?.httpsRedirect ?? false, hosts.after?.httpsRedirect ?? false];
  if (one === other) return [];
  const sides = [one, other].map(
    (redirects): DiffSide => ({ outcome: redirects ? HTTPS_REDIRECT : NO_REDIRECT }),
  );
  const [authority = ''] = hosts.samples;
  const request: RouteRequest = { method: 'GET', scheme: 'http', authority, path: '/', headers: [], port };
  const move = {
    before: sides[0]!,
    after: sides[1]!,
    requirements: requestRequirements(PLAIN),
    isRest: false,
  };
  const isRedirected = (tester: Tester): boolean => {
    const { decision } = tester(request).outcomes[0]!;
    return decision.kind === 'reply' && decision.status === 301 && decision.rule === undefined;
  };
  const common = { hosts: hosts.domains, port, move };
  if (isRedirected(testers.before) !== one || isRedirected(testers.after) !== other) return [common];
  return [{ ...common, example: request, curl: curlOf({ request, gateway: '', labels: {} }) }];
}

const NO_REDIRECT: RouteOutcome = { ...NO_ROUTE, what: 'answer of the rules', key: 'no https redirect' };
const PLAIN: RouteMatch = {
  path: { kind: 'prefix', value: '/', ignoreCase: false },
  headers: [{ name: ':scheme', value: { kind: 'exact', value: 'http' }, invert: false }],
  queryParams: [],
  claims: [],
};

type Clusters = Readonly<Record<'before' | 'after', ReadonlySet<string>>>;
type Testers = Readonly<Record<'before' | 'after', Tester>>;

const namesOf = ({ clusters }: RouteTable): ReadonlySet<string> => new Set(clusters.map(({ name }) => name));

const texts = new WeakMap<VirtualHost, string>();

function textOf(host: VirtualHost | undefined): string {
  if (!host) return '';
  let text = texts.get(host);
  if (text === undefined) {
    text = JSON.stringify([host.routes, host.httpsRedirect]);
    texts.set(host, text);
  }
  return text;
}

/** Equal for classes that differ alike; undefined for one without a difference. */
function keyOf(hosts: HostClass, port: number, listener: Listener, clusters: Clusters): string | undefined {
  const [one, other] = [textOf(hosts.before), textOf(hosts.after)];
  const missing = (host: VirtualHost | undefined, names: ReadonlySet<string>): string =>
    (host?.routes ?? [])
      .flatMap(({ action }) =>
        action.kind === 'forward' ? action.destinations.map(({ cluster }) => cluster) : [],
      )
      .filter((cluster) => !names.has(cluster))
      .join();
  const gaps = [missing(hosts.before, clusters.before), missing(hosts.after, clusters.after)];
  if (!hosts.before === !hosts.after && one === other && gaps[0] === gaps[1]) return undefined;
  return JSON.stringify([
    hosts.domains,
    port,
    listener.normalization,
    !hosts.before,
    !hosts.after,
    ...gaps,
    one,
    other,
  ]);
}

function* diffHosts(
  hosts: HostClass,
  listener: Listener,
  clusters: Clusters,
  workspace: Workspace,
): Generator<{ move: RouteMove; world: World }> {
  const { before, after } = hosts;
  const world: World = {
    normalization: listener.normalization,
    gateways: ['mesh'],
    authoritySamples: hosts.samples,
    authorities: hosts.authorities,
    arrives: ({ authority }) => hosts.has(authority),
  };
  const lists = [
    { routes: before?.routes ?? [], clusters: clusters.before },
    { routes: after?.routes ?? [], clusters: clusters.after },
  ] as const;
  for (const move of diffRoutes(...lists, world, workspace)) yield { move, world };
}

/** With an example that was tried on both sides; without one, it is not known whether any request moves. */
function foundOf(move: RouteMove, hosts: HostClass, world: World, port: number, testers: Testers): Found {
  const { sample, ...open } = move;
  const common = { hosts: hosts.domains, port };
  if (!sample) return { ...common, move: open };
  const example = requestOf(sample, world, port);
  const isTls = hosts.before?.httpsRedirect || hosts.after?.httpsRedirect;
  const request: RouteRequest = isTls ? { ...example.request, scheme: 'https', tls: true } : example.request;
  const isTaken = (tester: Tester, { route }: DiffSide): boolean => tester(request).route === route;
  if (!isTaken(testers.before, move.before) || !isTaken(testers.after, move.after))
    return { ...common, move: open };
  const asked = new Set(move.requirements.map(({ dimension }) => dimension.id));
  return { ...common, move, example: request, curl: curlOf({ ...example, request }, asked) };
}
