/**
 * The difference of two tables: listener by listener, and on each by classes of authorities that have the same two
 * virtual hosts. Imports the algebra of regions.
 */
import type { Listener, RouteMatch, RouteRequest, RouteTable, VirtualHost } from '../../router/index.ts';
import { curlOf, requestOf } from '../../router/region/example.ts';
import type { Workspace } from '../../router/region/partition.ts';
import { requestRequirements } from '../../router/region/requirement.ts';
import type { World } from '../../router/region/world.ts';
import { createFateTeller, type FateTeller } from './fate.ts';
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

/** See {@link diffTables}. */
export interface TableOptions {
  /** Moves of classes of hosts, kept for tables in which they are the same. */
  readonly known?: Map<string, Found[]>;
  /** Which ports TLS is spoken on. Default: none. */
  readonly isTls?: (port: number) => boolean;
}

/** The moves between two tables, on each listener. */
export function* diffTables(
  tables: { readonly before: RouteTable; readonly after: RouteTable },
  workspace: Workspace,
  { known = new Map(), isTls = () => false }: TableOptions = {},
): Generator<Found> {
  const { before, after } = tables;
  const tellers = { before: createFateTeller(before), after: createFateTeller(after) };
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
      const differing = keyOf(hosts, port, one, clusters);
      if (differing === undefined) continue;
      const key = `${isTls(port)} ${differing}`;
      let moves = known.get(key);
      if (moves === undefined) {
        moves = [
          ...redirectMoves(hosts, port, tellers),
          ...[...diffHosts(hosts, one, clusters, workspace)].map(({ move, world }) =>
            foundOf(move, hosts, world, { port, isTls: isTls(port) }, tellers),
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
  samples: () => [],
};

/** Plain requests of a host that a gateway begins or ceases to redirect to https, whatever its routes say. */
function redirectMoves(hosts: HostClass, port: number, tellers: Tellers): Found[] {
  const [one, other] = [hosts.before?.httpsRedirect ?? false, hosts.after?.httpsRedirect ?? false];
  if (one === other) return [];
  const sides = [one, other].map(
    (redirects): DiffSide => ({ outcome: redirects ? HTTPS_REDIRECT : NO_REDIRECT }),
  );
  const [sample = ''] = hosts.samples;
  const plain: RouteRequest = {
    ...{ method: 'GET', scheme: 'http', path: '/', headers: [], port },
    authority: sample,
  };
  const [request = plain] = spellingsOf(plain, false);
  const move = {
    before: sides[0]!,
    after: sides[1]!,
    requirements: requestRequirements(PLAIN),
    isRest: false,
    samples: () => [],
  };
  const isRedirected = (tell: FateTeller): boolean => {
    const { decision } = tell(request);
    return decision.kind === 'reply' && decision.status === 301 && decision.rule === undefined;
  };
  const common = { hosts: hosts.domains, port, move };
  if (isRedirected(tellers.before) !== one || isRedirected(tellers.after) !== other) return [common];
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
type Tellers = Readonly<Record<'before' | 'after', FateTeller>>;

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
        action.kind === 'forward'
          ? [...action.destinations, ...action.mirrors, ...(action.preview?.destinations ?? [])]
          : [],
      )
      .map(({ cluster }) => cluster)
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

/** With an example of which something else becomes on each side; without one, it is not known whether any request moves. */
function foundOf(
  move: RouteMove,
  hosts: HostClass,
  world: World,
  { port, isTls }: { readonly port: number; readonly isTls: boolean },
  tellers: Tellers,
): Found {
  const needsTls = isTls || hosts.before?.httpsRedirect || hosts.after?.httpsRedirect || false;
  const asked = new Set(move.requirements.map(({ dimension }) => dimension.id));
  for (const { sample, sourceAddress } of move.samples()) {
    const example = requestOf(sample, world, port);
    const sent = { ...example.request, ...(sourceAddress !== undefined && { sourceAddress }) };
    for (const request of spellingsOf(sent, needsTls)) {
      const [one, other] = [tellers.before(request), tellers.after(request)];
      if (one.route !== move.before.route || other.route !== move.after.route || one.key() === other.key())
        continue;
      const curl = curlOf({ ...example, request }, asked);
      return { hosts: hosts.domains, port, move, example: request, curl };
    }
  }
  return { hosts: hosts.domains, port, move };
}

/** The request as people would send it: by https where TLS is spoken, with its port in the URL; at last as it is. */
function* spellingsOf(request: RouteRequest, needsTls: boolean): Generator<RouteRequest> {
  const { authority, port } = request;
  const schemes = needsTls ? [{ ...request, scheme: 'https', tls: true }, request] : [request];
  for (const each of schemes) {
    if (urlPort(each) !== port && !/:\d+$/.test(authority))
      yield { ...each, authority: `${authority}:${port}` };
    yield each;
  }
}

/** The port that the request's URL asks for, which need not be that of the listener. */
export function urlPort({ scheme, authority }: Pick<RouteRequest, 'scheme' | 'authority'>): number {
  return Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === 'https' ? 443 : 80));
}
