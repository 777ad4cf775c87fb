/**
 * The compiled rules: what a request is matched against. Plain readonly data that survives JSON, so that a
 * table made at build time runs on an edge without YAML or schemas. Regexes are kept as source text and as
 * the program made of it, and what users name is kept in pairs, never as keys of an object. Imports types only.
 */
import type { Cluster, HashPolicy } from './cluster.ts';
import type { ComparePolicy, HeaderOperation, RetryPolicy, RuleOrigin } from './decision.ts';
import type { RegexProgram } from './regex.ts';
import type { ServerTls } from './server-tls.ts';

/** Every rule that one client, sidecar or gateway, obeys. */
export interface RouteTable {
  /** Of this data's shape; a reader refuses a table of another format. */
  readonly format: 1;
  /** One per service port, as an Istio proxy has a listener for each. */
  readonly listeners: readonly Listener[];
  /** What a request meets on a port that has no listener. */
  readonly fallback: Listener;
  /** Every group of endpoints that a route can name. */
  readonly clusters: readonly Cluster[];
}

/** The virtual hosts of one port: Envoy's RouteConfiguration. */
export interface Listener {
  readonly port: number;
  /** In the order Istio writes them; domains are unique over all of them. */
  readonly virtualHosts: readonly VirtualHost[];
  /** The port in a request's authority is forgotten before its virtual host is looked for. */
  readonly ignorePortInHost: boolean;
  /** A client's own `x-forwarded-proto` says which scheme an HTTP/1.1 request has; a gateway, at the edge, overrules it. */
  readonly trustForwardedProto: boolean;
  /** How paths are normalised before anything is matched: MeshConfig's `pathNormalization`. */
  readonly normalization: PathNormalization;
  /** A gateway's servers that end TLS: with one the port speaks nothing else. Absent: plaintext. */
  readonly tls?: readonly ServerTls[];
}

/** Istio's words: dots and unreserved escapes resolved, then also `//`, then also `%2F`. */
export type PathNormalization = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

/** The routes of one or more domains. */
export interface VirtualHost {
  /** As Istio names it: `reviews.default.svc.cluster.local:80`, `allow_any`. */
  readonly name: string;
  /** Exact (`reviews`), suffix (`*.example.com`), prefix (`example.*`) or `*`, in lower case. */
  readonly domains: readonly string[];
  /** Tried in order; the first whose match holds is taken. */
  readonly routes: readonly Route[];
  /** A gateway's server that redirects every plain request to https. */
  readonly httpsRedirect?: boolean;
}

/** One condition with what happens when it holds. */
export interface Route {
  /** `http[].name`, with the match's own name after a dot; absent without a name. */
  readonly name?: string;
  /** Absent for routes that no rule wrote (`default`, `allow_any`). */
  readonly origin?: RuleOrigin;
  readonly match: RouteMatch;
  readonly action: ForwardAction | RedirectAction | DirectResponseAction;
  /** Values are Envoy's format strings. */
  readonly requestHeaders: readonly HeaderOperation[];
  /** Values are Envoy's format strings. */
  readonly responseHeaders: readonly HeaderOperation[];
  readonly cors?: CorsPolicy;
  readonly fault?: FaultPolicy;
}

/** All conditions hold, or the route is passed over. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Sorted by name as Istio sorts them; `:method`, `:authority` and `:scheme` come last. */
  readonly headers: readonly HeaderMatch[];
  readonly queryParams: readonly QueryParamMatch[];
  /** JWT claims were asked for. Without a verified token no such condition can hold. */
  readonly claims: readonly string[];
}

/** Of the path without its query. `regex` has to match all of it; `ignoreCase` is for `exact` and `prefix` alone. */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly value: string;
  readonly ignoreCase: boolean;
  /** Of a regex; absent where RE2 refuses it, which matches nothing. */
  readonly program?: RegexProgram;
}

/** Istio's StringMatch, resolved. `any` holds for every value that is there. */
export type StringMatch =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact' | 'prefix'; readonly value: string }
  /** `program` is absent where RE2 refuses the regex, which matches nothing. */
  | { readonly kind: 'regex'; readonly value: string; readonly program?: RegexProgram };

/** One header's condition. */
export interface HeaderMatch {
  /** In lower case. */
  readonly name: string;
  readonly value: StringMatch;
  /** `withoutHeaders`: holds where the condition does not. */
  readonly invert: boolean;
}

