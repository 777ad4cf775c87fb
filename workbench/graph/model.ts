/** Rules as a graph: hosts, rules in the order in which they are tried, destinations, endpoints. Imports the router. */
import { compile, type Route, type RouteTable, type ValidResource } from '../../router/index.ts';
import { requestRequirements } from '../../router/region/requirement.ts';
import { assumedGateways } from '../assumed-gateway.ts';
import { assumedServices, assumedSubsets } from '../assumed-service.ts';
import { type Client, clientsOf, proxyOf } from '../client.ts';
import { wordsOf } from '../diff/condition-text.ts';
import { outcomeOf } from '../diff/outcome.ts';
import { hostName, targetName } from '../name.ts';
import { portsOf } from '../rule-set.ts';

/** What a node stands for; also the column it stands in. */
export const NODE_KINDS = ['host', 'rule', 'destination', 'endpoint'] as const;

/** See {@link NODE_KINDS}. */
export type NodeKind = (typeof NODE_KINDS)[number];

/** One node. */
export interface GraphNode {
  /** Unique; letters and digits. */
  readonly id: string;
  readonly kind: NodeKind;
  /** First line. */
  readonly title: string;
  /** Further lines. */
  readonly lines: readonly string[];
  /** Set for a destination that does not exist. */
  readonly isMissing?: true;
}

/** An arrow from one node to another. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** `90 %`; empty for a plain one. */
  readonly label: string;
  /** Set for copies of requests. */
  readonly isMirror?: true;
}

/** Nodes by kind, each kind in the order in which it is first met. */
export interface RuleGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** The graph of what the client's requests meet; without a client, of what the mesh and each gateway have. */
export function graphOf(resources: readonly ValidResource[], client?: Client): RuleGraph {
  const all = [...resources, ...assumedSubsets(resources)];
  const ports = portsOf(all);
  const services = assumedServices(all, ports);
  const graph = createGraph();
  const usual = clientsOf(all).clients.filter(
    ({ gateway, namespace, labels }) =>
      gateway !== undefined || (namespace === 'default' && labels === undefined),
  );
  for (const each of client ? [client] : usual) {
    const resources = [...all, ...assumedGateways(all, each, ports)];
    addTable(compile(resources, { services, proxy: proxyOf(each) }).table, each, graph);
  }
  return graph.build();
}

function createGraph() {
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  return {
    /** The node of a key, made when it is first asked for. */
    node(kind: NodeKind, key: string, make: () => Omit<GraphNode, 'id' | 'kind'>): string {
      const whole = `${kind} ${key}`;
      let node = nodes.get(whole);
      if (!node) {
        node = { id: `${kind[0]}${nodes.size}`, kind, ...make() };
        nodes.set(whole, node);
      }
      return node.id;
    },
    edge(edge: GraphEdge): void {
      edges.set(JSON.stringify([edge.from, edge.to, edge.isMirror]), edge);
    },
    build: (): RuleGraph => ({
      nodes: NODE_KINDS.flatMap((kind) => [...nodes.values()].filter((node) => node.kind === kind)),
      edges: [...edges.values()],
    }),
  };
}

type Draft = ReturnType<typeof createGraph>;

function addTable(table: RouteTable, { gateway }: Client, graph: Draft): void {
  const clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
  const names = new Set(clusters.keys());
  for (const { names: hosts, routes } of hostGroups(table)) {
    const origins = JSON.stringify(routes.map(({ origin }) => origin));
    const [title = '*', ...lines] = hosts;
    const through = gateway === undefined ? [] : [`through gateway ${gateway}`];
    const host = graph.node('host', `${gateway} ${origins}`, () => ({
      title,
      lines: [...lines, ...through],
    }));
    for (const [index, route] of routes.entries()) {
      const rule = addRule(route, `${host} ${index}`, index, names, graph);
      graph.edge({ from: host, to: rule, label: '' });
      if (route.action.kind !== 'forward') continue;
      const { destinations, mirrors } = route.action;
      const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
      for (const { cluster, weight } of destinations) {
        const label = destinations.length > 1 ? percentText(weight / total) : '';
        graph.edge({ from: rule, to: addDestination(cluster), label });
      }
      for (const { cluster, fraction } of mirrors) {
        const label = `copy of ${percentText(fraction.numerator / fraction.denominator)}`;
        graph.edge({ from: rule, to: addDestination(cluster), label, isMirror: true });
      }
    }
  }

  function addDestination(name: string): string {
    const cluster = clusters.get(name);
    const target = targetName(name);
    const isMissing = cluster === undefined && name.startsWith('outbound|');
    const id = graph.node('destination', target, () => ({
      title: target,
      lines: isMissing ? ['does not exist'] : [],
      ...(isMissing && { isMissing: true as const }),
    }));
    for (const endpoint of cluster?.endpoints ?? []) {
      const to = graph.node('endpoint', `${cluster!.destination.host} ${endpoint.id}`, () => ({
        title: endpoint.id,
        lines: [],
      }));
      graph.edge({ from: id, to, label: '' });
    }
    return id;
  }
}

interface HostGroup {
  readonly names: string[];
  readonly routes: readonly Route[];
}

/** Hosts that the same rules are for, on whichever port. */
function hostGroups({ listeners, fallback }: RouteTable): HostGroup[] {
  const groups = new Map<string, HostGroup>();
  for (const { domains, routes } of [...listeners, fallback].flatMap(({ virtualHosts }) => virtualHosts)) {
    const ruled = routes.filter(({ origin }) => origin);
    if (ruled.length === 0) continue;
    const key = JSON.stringify(ruled.map(({ origin }) => origin));
    const group = groups.get(key) ?? { names: [], routes: ruled };
    groups.set(key, group);
    const name = hostName(domains[0] ?? '*');
    if (!group.names.includes(name)) group.names.push(name);
  }
  return [...groups.values()];
}

function addRule(
  route: Route,
  key: string,
  index: number,
  clusters: ReadonlySet<string>,
  graph: Draft,
): string {
  return graph.node('rule', key, () => {
    const words = wordsOf(requestRequirements(route.match));
    const { what, shares, aspects } = outcomeOf(route, clusters);
    const name = route.name === undefined ? '' : ` (${route.name})`;
    return {
      title: `${index + 1}. ${words.length === 0 ? 'all requests' : words.join(' and ')}${name}`,
      lines: [
        ...(shares.length === 0 ? [what] : []),
        ...[...aspects].filter(([aspect]) => SHOWN.has(aspect)).map(([aspect, text]) => `${aspect}: ${text}`),
      ],
    };
  });
}

/** What a rule does that is worth a line in a picture. */
const SHOWN: ReadonlySet<string> = new Set(['delay', 'abort', 'timeout', 'rewrite']);

function percentText(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
