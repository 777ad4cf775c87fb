/**
 * The difference of two rule sets as sets of requests: who is served by another rule, and to what effect. Found by
 * working on the conditions, for every client, host and port that the rules tell apart. Imports the workbench.
 */
import { resolveGatewayName } from '../../router/compile/host.ts';
import {
  compile,
  type RouteRequest,
  type RouteTable,
  type RuleOrigin,
  type ValidResource,
} from '../../router/index.ts';
import type { Workspace } from '../../router/region/partition.ts';
import { assumedGateways, isTlsPort } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import { type Client, clientsOf, proxyOf } from '../client.ts';
import { portsOf } from '../rule-set.ts';
import { type AspectChange, changesBetween, type Flow } from './change.ts';
import { type ClusterMove, diffClusters } from './cluster-diff.ts';
import { wordsOf } from './condition-text.ts';
import { diffGateways, type GatewayChange } from './gateway-diff.ts';
import type { DiffSide } from './route-diff.ts';
import { sortedJson } from './sorted-json.ts';
import { diffTables, type Found } from './table-diff.ts';

/** See {@link diffRules}. */
export interface DiffOptions {
  /** Whose requests are compared. Default: one of each sort that the rules tell apart. */
  readonly clients?: readonly Client[];
  /** Steps of automata that may be spent. Default 20,000,000, some seconds. */
  readonly maxSteps?: number;
}

/** Requests that fare otherwise. */
export interface Move {
  /** Domains that the requests are for, the most telling first. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly clients: readonly Client[];
  /** What the requests have in common, in words. */
  readonly conditions: readonly string[];
  /** True when they are those that earlier rules leave. */
  readonly isRest: boolean;
  readonly before: MoveSide;
  readonly after: MoveSide;
  /** How many of 100 such requests fare otherwise. */
  readonly percent: number;
  /** Which part of the requests goes from where to where. */
  readonly flows: readonly Flow[];
  /** What else is otherwise. */
  readonly changes: readonly AspectChange[];
  /** A request that moves. */
  readonly example?: { readonly curl: string; readonly request: RouteRequest; readonly client: Client };
}

/** One side of a move. */
export interface MoveSide {
  /** Absent where no rule takes the requests. */
  readonly rule?: RuleOrigin;
  /** What becomes of them, in words. */
  readonly outcome: string;
}

/** See {@link diffRules}. */
export interface RuleDiff {
  readonly moves: readonly Move[];
  /** Regions of which it is not known whether requests move; {@link Move.example} is absent. */
  readonly unknown: readonly Move[];
  /** Clusters that are reached in another way: by other labels, load balancing, limits. */
  readonly clusters: readonly ClusterMove[];
  /** Settings of Gateways that are otherwise: whose they are, and how their ports are served. */
  readonly gateways: readonly GatewayChange[];
  /** False when there are clients that were not compared. */
  readonly isComplete: boolean;
  /** All that were compared. */
  readonly clients: readonly Client[];
  /** Hosts whose subsets are assumed to exist, as neither side has a DestinationRule for them. */
  readonly assumed: readonly string[];
}

const MAX_STEPS = 20_000_000;

/** The difference. Without moves, unknown regions and changes of clusters and gateways, and complete, it proves that no request changes. */
export function diffRules(
  before: readonly ValidResource[],
  after: readonly ValidResource[],
  { clients: given, maxSteps = MAX_STEPS }: DiffOptions = {},
): RuleDiff {
  const assumed = assumedSubsets([...before, ...after]);
  const hosts = assumed.map(({ spec }) => spec.host);
  if (isSameText(before, after)) return { ...NO_CHANGE, clients: given ?? [], assumed: hosts };
  const both = [...before, ...after, ...assumed];
  const { clients, complete } = given ? { clients: given, complete: true } : clientsOf(both);
  const ports = portsOf(both);
  const services = assumedServices(both, ports);
  const found = createMoveList();
  const workspace: Workspace = { steps: maxSteps, automata: new Map() };
  const known = new Map<string, Found[]>();
  const clusters = new Map<string, ClusterMove & { readonly clients: Client[] }>();
  for (const client of clients) {
    const tableOf = (own: readonly ValidResource[]): RouteTable => {
      const given = [...assumed, ...assumedGateways(own, client, ports, both)];
      return compile([...own, ...given], { services, proxy: proxyOf(client) }).table;
    };
    const tables = { before: tableOf(before), after: tableOf(after) };
    const isTls = (port: number): boolean => isTlsPort(both, client, port);
    for (const each of diffTables(tables, workspace, { known, isTls })) found.add(each, client);
    for (const change of diffClusters(tables.before, tables.after)) {
      const key = JSON.stringify(change);
      const known = clusters.get(key);
      if (known) known.clients.push(client);
      else clusters.set(key, { ...change, clients: [client] });
    }
  }
  const { moves, unknown } = found.all();
  return {
    moves,
    unknown,
    clusters: [...clusters.values()],
    gateways: given
      ? given.flatMap((each) => gatewaysSeenBy(each, before, after))
      : diffGateways(before, after),
    isComplete: complete,
    clients,
    assumed: hosts,
  };
}

