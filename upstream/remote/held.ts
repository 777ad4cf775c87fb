/** A pooled connection with what limits its life. Imports the table's types. */
import type { ConnectionPool } from '../../router/table/cluster.ts';
import { type Driver, nowMs } from '../socket/driver.ts';

/** See the module. */
export interface Held<C> {
  readonly connection: C;
  readonly driver: Driver;
  readonly openedMs: number;
  /** That it was opened for and has had. */
  requests: number;
}

/** True for a connection that has had its requests, or its time: it takes no more. */
export function isWornOut({ requests, openedMs }: Held<unknown>, pool: ConnectionPool | undefined): boolean {
  if (!pool) return false;
  const { maxRequestsPerConnection: most = Number.POSITIVE_INFINITY, maxConnectionDurationMs: oldest } = pool;
  return requests >= most || (oldest !== undefined && nowMs() - openedMs >= oldest);
}
