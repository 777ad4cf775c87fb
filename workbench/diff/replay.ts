/** An access log held against two tables: how many of its requests fare otherwise. Imports the workbench. */
import { compile, type RouteRequest, type RouteTable, type ValidResource } from '../../router/index.ts';
import { type AccessLogFormat, readLogLine } from '../access-log.ts';
import { assumedGateways } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import { type Client, proxyOf } from '../client.ts';
import { portsOf } from '../rule-set.ts';
import { createTester, type Tester } from '../trial.ts';
import { changesBetween } from './change.ts';
import { isSameCut, NO_ROUTE, outcomeOf, pathCutOf } from './outcome.ts';

/** What became of the lines so far. */
export interface ReplayReport {
  /** Requests that were read. */
  readonly requests: number;
  /** How many of them are expected to fare otherwise; a share of a split counts as that much of a request. */
  readonly moved: number;
  readonly moves: readonly ReplayMove[];
  /** Lines that are no access log. */
  readonly broken: number;
  /** The first of them, 1-based. */
  readonly brokenLines: readonly number[];
  /** Lines by what they were read as. */
  readonly formats: Readonly<Partial<Record<AccessLogFormat, number>>>;
}

/** Requests that fare otherwise in one way. */
export interface ReplayMove {
  /** `shop v1 → shop v2`, `timeout: none → 5000 ms`. */
  readonly what: string;
  readonly requests: number;
}

/** Counts lines. */
export interface Replay {
  add(line: string): void;
  report(): ReplayReport;
}

const MAX_BROKEN_LISTED = 5;
const MAX_KNOWN = 100_000;

/** The table that is in effect for requests to a port; asked for once for each port. */
export type TableOfPort = (port: number) => RouteTable;

/** Both sides. */
export type ReplayTables = Readonly<Record<'before' | 'after', TableOfPort>>;

/** The tables of two versions of rules, with the services that they name, as the client has them. */
export function tablesOfRules(
  before: readonly ValidResource[],
  after: readonly ValidResource[],
  client: Client,
): ReplayTables {
  const assumed = assumedSubsets([...before, ...after]);
  const both = [...before, ...after, ...assumed];
  const of =
    (own: readonly ValidResource[]): TableOfPort =>
    (port) => {
      const ports = [...new Set([...portsOf(both), port])];
      const all = [...own, ...assumed, ...assumedGateways(own, client, ports, both)];
      return compile(all, { services: assumedServices(both, ports), proxy: proxyOf(client) }).table;
    };
  return { before: of(before), after: of(after) };
}

/** A replay of lines on both sides. */
export function createReplay(tables: ReplayTables): Replay {
  const judge = { before: judgeOf(tables.before), after: judgeOf(tables.after) };
  const known = new Map<string, readonly { what: string; percent: number }[]>();
  const counts = new Map<string, number>();
  const formats: Partial<Record<AccessLogFormat, number>> = {};
  const brokenLines: number[] = [];
  let [lines, requests, moved, broken] = [0, 0, 0, 0];
  return {
    add(line) {
      lines++;
      if (line.trim() === '') return;
      const read = readLogLine(line);
      if (read === undefined) {
        broken++;
        if (brokenLines.length < MAX_BROKEN_LISTED) brokenLines.push(lines);
        return;
      }
      requests++;
      formats[read.format] = (formats[read.format] ?? 0) + 1;
      const key = JSON.stringify(read.request);
      let effects = known.get(key);
      if (effects === undefined) {
        effects = effectsOn(read.request, judge);
        if (known.size < MAX_KNOWN) known.set(key, effects);
      }
      for (const { what, percent } of effects) counts.set(what, (counts.get(what) ?? 0) + percent / 100);
      moved +=
        Math.min(
          100,
          effects.reduce((sum, { percent }) => Math.max(sum, 0) + percent, 0),
        ) / 100;
    },
    report: () => ({
      requests,
      moved,
      moves: [...counts]
        .map(([what, count]) => ({ what, requests: count }))
        .sort((a, b) => b.requests - a.requests),
      broken,
      brokenLines,
      formats,
    }),
  };
}

type Judge = (request: RouteRequest) => ReturnType<typeof outcomeWithCut>;

function judgeOf(tableOf: TableOfPort): Judge {
  const testers = new Map<number, { tester: Tester; clusters: ReadonlySet<string> }>();
  return (request) => {
    let made = testers.get(request.port);
    if (made === undefined) {
      const table = tableOf(request.port);
      made = { tester: createTester(table), clusters: new Set(table.clusters.map(({ name }) => name)) };
      testers.set(request.port, made);
    }
    return outcomeWithCut(made.tester(request).route, made.clusters);
  };
}

function outcomeWithCut(route: ReturnType<Tester>['route'], clusters: ReadonlySet<string>) {
  return route ? { outcome: outcomeOf(route, clusters), cut: pathCutOf(route) } : { outcome: NO_ROUTE };
}

function effectsOn(
  request: RouteRequest,
  judge: Readonly<Record<'before' | 'after', Judge>>,
): { what: string; percent: number }[] {
  const [one, other] = [judge.before(request), judge.after(request)];
  const isPathSame = !one.cut || !other.cut || isSameCut(one.cut, other.cut);
  if (one.outcome.key === other.outcome.key && isPathSame) return [];
  const { flows, changes } = changesBetween(one.outcome, other.outcome);
  return [
    ...flows.map(({ from, to, percent }) => ({ what: `${from} → ${to}`, percent })),
    ...(flows.length > 0
      ? []
      : changes
          .slice(0, 1)
          .map(({ name, from, to }) => ({ what: `${name}: ${from} → ${to}`, percent: 100 }))),
  ];
}

/** The report in words. */
export function replayText({ requests, moved, moves, broken, brokenLines }: ReplayReport): string {
  const share = requests === 0 ? 0 : (100 * moved) / requests;
  const lines = [`of ${requests} logged requests ${rounded(moved)} move (${rounded(share)} %)`];
  for (const move of moves) lines.push(`  ${rounded(move.requests)}  ${move.what}`);
  if (broken > 0) {
    const more = broken > brokenLines.length ? ', …' : '';
    const what =
      broken === 1 ? '1 line is no access log and was' : `${broken} lines are no access log and were`;
    lines.push(`  ${what} left out (line ${brokenLines.join(', ')}${more})`);
  }
  return lines.join('\n');
}

const rounded = (number: number): number => Number(number.toFixed(1));
