/** What the admin port needs to know of the gateway that it shows. Types only, so that a test can stand in for one. */
import type { ConfigStore } from '../../config/store.ts';
import type { Explanation, Issue, RouteRequest, RouteTable } from '../../router/index.ts';
import type { TrafficCount } from '../telemetry/traffic-count.ts';

/** A gateway as its admin port sees it. */
export interface AdminTarget {
  readonly store: ConfigStore;
  /** `ready`, or in one sentence why no traffic should be sent here: starting, draining. */
  readiness(): 'ready' | { readonly reason: string };
  /** Service ports of the listeners, the default one first; `explain` takes the first unless told otherwise. */
  servicePorts(): readonly number[];
  /**
   * Why the gateway would decide as it does, its own addresses already replaced by the default host; undefined before
   * rules are in effect.
   */
  explain(request: RouteRequest): Explanation | undefined;
  /** What compiling the snapshot in effect found: rules that can have no effect, hosts claimed twice. */
  compileIssues(): readonly Issue[];
  /** The ports that are open, with the certificates of those that speak TLS by the rules, as JSON shows them. */
  ports(): readonly unknown[];
  /** Clusters in effect with their endpoints and what is known of these, as JSON shows it. */
  clusters(): readonly unknown[];
  /** What comparisons of mirrors have found, as JSON shows it. */
  mirrors(): object;
  /** The rules in effect as compiled; undefined before the first ones are. */
  table(): RouteTable | undefined;
  /** What is counted of the live traffic. */
  readonly traffic: TrafficCount;
  /** Has the gateway answer a request as if a client had sent it. */
  send(request: Request): Promise<Response>;
  /** Prometheus' text exposition and its content type. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}
