/** Where resources come from. A source reports whole snapshots of what it holds; it never interprets rules. */
import type { Issue } from '../router/issue.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import type { Service } from '../router/table/cluster.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import type { PodAccounts, Secrets, WorkloadCertificates } from '../router/table/workload-certificate.ts';
import type { CertificateState } from './rotating-certificate.ts';

/** Everything one source holds at one moment. */
export interface SourceSnapshot {
  /** Resources that are valid, in the order written. */
  readonly resources: readonly ValidResource[];
  /** What was wrong, warnings included. */
  readonly issues: readonly Issue[];
  /**
   * Keys (`KIND/NAMESPACE/NAME`) of resources that are present but refused: the store keeps their last good
   * version, unlike those that are gone.
   */
  readonly refused: readonly string[];
  /** Files that could not be read or parsed at all: every resource last read from them is kept. */
  readonly unreadable: readonly string[];
  /**
   * Keys of valid resources whose text was saved since the snapshot before, changed or not: a save ends what
   * `apply` or `delete` laid over the resource. Absent: none.
   */
  readonly saved?: readonly string[];
  /** Services and their endpoints that the source knows beside its resources. Absent: none. */
  readonly services?: readonly Service[];
  /** What a control plane has made of its rules: it is obeyed in place of what resources compile to. Absent: none. */
  readonly table?: RouteTable;
}

/** How a source stands with the peer that it reads from. */
export interface SourceState {
  readonly state: 'connecting' | 'connected' | 'disconnected';
  /** ISO time since when. */
  readonly since: string;
  /**
   * Why it is not connected, or what it cannot do though it is, in one sentence. What was read last stays in effect.
   */
  readonly reason?: string;
  /** How many of each kind the peer has sent. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Of a source that has workload certificates: whom the one in effect is for, until when, and why it was not renewed. */
  readonly certificate?: CertificateState;
  /** What the peer has sent and what is not in effect, with the reason. */
  readonly refused?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly reason: string;
    readonly since: string;
  }[];
}

/** A place that resources come from, watched until the signal aborts. */
export interface ConfigSource {
  /** As the user wrote it: `deploy/istio`, `k8s://`, `xds://localhost:15010`. */
  readonly name: string;
  /**
   * Calls `onSnapshot` with the first snapshot before it resolves, then on each change; what that returns resolves when
   * the snapshot, or a later one, is in effect. A source with a peer that may
   * be away calls `onState` each time it stands otherwise with it, also while it waits for the first snapshot.
   */
  start(
    onSnapshot: (snapshot: SourceSnapshot) => Promise<void>,
    signal: AbortSignal,
    onState?: (state: SourceState) => void,
  ): Promise<void>;
  /**
   * Looks for changes now, and resolves once they are reported. Absent: the source reports them as they happen.
   * The store asks before it lays anything over, so that a save made earlier is not taken for a later one.
   */
  refresh?(): Promise<void>;
  /**
   * By what this workload is known in the mesh, where the source gives that; some know it only once they have started.
   * Absent: it gives none.
   */
  readonly workloadCertificates?: WorkloadCertificates | undefined;
  /** Secrets by the names that its rules ask for them. Absent: it has none. */
  readonly secrets?: Secrets | undefined;
  /** Whose certificates those of its Pods are. Absent: it knows no Pods. */
  readonly podAccounts?: PodAccounts | undefined;
}

/** Those of the first of the sources that gives some. */
export function workloadCertificatesOf(sources: readonly ConfigSource[]): WorkloadCertificates | undefined {
  return sources.find(({ workloadCertificates }) => workloadCertificates)?.workloadCertificates;
}

/** The same of secrets. */
export function secretsOf(sources: readonly ConfigSource[]): Secrets | undefined {
  return sources.find(({ secrets }) => secrets)?.secrets;
}

/** The same of Pods' service accounts. */
export function podAccountsOf(sources: readonly ConfigSource[]): PodAccounts | undefined {
  return sources.find(({ podAccounts }) => podAccounts)?.podAccounts;
}
