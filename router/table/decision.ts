/**
 * What the router decides for one request: forward it to a cluster, or answer it at once. A decision is
 * plain data and final: every draw of chance is made, every default resolved; whoever carries it out
 * (gateway, client, simulator) consults no rule again.
 */
import type { Destination, HashPolicy } from './cluster.ts';
import type { HeaderList } from './request.ts';

/** See {@link Forward} and {@link LocalReply}; told apart by `kind`. */
export type Decision = Forward | LocalReply;

/** Which written rule a route comes from. */
export interface RuleOrigin {
  /** `VirtualService`, or `HTTPRoute` and the like once they are read. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Index in `spec.http`; with a delegate, that of the delegate's own list. Absent where a control plane does not tell. */
  readonly index?: number;
  /** Index in `spec.http[].match`; absent for a rule without match. */
  readonly matchIndex?: number;
  /** File as given to `parse`, and the 1-based line of the rule; absent for rules that come from no text. */
  readonly file?: string;
  readonly line?: number;
  /** Of a delegate's rule the one that delegates to it, and that of its matches that the rule's is merged with. */
  readonly via?: RootRule;
}

/** A rule that delegates; fields as in {@link RuleOrigin}. */
export interface RootRule {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly index: number;
  readonly matchIndex?: number;
}

interface Decided {
  /** Name of the virtual host taken, `host:port` as Istio names it; absent when none matched. */
  readonly virtualHost?: string;
  /** The route's name as Istio gives it: `http[].name`, with `.match[].name` after it; absent without a name. */
  readonly route?: string;
  /** Absent where no rule was taken (404, or a service without rules). */
  readonly rule?: RuleOrigin;
  /**
   * Changes to the response's headers, in order: for an upstream's answer, and for a failure on the way to it,
   * an abort by {@link fault} included. A {@link LocalReply}'s own headers are final and not to be changed again.
   */
  readonly responseHeaders: readonly HeaderOperation[];
  /** Set when the request has an `origin` that the rule's corsPolicy allows: headers to set on any response but an abort's. */
  readonly corsHeaders?: HeaderList;
  /** Injected before anything else happens. */
  readonly fault?: Fault;
}

/** Send the request to one cluster. */
export interface Forward extends Decided {
  readonly kind: 'forward';
  /** Name as Istio makes it: `outbound|20000|v2|dubbo-go-server.default.svc.cluster.local`. */
  readonly cluster: string;
  /** Absent for clusters that are no service (`PassthroughCluster`). */
  readonly destination?: Destination;
  /** The request as it goes upstream: rewritten, header operations applied. */
  readonly request: {
    readonly method: string;
    readonly authority: string;
    readonly path: string;
    readonly headers: HeaderList;
  };
  /** Whole exchange, retries included, in milliseconds; 0 is no limit. */
  readonly timeoutMs: number;
  /** Absent: never retried. */
  readonly retry?: RetryPolicy;
  /** Copies to send, chance already drawn. */
  readonly mirrors: readonly Mirror[];
  /** By what the request is hashed, if the cluster's load balancer asks for it; `hashRequest()` of `router/policy` gives the key. */
  readonly hashPolicy?: readonly HashPolicy[];
  /**
   * The request already has what Envoy tells an upstream of its first try (`x-envoy-attempt-count`,
   * `x-envoy-expected-rq-timeout-ms`, of gRPC `grpc-timeout`), as the rule's changes saw or changed it. Else whoever
   * sends it adds that; at a retry it is replaced in any case.
   */
  readonly isTold?: true;
  /** Beyond Istio: the destination was no matter of chance, but of the request's key, or named by its client. */
  readonly chosenBy?: 'sticky-split' | 'preview';
}

