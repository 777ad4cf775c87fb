/** Who sends requests, as far as rules tell clients apart. Imports the router. */
import { createReport } from '../router/compile/report.ts';
import { prepareVirtualServices } from '../router/compile/virtual-service.ts';
import type { ProxyOptions, ValidResource } from '../router/index.ts';

/** A client or gateway that obeys the rules. */
export interface Client {
  /** Default `default`. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `NAME` or `NAMESPACE/NAME` of a Gateway through which the requests come; absent: the mesh. */
  readonly gateway?: string;
}

/** See {@link clientsOf}. */
export interface Clients {
  readonly clients: readonly Client[];
  /** False when rules tell more clients apart than there are in the list. */
  readonly complete: boolean;
}

/** Sets of labels that are told apart, at most. */
const MAX_LABEL_SETS = 64;
/** Clients in all, at most. */
const MAX_CLIENTS = 256;

/**
 * One client of each sort that the rules tell apart: by gateway, by namespace, and by the labels that `sourceLabels`
 * and the `workloadSelector` of DestinationRules ask for. The usual one comes first.
 */
export function clientsOf(resources: readonly ValidResource[]): Clients {
  const prepared = prepareVirtualServices(
    resources.filter((each) => each.kind === 'VirtualService'),
    undefined,
    createReport(),
  );
  const matches = prepared.flatMap(({ rules }) => rules.flatMap(({ rule }) => rule.match ?? []));
  const namespaces = new Set(['default']);
  for (const { metadata } of resources) namespaces.add(metadata.namespace);
  for (const { sourceNamespace } of matches) if (sourceNamespace) namespaces.add(sourceNamespace);
  for (const { spec } of resources) {
    const { exportTo = [] } = spec as { exportTo?: readonly string[] };
    for (const name of exportTo) if (/^[a-z0-9]/.test(name)) namespaces.add(name);
  }
  namespaces.add(otherThan(namespaces));
  const selectors = resources.flatMap((each) =>
    each.kind === 'DestinationRule' ? [each.spec.workloadSelector?.matchLabels ?? {}] : [],
  );
  const labelSets = labelSetsOf([...matches.map(({ sourceLabels }) => sourceLabels ?? {}), ...selectors]);
  const gateways = new Set(prepared.flatMap((each) => each.gateways));
  const clients: Client[] = [];
  for (const labels of labelSets.sets) {
    for (const namespace of namespaces) clients.push({ namespace, ...(labels && { labels }) });
  }
  for (const gateway of gateways) {
    if (gateway === 'mesh') continue;
    const namespace = gateway.split('/')[0]!;
    for (const labels of labelSets.sets) clients.push({ namespace, gateway, ...(labels && { labels }) });
  }
  return {
    clients: clients.slice(0, MAX_CLIENTS),
    complete: labelSets.complete && clients.length <= MAX_CLIENTS,
  };
}

/** The options to compile with for the client. */
export function proxyOf({ namespace, labels, gateway }: Client): ProxyOptions {
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(gateway !== undefined && { type: 'router' as const, gateways: [gateway] }),
  };
}

/** `clients in namespace shop with app=web`, `gateway default/public`. */
export function clientName({ namespace = 'default', labels = {}, gateway }: Client): string {
  const asked = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const labelled = asked.length === 0 ? '' : ` with ${asked.join(',')}`;
  return gateway === undefined
    ? `clients in namespace ${namespace}${labelled}`
    : `gateway ${gateway}${labelled}`;
}

/** A namespace that nothing is in. */
function otherThan(names: ReadonlySet<string>): string {
  let name = 'elsewhere';
  while (names.has(name)) name += '-x';
  return name;
}

type Labels = Readonly<Record<string, string>>;

/** Every way to have or not to have the labels asked for; without labels first, as undefined. */
function labelSetsOf(asked: readonly Labels[]): { sets: (Labels | undefined)[]; complete: boolean } {
  const values = new Map<string, Set<string>>();
  for (const labels of asked) {
    for (const [name, value] of Object.entries(labels)) {
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  }
  let sets: Labels[] = [{}];
  let complete = true;
  for (const [name, own] of values) {
    sets = sets.flatMap((labels) => [labels, ...[...own].map((value) => ({ ...labels, [name]: value }))]);
    if (sets.length > MAX_LABEL_SETS) {
      complete = false;
      sets = sets.slice(0, MAX_LABEL_SETS);
    }
  }
  return { sets: sets.map((labels) => (Object.keys(labels).length === 0 ? undefined : labels)), complete };
}
