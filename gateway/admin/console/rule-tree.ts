/** The rules in effect as a tree that people read: hosts, their rules in the order tried, destinations. Imports the workbench. */
import type { Route, RouteTable, RuleOrigin } from '../../../router/index.ts';
import { requestRequirements } from '../../../router/region/requirement.ts';
import { wordsOf } from '../../../workbench/diff/condition-text.ts';
import { outcomeOf } from '../../../workbench/diff/outcome.ts';
import { hostName, targetName } from '../../../workbench/name.ts';

/** Hosts that the same rules are for. */
export interface HostNode {
  /** The most telling first. */
  readonly names: readonly string[];
  readonly rules: readonly RuleNode[];
}

/** One match of a rule, or a rule without. */
export interface RuleNode {
  /** Unique in a tree. */
  readonly id: string;
  readonly name?: string;
  /** In words; empty: every request. */
  readonly conditions: readonly string[];
  /** What becomes of its requests, destinations aside. */
  readonly what: string;
  /** `timeout: 500 ms`; what is usual is left out. */
  readonly aspects: readonly string[];
  /** Empty where requests are answered. */
  readonly destinations: readonly {
    readonly cluster: string;
    readonly target: string;
    readonly weight: number;
  }[];
  /** False where a key of the request decides, and counts need not follow the weights. */
  readonly isDrawn: boolean;
  readonly origin: RuleOrigin;
}

/** A tree, and which routes of the table each of its rules stands for. */
export interface RuleTree {
  readonly hosts: readonly HostNode[];
  readonly origins: ReadonlyMap<RuleNode, readonly RuleOrigin[]>;
}

/** The tree of a table. A rule that holds on several ports or hosts is in it once. */
export function ruleTreeOf(table: RouteTable): RuleTree {
  const clusters = new Set(table.clusters.map(({ name }) => name));
  const groups = new Map<string, { names: Set<string>; rules: RuleNode[]; routes: (readonly Route[])[] }>();
  const origins = new Map<RuleNode, RuleOrigin[]>();
  for (const { domains, routes } of [...table.listeners, table.fallback].flatMap(
    ({ virtualHosts }) => virtualHosts,
  )) {
    const ruled = routes.filter(({ origin }) => origin !== undefined);
    if (ruled.length === 0) continue;
    const key = ruled.map(({ origin }) => placeOf(origin!)).join('\n');
    let group = groups.get(key);
    if (!group) {
      const number = groups.size;
      const rules = ruled.map((route, index) => nodeOf(route, `${number}.${index}`, clusters));
      group = { names: new Set(), rules, routes: [] };
      groups.set(key, group);
    }
    group.names.add(hostName(domains[0] ?? '*'));
    for (const [index, { origin }] of ruled.entries()) {
      const node = group.rules[index]!;
      origins.set(node, [...(origins.get(node) ?? []), origin!]);
    }
  }
  return { hosts: [...groups.values()].map(({ names, rules }) => ({ names: [...names], rules })), origins };
}

/** What Istio has every rule do, and nobody wrote. */
const DEFAULT_RETRIES = '2 on connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

function nodeOf(route: Route, id: string, clusters: ReadonlySet<string>): RuleNode {
  const { what, aspects } = outcomeOf(route, clusters);
  const { action } = route;
  const forward = action.kind === 'forward' ? action : undefined;
  return {
    id,
    ...(route.name !== undefined && { name: route.name }),
    conditions: wordsOf(requestRequirements(route.match)),
    what,
    aspects: [...aspects]
      .filter(([, text]) => text !== DEFAULT_RETRIES)
      .map(([aspect, text]) => `${aspect}: ${text}`),
    destinations: (forward?.destinations ?? []).map(({ cluster, weight }) => ({
      cluster,
      target: targetName(cluster),
      weight,
    })),
    isDrawn: forward?.sticky === undefined,
    origin: route.origin!,
  };
}

/** Of a rule: the same for all of its routes. */
export function placeOf({ kind, namespace, name, index, matchIndex }: RuleOrigin): string {
  return `${kind}/${namespace}/${name}[${index ?? ''}][${matchIndex ?? ''}]`;
}
