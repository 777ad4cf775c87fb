/** What is otherwise about clusters that both tables have: who serves them, and how they are reached. Imports the table's types. */
import type { Cluster, ConnectionPool, RouteTable } from '../../router/index.ts';
import type { Client } from '../client.ts';
import { targetName } from '../name.ts';
import { sortedJson } from './sorted-json.ts';

/** One field of a cluster that is otherwise. */
export interface ClusterChange {
  /** `outbound|80|v2|shop.default.svc.cluster.local`. */
  readonly cluster: string;
  /** `shop v2`. */
  readonly target: string;
  /** `endpoints`, `protocol`, or a field of the traffic policy. */
  readonly field: string;
  /** JSON; `none` where it is absent. */
  readonly from: string;
  readonly to: string;
}

/** The same with whom it is otherwise for. */
export interface ClusterMove extends ClusterChange {
  readonly clients: readonly Client[];
}

/**
 * The changes of clusters that are in both tables, one for each field. With `policyOnly` who serves a cluster and in
 * which protocol is left aside, and so is what a proxy is not told as DestinationRules say it.
 */
export function diffClusters(
  before: RouteTable,
  after: RouteTable,
  { policyOnly = false }: { readonly policyOnly?: boolean } = {},
): ClusterChange[] {
  const fieldsOf = policyOnly ? policyFields : allFields;
  const olds = new Map(before.clusters.map((each) => [each.name, each]));
  return after.clusters.flatMap((next) => {
    const old = olds.get(next.name);
    if (!old) return [];
    const [one, other] = [fieldsOf(old), fieldsOf(next)];
    const names = new Set([...one.keys(), ...other.keys()]);
    return [...names].flatMap((field): ClusterChange[] => {
      const [from, to] = [one.get(field) ?? 'none', other.get(field) ?? 'none'];
      return from === to ? [] : [{ cluster: next.name, target: targetName(next.name), field, from, to }];
    });
  });
}

function allFields({ protocol, endpoints, resolution, policy }: Cluster): Map<string, string> {
  const served = endpoints.map(({ id, weight }) => (weight === 1 ? id : `${id} (weight ${weight})`));
  const fields: [string, unknown][] = [
    ['endpoints', served.length === 0 ? undefined : served.sort().join(' and ')],
    ['protocol', protocol],
    ['resolution', resolution],
    ...Object.entries(policy),
  ];
  return asText(fields);
}

/** What a proxy hashes stands in its routes, and settings that are the default ones are no settings. */
function policyFields({ policy }: Cluster): Map<string, string> {
  const { loadBalancer, connectionPool, ...rest } = policy;
  const { hash: _, ...balancer } = { hash: undefined, ...loadBalancer };
  return asText([
    ['loadBalancer', balancer],
    ['connectionPool', connectionPool && isDefault(connectionPool) ? undefined : connectionPool],
    ...Object.entries(rest),
  ]);
}

function isDefault({ connectTimeoutMs, idleTimeoutMs, ...rest }: ConnectionPool): boolean {
  return connectTimeoutMs === 10_000 && idleTimeoutMs === 3_600_000 && Object.keys(rest).length === 0;
}

function asText(fields: readonly (readonly [string, unknown])[]): Map<string, string> {
  return new Map(
    fields.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : sortedJson(value)]],
    ),
  );
}