/** One query parameter's condition. */
export interface QueryParamMatch {
  readonly name: string;
  readonly value: StringMatch;
}

/** Send the request to one of the destinations. */
export interface ForwardAction {
  readonly kind: 'forward';
  /** One is taken with a chance of its weight over the sum of all. Empty: nothing is left to go to. */
  readonly destinations: readonly WeightedCluster[];
  readonly rewrite?: Rewrite;
  /** Milliseconds; 0 is no limit. */
  readonly timeoutMs: number;
  readonly retry?: RetryPolicy;
  readonly mirrors: readonly MirrorPolicy[];
  readonly hashPolicy: readonly HashPolicy[];
  /** Beyond Istio: a key of the request decides among the destinations. Absent: chance does. */
  readonly sticky?: StickySplit;
  /** Beyond Istio: a trusted client may name the destination. Absent: nobody may. */
  readonly preview?: PreviewPolicy;
}

/** What of a request decides where a split sends it. */
export type SplitKey = { readonly kind: 'header' | 'cookie'; readonly name: string };

/** A split by a key, for requests that have one. */
export interface StickySplit {
  readonly key: SplitKey;
  /** One for each destination, whatever its weight. */
  readonly seeds: readonly number[];
}

/** A subset named in a header, which is reached even at weight 0. */
export interface PreviewPolicy {
  /** In lower case; its value is a subset's name. */
  readonly header: string;
  /** All that the rule names with a subset. */
  readonly destinations: readonly PreviewDestination[];
  /** Everybody that obeys this table is trusted: it is that of a namespace that is. */
  readonly everyClient: boolean;
  /** Address ranges of trusted clients, as text: `10.0.0.0/8`. */
  readonly ranges: readonly string[];
}

/** See {@link PreviewPolicy}. */
export interface PreviewDestination extends WeightedCluster {
  readonly subset: string;
}

/** One destination of a split. */
export interface WeightedCluster {
  /** May name a cluster that does not exist: the request is then answered 503 `NC`. */
  readonly cluster: string;
  readonly weight: number;
  /** Applied before the route's own. */
  readonly requestHeaders: readonly HeaderOperation[];
  /** Applied before the route's own. */
  readonly responseHeaders: readonly HeaderOperation[];
  /** Replaces the authority, unless the route's rewrite does. */
  readonly authority?: string;
}

/** Changes to the request's path and authority. At most one of `uri` and `regex`. */
export interface Rewrite {
  /** Takes the place of the prefix matched, or of the whole path where an exact path or a regex matched. */
  readonly uri?: string;
  /** Every match within the path is replaced; `\1` is the first group, `\0` all of it. Without a program, none is. */
  readonly regex?: {
    readonly pattern: string;
    readonly replacement: string;
    readonly program?: RegexProgram;
  };
  readonly authority?: string;
}

/** Copies of the request sent elsewhere. */
export interface MirrorPolicy {
  readonly cluster: string;
  readonly fraction: Fraction;
  /** Beyond Istio: the copy's answer is compared with the client's. Absent: it is thrown away. */
  readonly compare?: ComparePolicy;
}

/** A chance of `numerator` in `denominator`. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** Answer with a redirect. */
export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: number;
  readonly scheme?: string;
  readonly authority?: string;
  readonly port?: number;
  /** The whole new path; the request's query follows unless it has one of its own. */
  readonly uri?: string;
  /** Takes the place of the prefix matched, as a rewrite does. */
  readonly prefix?: string;
}

/** Answer with a fixed response. */
export interface DirectResponseAction {
  readonly kind: 'direct-response';
  readonly status: number;
  /** `base64` holds bytes that are no text. */
  readonly body?: { readonly kind: 'text' | 'base64'; readonly value: string };
}

/** Who may call from another origin. */
export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  /** Seconds, as the header says it. */
  readonly maxAge?: string;
  readonly allowCredentials?: boolean;
  /** A preflight from an origin that is not allowed goes to the upstream, not answered here. */
  readonly forwardUnmatchedPreflights: boolean;
}

/** Faults to draw for each request. */
export interface FaultPolicy {
  readonly delay?: { readonly fraction: Fraction; readonly delayMs: number };
  readonly abort?: {
    readonly fraction: Fraction;
    readonly status: { readonly httpStatus: number } | { readonly grpcStatus: number };
  };
}
