/** What a proxy of Istio's has in effect, from wherever it is known. Types only. */
import type { RouteTable } from '../../router/index.ts';

/** A proxy's table, and who it is. */
export interface ProxyState {
  readonly table: RouteTable;
  /** What was left out, and why, in words: nothing is known of the requests that it is for. */
  readonly leftOut: readonly string[];
  readonly identity: ProxyIdentity;
  /** False where only routes are known: every cluster that they name is taken to be there, without settings. */
  readonly hasClusters: boolean;
}

/** On whose behalf a control plane has made the table. */
export interface ProxyIdentity {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  /** Absent where they are not known. */
  readonly labels?: Readonly<Record<string, string>>;
}
