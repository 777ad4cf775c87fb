/**
 * What of the rules the tests have looked at: hosts and rules that a request got to, matches that one fulfilled,
 * and destinations that a test expected by name. Imports the router's lint for examples.
 */
import { compareText } from '../../router/compile/age.ts';
import { parseClusterName } from '../../router/compile/cluster-name.ts';
import { type FieldPath, lintReport, type RuleOrigin } from '../../router/index.ts';
import { ruleName } from '../../router/route/explanation-text.ts';
import type { Route, VirtualHost } from '../../router/table/route-table.ts';
import { clientsOf } from '../client.ts';
import { isHost, isNamed } from '../name.ts';
import { portsOf, type RuleSet } from '../rule-set.ts';
import type { Trial } from '../trial.ts';
import type { Expectation } from './schema.ts';

/** The kinds of things that are counted. */
export const COVERAGE_KINDS = ['hosts', 'rules', 'matches', 'destinations'] as const;

/** See {@link COVERAGE_KINDS}. */
export type CoverageKind = (typeof COVERAGE_KINDS)[number];

/** How much the tests have looked at. */
export interface Coverage {
  readonly counts: Readonly<Record<CoverageKind, { readonly covered: number; readonly total: number }>>;
  /** Of all things together; 100 where there is nothing. */
  readonly percent: number;
  readonly uncovered: readonly Uncovered[];
}

/** Something that no test has looked at. */
export interface Uncovered {
  readonly kind: CoverageKind;
  /** `VirtualService default/shop http[1].match[0]`. */
  readonly what: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** A curl command that gets there. */
  readonly example?: string;
}

/** Coverage in the making. */
export interface CoverageNotes {
  /** A request was tried, with that expectation; without one, all destinations count as expected. */
  note(trial: Trial, expect?: Expectation): void;
  report(): Coverage;
}

interface Thing {
  readonly kind: CoverageKind;
  readonly what: string;
  readonly origin?: RuleOrigin;
}

/** Notes for the rules; all that any client could get to is to be covered. */
export function createCoverage(rules: RuleSet): CoverageNotes {
  const covered = new Set<string>();
  return {
    note({ virtualHost, route, outcomes }, expect) {
      if (!route?.origin) return;
      for (const host of virtualHost?.domains ?? []) covered.add(`host ${host}`);
      covered.add(ruleName(wholeRule(route.origin)));
      covered.add(ruleName(route.origin));
      for (const { destination } of outcomes) {
        if (destination === undefined) continue;
        if (!expect || expectsDestination(route, destination, expect))
          covered.add(destinationName(route, destination));
      }
    },
    report() {
      const things = thingsOf(rules);
      const missing = [...things].filter(([key]) => !covered.has(key)).map(([, thing]) => thing);
      const counts = Object.fromEntries(
        COVERAGE_KINDS.map((kind) => {
          const total = [...things.values()].filter((each) => each.kind === kind).length;
          const open = missing.filter((each) => each.kind === kind).length;
          return [kind, { covered: total - open, total }];
        }),
      ) as Coverage['counts'];
      const percent = things.size === 0 ? 100 : (100 * (things.size - missing.length)) / things.size;
      return { counts, percent, uncovered: missing.length === 0 ? [] : described(missing, rules) };
    },
  };
}

function expectsDestination({ action }: Route, index: number, expect: Expectation): boolean {
  if (action.kind !== 'forward') return false;
  const target = parseClusterName(action.destinations[index]!.cluster);
  const names = Object.keys(expect.weights ?? {});
  if (names.some((name) => isNamed(name, target))) return true;
  const { destination, subset } = expect;
  if (target === undefined || (destination === undefined && subset === undefined)) return false;
  const isHosts = destination === undefined || isHost(destination, target.host);
  return isHosts && (subset === undefined || subset === target.subset);
}

/** Everything that can be covered, by its key. */
function thingsOf(rules: RuleSet): Map<string, Thing> {
  const things = new Map<string, Thing>();
  for (const client of clientsOf(rules.resources).clients) {
    const table = rules.tableFor(client, portsOf(rules.resources));
    for (const { virtualHosts } of [...table.listeners, table.fallback]) {
      for (const virtualHost of virtualHosts) addHost(virtualHost, things);
    }
  }
  return things;
}

function addHost({ domains, routes }: VirtualHost, things: Map<string, Thing>): void {
  const first = routes.find(({ origin }) => origin)?.origin;
  // A service's domains are its host in several spellings, the full one first.
  if (first && domains[0] !== undefined) {
    const what = `host ${domains[0]}`;
    if (!things.has(what)) things.set(what, { kind: 'hosts', what, origin: first });
  }
  for (const route of routes) {
    const { origin, action } = route;
    if (!origin) continue;
    const rule = wholeRule(origin);
    if (!things.has(ruleName(rule)))
      things.set(ruleName(rule), { kind: 'rules', what: ruleName(rule), origin: rule });
    if (origin.matchIndex !== undefined)
      things.set(ruleName(origin), { kind: 'matches', what: ruleName(origin), origin });
    if (action.kind !== 'forward') continue;
    for (const [index] of action.destinations.entries()) {
      const what = destinationName(route, index);
      if (!things.has(what)) things.set(what, { kind: 'destinations', what, origin });
    }
  }
}

function wholeRule({ matchIndex: _, ...rule }: RuleOrigin): RuleOrigin {
  return rule;
}

function destinationName({ origin, action }: Route, index: number): string {
  const cluster = action.kind === 'forward' ? action.destinations[index]!.cluster : '';
  const { host, subset } = parseClusterName(cluster) ?? { host: cluster };
  return `${ruleName(wholeRule(origin!))} to ${host}${subset === undefined ? '' : ` subset ${subset}`}`;
}

/** In the order of their places, with an example where lint knows one. */
function described(missing: readonly Thing[], { resources }: RuleSet): Uncovered[] {
  const linted = lintReport(resources);
  const byPlace = missing.toSorted(
    ({ origin: a }, { origin: b }) =>
      compareText(a?.file ?? '', b?.file ?? '') || (a?.line ?? 0) - (b?.line ?? 0),
  );
  return byPlace.map(({ kind, what, origin }) => {
    const example = origin?.index === undefined ? undefined : linted.takenExample(origin, pathOf(origin));
    return {
      kind,
      what,
      ...(origin?.file !== undefined && { file: origin.file }),
      ...(origin?.line !== undefined && { line: origin.line }),
      ...(example !== undefined && { example }),
    };
  });
}

function pathOf({ index = 0, matchIndex }: RuleOrigin): FieldPath {
  return ['spec', 'http', index, ...(matchIndex === undefined ? [] : ['match', matchIndex])];
}
