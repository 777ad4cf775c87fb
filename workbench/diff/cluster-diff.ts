/** What is otherwise about clusters that both tables have: who serves them, and how they are reached. Imports the table's types. */
import type { Cluster, RouteTable } from '../../router/index.ts';
import { targetName } from '../name.ts';

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

/** The changes of clusters that are in both tables, one for each field. */
export function diffClusters(before: RouteTable, after: RouteTable): ClusterChange[] {
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

function fieldsOf({ protocol, endpoints, resolution, policy }: Cluster): Map<string, string> {
  const served = endpoints.map(({ id, weight }) => (weight === 1 ? id : `${id} (weight ${weight})`));
  const fields: [string, unknown][] = [
    ['endpoints', served.length === 0 ? undefined : served.sort().join(' and ')],
    ['protocol', protocol],
    ['resolution', resolution],
    ...Object.entries(policy),
  ];
  return new Map(
    fields.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  );
}