const NO_CHANGE = { moves: [], unknown: [], clusters: [], gateways: [], isComplete: true };

/** True for resources that say the same in the same order, of which nobody need be asked what becomes of requests. */
function isSameText(before: readonly ValidResource[], after: readonly ValidResource[]): boolean {
  const said = ({ apiVersion, kind, metadata, spec }: ValidResource): string =>
    sortedJson({ apiVersion, kind, metadata, spec });
  return before.length === after.length && before.every((each, index) => said(each) === said(after[index]!));
}

function gatewaysSeenBy(
  { gateway, namespace = 'default' }: Client,
  before: readonly ValidResource[],
  after: readonly ValidResource[],
): GatewayChange[] {
  return gateway === undefined ? [] : diffGateways(before, after, resolveGatewayName(gateway, namespace));
}

/** See {@link diffTableSets}. */
export interface TableDiffOptions extends Pick<DiffOptions, 'maxSteps'> {
  /** Only the policies of clusters are compared: one side is rules, which do not say who serves. Default false. */
  readonly policyOnly?: boolean;
  /** Which ports TLS is spoken on. Default: none. */
  readonly isTls?: (port: number) => boolean;
}

/** Who sends requests where a table is all that there is. */
const EVERYBODY: Client = {};

/** The same of two tables, such as those that proxies show. */
export function diffTableSets(
  before: RouteTable,
  after: RouteTable,
  { maxSteps = MAX_STEPS, policyOnly = false, isTls }: TableDiffOptions = {},
): RuleDiff {
  const found = createMoveList();
  const workspace: Workspace = { steps: maxSteps, automata: new Map() };
  for (const each of diffTables({ before, after }, workspace, isTls ? { isTls } : {}))
    found.add(each, EVERYBODY);
  const { moves, unknown } = found.all();
  const clients = [EVERYBODY];
  const changes = diffClusters(before, after, { policyOnly });
  const clusters = changes.map((each) => ({ ...each, clients }));
  return { moves, unknown, clusters, gateways: [], isComplete: true, clients, assumed: [] };
}

/** Moves that are the same for several ports and clients are one. */
function createMoveList() {
  const byText = new Map<string, { move: Move; ports: Set<number>; clients: Set<Client> }>();
  return {
    add({ hosts, port, move, example, curl }: Found, client: Client): void {
      const { flows, changes, percent } = changesBetween(move.before.outcome, move.after.outcome);
      const sides = { before: moveSide(move.before), after: moveSide(move.after) };
      const conditions = wordsOf(move.requirements);
      const key = JSON.stringify([hosts[0], conditions, sides, flows, changes, example === undefined]);
      const known = byText.get(key);
      if (known) {
        known.ports.add(port);
        known.clients.add(client);
        return;
      }
      const shown = example && curl !== undefined ? { example: { curl, request: example, client } } : {};
      const made = {
        hosts,
        ports: [],
        clients: [],
        conditions,
        isRest: move.isRest,
        ...sides,
        percent,
        flows,
        changes,
        ...shown,
      };
      byText.set(key, { move: made, ports: new Set([port]), clients: new Set([client]) });
    },
    all(): { moves: Move[]; unknown: Move[] } {
      const all = [...byText.values()].map(
        ({ move, ports, clients }): Move => ({ ...move, ports: [...ports], clients: [...clients] }),
      );
      return { moves: all.filter(({ example }) => example), unknown: all.filter(({ example }) => !example) };
    },
  };
}

function moveSide({ route, outcome }: DiffSide): MoveSide {
  const { what, shares } = outcome;
  const to = shares.map(({ target, percent }) =>
    shares.length === 1 ? target : `${Number(percent.toFixed(2))} % ${target}`,
  );
  return {
    ...(route?.origin && { rule: route.origin }),
    outcome: shares.length === 0 ? what : `to ${to.join(', ')}`,
  };
}
