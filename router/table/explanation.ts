/** The account of a decision: which virtual host and rule took the request, and why the others did not. */
import type { Decision, RuleOrigin } from './decision.ts';
import type { RouteRequest } from './request.ts';

/** Data for machines; `formatExplanation` prints it for people. */
export interface Explanation {
  /** What was asked about. */
  readonly request?: RouteRequest;
  /** The virtual host chosen and which of its domains the authority met; absent when none did. */
  readonly virtualHost?: { readonly name: string; readonly domain: string; readonly why: string };
  /** Rules in the order they were tried, up to and including the one taken. */
  readonly tried: readonly RuleTrial[];
  /** What happens, for each destination the weights allow: one entry, or one per weighted destination. */
  readonly outcomes: readonly { readonly percent: number; readonly decision: Decision }[];
  /** What else happens to some of the requests: faults and mirrors that are neither never nor always. Absent: nothing. */
  readonly chances?: readonly Chance[];
  /** What the rule does beyond Istio, one sentence each. Absent: nothing. */
  readonly extensions?: readonly string[];
}

/** Something that happens to a share of the requests. */
export interface Chance {
  readonly kind: 'fault-delay' | 'fault-abort' | 'mirror';
  readonly percent: number;
  /** What it is, for people: `delay of 2000 ms`, `abort with HTTP 503`, `copy to outbound|…`. */
  readonly what: string;
}

/** One rule against one request. */
export interface RuleTrial {
  readonly rule?: RuleOrigin;
  readonly route?: string;
  readonly matched: boolean;
  /** Of a rule that did not match: the first condition that failed, in the writer's words, and the value seen. */
  readonly failed?: { readonly field: string; readonly want: string; readonly got: string };
}