/** Answer without an upstream. */
export interface LocalReply extends Decided {
  readonly kind: 'reply';
  /** Where the request would have gone: of a preflight, which is answered on behalf of its destination. */
  readonly destination?: Destination;
  /** Of the same. */
  readonly cluster?: string;
  /** HTTP status before any mapping to gRPC. */
  readonly status: number;
  /** Headers of the reply (`location`, `content-type`, `access-control-*`), final: those that the rule changes included. */
  readonly headers: HeaderList;
  readonly body: string | Uint8Array;
  /** Set when the request is gRPC: the reply is then HTTP 200 with these in its header block. */
  readonly grpc?: { readonly status: number; readonly message: string };
  /** Envoy's response flag: `NR` no route, `NC` no cluster, `FI` fault; absent for what a rule asked for. */
  readonly flag?: ResponseFlag;
  /** Present for the answer to a preflight, which nothing else may tell from what a rule answers itself. */
  readonly isPreflight?: true;
  /** One sentence for logs and `explain`, naming host and path: why there is no upstream. */
  readonly reason: string;
}

/** Envoy's short names: access log operator `%RESPONSE_FLAGS%`. */
export type ResponseFlag =
  | 'NR'
  | 'NC'
  | 'UH'
  | 'UF'
  | 'UO'
  | 'UT'
  | 'URX'
  | 'UC'
  | 'UR'
  | 'LR'
  | 'DC'
  | 'DR'
  | 'DI'
  | 'FI'
  | 'RL'
  | 'OM'
  | 'DPE'
  | 'UPE'
  | 'SI';

/**
 * Applied one after the other; lists are already in Envoy's order (remove, set, add, a destination's before its
 * rule's). Names in lower case.
 */
export type HeaderOperation =
  | { readonly kind: 'remove'; readonly name: string; readonly begins?: true }
  | {
      readonly kind: 'set' | 'add';
      readonly name: string;
      readonly value: string;
      /**
       * The value is still a format string, as only the response can tell it: `%RESPONSE_CODE%`, `%RESP(x)%`.
       * `applyHeaderOperations` makes it.
       */
      readonly late?: true;
      /** The rule's own changes begin here: their values see what the destination's have made of the headers. */
      readonly begins?: true;
    };

/** Faults drawn for this request. */
export interface Fault {
  /** Wait this long before anything else, in milliseconds. */
  readonly delayMs?: number;
  /** Then answer so instead of forwarding. */
  readonly abort?: { readonly httpStatus: number } | { readonly grpcStatus: number };
}

/** Envoy's RetryPolicy with Istio's defaults resolved. */
export interface RetryPolicy {
  /** Tries after the first one. */
  readonly attempts: number;
  /** Envoy's words: `connect-failure`, `refused-stream`, `5xx`, `cancelled`, `retriable-status-codes`, … */
  readonly retryOn: readonly string[];
  /** For `retriable-status-codes`. */
  readonly statusCodes: readonly number[];
  /** 0: the whole timeout. */
  readonly perTryTimeoutMs: number;
  /** Base of the exponential back-off; Envoy's default 25. */
  readonly backoffMs: number;
  /** Prefer an endpoint that was not tried yet (Istio's `previous_hosts` predicate). */
  readonly avoidPreviousHosts: boolean;
}

/** What of two answers is compared. */
export interface ComparePolicy {
  readonly status: boolean;
  readonly headers: boolean;
  /** Of JSON and gRPC by field. */
  readonly body: boolean;
  /** In lower case; besides those that no two answers have in common (`date`). */
  readonly ignoredHeaders: readonly string[];
  /** `user.updatedAt`, `items.*.id`; of gRPC by number: `1.3`. */
  readonly ignoredFields: readonly string[];
}

/** A copy of the request, whose answer the client never sees. */
export interface Mirror {
  readonly cluster: string;
  readonly destination?: Destination;
  /** Of the copy: Istio leaves the authority's `-shadow` suffix off. */
  readonly authority: string;
  readonly path: string;
  /** Absent: the copy's answer is thrown away. */
  readonly compare?: ComparePolicy;
}
