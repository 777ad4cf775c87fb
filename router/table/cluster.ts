/**
 * Where requests can go: services with endpoints, and the clusters that rules make of them (one for a
 * service's port, one more for each subset). Plain data; imports nothing.
 */

/** A service and port, or one subset of it, as a rule's destination resolves. */
export interface Destination {
  /** Fully qualified: `dubbo-go-server.default.svc.cluster.local`, or a ServiceEntry's host. */
  readonly host: string;
  readonly subset?: string;
  readonly port: number;
}

/** A service that destinations can name: from code, a ServiceEntry, or Kubernetes. */
export interface Service {
  /** Fully qualified host; `*.example.com` for a wildcard ServiceEntry. */
  readonly host: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly Endpoint[];
  /** Virtual addresses the service also answers to (Kubernetes cluster IP, ServiceEntry addresses). */
  readonly addresses?: readonly string[];
  /** `kubernetes`: short names resolve to it (also the default for services in code); `external`: a ServiceEntry's host, exact names only. */
  readonly registry?: 'kubernetes' | 'external';
  /** Namespaces that see it: `*`, `.`, or names. Default `*`. */
  readonly exportTo?: readonly string[];
  /** RFC 3339; the older service wins a host claimed twice. */
  readonly creationTimestamp?: string;
  /**
   * How endpoints are found. Default `STATIC`. `DNS`: endpoint addresses are names, each of whose addresses is an
   * endpoint; `DNS_ROUND_ROBIN`: one address at a time; `NONE`: the original destination.
   */
  readonly resolution?: 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS' | 'NONE';
  /**
   * A Kubernetes Service of type ExternalName: another name of the service with this host, which takes its requests.
   * It has no endpoints and no cluster.
   */
  readonly externalName?: string;
  /** The service's own; ServiceEntries of one host are one service only where these and the selector are alike. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels that its endpoints were selected by. */
  readonly selector?: Readonly<Record<string, string>>;
  /** Names that endpoints' certificates may be for, where no DestinationRule says some. */
  readonly subjectAltNames?: readonly string[];
}

/** One port of a service. */
export interface ServicePort {
  readonly name: string;
  readonly number: number;
  /** Istio's protocol name in upper case: `HTTP`, `HTTP2`, `GRPC`, `HTTPS`, `TCP`, … `GRPC` and `HTTP2` go upstream over HTTP/2. */
  readonly protocol: string;
}

/** One place that serves a service. */
export interface Endpoint {
  /** Unique within the service; `10.0.0.1:8080`, or the in-process name. Stable over reloads. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly target: EndpointTarget;
  /** Load-balancing weight among the endpoints. Default 1. */
  readonly weight?: number;
  /** As whom it is known in its mesh: `spiffe://cluster.local/ns/default/sa/reviews`. Absent: not known. */
  readonly serviceAccount?: string;
}

/** How an endpoint is reached. */
export type EndpointTarget =
  /** `ports` maps a service port's name to the endpoint's own port, where it differs from the service's. */
  | {
      readonly kind: 'socket';
      readonly address: string;
      readonly ports?: Readonly<Record<string, number>>;
      /** `NAMESPACE/NAME` of the Pod that has the address. Absent: not known. */
      readonly pod?: string;
    }
  | { readonly kind: 'unix'; readonly path: string }
  /** Registered in code with the gateway under {@link Endpoint.id}. */
  | { readonly kind: 'in-process' };

/** One routable group of endpoints: a service's port, or a subset of it. */
export interface Cluster {
  /** `outbound|PORT|SUBSET|HOST`. */
  readonly name: string;
  readonly destination: Destination;
  /** Protocol spoken to the endpoints. */
  readonly protocol: 'http1' | 'http2';
  /** With `in-process` and `socket` mixed freely. */
  readonly endpoints: readonly ClusterEndpoint[];
  /** Labels of a subset's endpoints, for those that come later than the table. Absent: the whole service, or not known. */
  readonly selector?: Readonly<Record<string, string>>;
  /** As the service's; absent for `STATIC`. */
  readonly resolution?: 'DNS' | 'DNS_ROUND_ROBIN' | 'NONE';
  /** From the DestinationRule: the subset's settings over the rule's own. */
  readonly policy: TrafficPolicy;
}

/** An endpoint as one cluster sees it: its port resolved. */
export type ClusterEndpoint = Readonly<{
  id: string;
  labels: Readonly<Record<string, string>>;
  weight: number;
  /** It takes mutual TLS as workloads of a mesh do. Absent: it is not known to. */
  tlsMode?: 'istio';
  /** Absent: it stands beside all others that say nothing of it. */
  place?: EndpointPlace;
}> &
  (
    | {
        readonly kind: 'socket';
        readonly address: string;
        readonly port: number;
        /** See {@link EndpointTarget}. */
        readonly pod?: string;
      }
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'in-process' }
  );

/** Where an endpoint stands among those of its cluster, as a control plane says. */
export interface EndpointPlace {
  /** 0 is asked first; the next one for what those before are not well enough for. */
  readonly priority: number;
  /** Which of the localities, from 0 on. */
  readonly locality: number;
  /** The locality's share of its priority, where shares count. 0: none. */
  readonly localityWeight: number;
  /** So much more than its part the well endpoints of a priority or locality take before others have to, in percent: 140. */
  readonly overprovisioningPercent: number;
  /** It takes no requests, and counts for how well the others are. */
  readonly isDown?: true;
}

/** A DestinationRule's trafficPolicy with Istio's and Envoy's defaults resolved, for one cluster. */
export interface TrafficPolicy {
  readonly loadBalancer: LoadBalancer;
  /** Localities take requests by their weights. Default false: they are not told apart. */
  readonly isLocalityWeighted?: true;
  /** Absent: no limits, and the defaults of {@link ConnectionPool}. */
  readonly connectionPool?: ConnectionPool;
  /** Absent: endpoints are never taken out. */
  readonly outlierDetection?: OutlierDetection;
  /** Absent: plaintext. */
  readonly tls?: ClientTls;
  /** Bounds retries by the requests under way, in place of {@link ConnectionPool.maxRetries}. */
  readonly retryBudget?: RetryBudget;
}

/** How an endpoint is picked. Istio's default is LEAST_REQUEST. */
export type LoadBalancer =
  | { readonly kind: 'ROUND_ROBIN' | 'LEAST_REQUEST'; readonly warmup?: Warmup }
  | { readonly kind: 'RANDOM' | 'PASSTHROUGH' }
  /**
   * `tableSize`: the least entries of a ring, the exact and prime number of a Maglev table. What is hashed stands in
   * each route; `hash` is what the rule asked for, absent where a control plane does not tell.
   */
  | { readonly kind: 'RING_HASH' | 'MAGLEV'; readonly hash?: HashPolicy; readonly tableSize: number };

/** A new endpoint's share grows from `minimumPercent` of its weight to all of it over `durationMs`. */
export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number;
  /** 1: the share grows in a straight line; above: quickly at first. */
  readonly aggression: number;
}

/** What consistent hashing hashes. */
export type HashPolicy =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' }
  /** Nothing, so that any endpoint will do: `useSourceIp: false`. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path?: string;
      /** Set: a cookie is made where the request has none, for so long; 0 for the client's session. */
      readonly ttlMs?: number;
      readonly attributes?: readonly { readonly name: string; readonly value: string }[];
    };

/** Limits on connections and requests. An absent limit is none; they count for the cluster, not for one endpoint. */
export interface ConnectionPool {
  /** Connections at a time; an endpoint without any may open one beyond. */
  readonly maxConnections?: number;
  /** Requests that wait for a connection, of either protocol. */
  readonly http1MaxPendingRequests?: number;
  /** Requests under way, of either protocol. */
  readonly http2MaxRequests?: number;
  /** Retries under way. */
  readonly maxRetries?: number;
  /** A connection is closed after so many. */
  readonly maxRequestsPerConnection?: number;
  /** Of one HTTP/2 connection. */
  readonly maxConcurrentStreams?: number;
  /** Default 10 s. */
  readonly connectTimeoutMs: number;
  /** Of a connection without requests; 0: for ever. Default 1 h. */
  readonly idleTimeoutMs: number;
  /** A connection takes no new requests when it is so old. Absent: at any age. */
  readonly maxConnectionDurationMs?: number;
  /** Set, even to nothing: the system probes silent connections. */
  readonly tcpKeepalive?: TcpKeepalive;
  /** A PING goes out so often, and its answer is waited for so long. */
  readonly http2KeepAlive?: { readonly intervalMs?: number; readonly timeoutMs?: number };
  /** The endpoint is spoken to in the protocol that the client speaks. */
  readonly useClientProtocol?: true;
}

/** Absent fields: the system's own. */
export interface TcpKeepalive {
  readonly probes?: number;
  /** Silence before the first probe. */
  readonly timeMs?: number;
  /** Between probes. */
  readonly intervalMs?: number;
}

/** When an endpoint is taken out for a while. A threshold of 0 never is reached. */
export interface OutlierDetection {
  /** Failures in a row: answers of 500 and above, and with {@link splitLocalOrigin} false tries without an answer. Default 5. */
  readonly consecutive5xx: number;
  /** The same for 502, 503 and 504 alone. Default 0. */
  readonly consecutiveGatewayErrors: number;
  /** Tries without an answer in a row; only with {@link splitLocalOrigin}. Default 5. */
  readonly consecutiveLocalOriginFailures: number;
  /** Tries without an answer (refused, reset, timed out) are counted apart from answers. Default false. */
  readonly splitLocalOrigin: boolean;
  /** How often it is looked who may come back. Default 10 s. */
  readonly intervalMs: number;
  /** Times the number of ejections, at most {@link maxEjectionTimeMs}. Default 30 s. */
  readonly baseEjectionTimeMs: number;
  /** Default 300 s, or the base where that is longer. */
  readonly maxEjectionTimeMs: number;
  /** Of the cluster's endpoints, no more are out at a time. Default 10. */
  readonly maxEjectionPercent: number;
  /** With fewer in than that, all endpoints are used, as if none were out: Envoy's panic. Default 0: never. */
  readonly minHealthPercent: number;
}

/** TLS towards the endpoints. Files are paths as written, PEM. */
export interface ClientTls {
  /** `ISTIO_MUTUAL`: as workloads of a mesh, by the certificates that its authority issues, in place of files. */
  readonly mode: 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  /** Automatic mutual TLS: to endpoints whose {@link ClusterEndpoint.tlsMode} says so, and plaintext to others. */
  readonly isAutomatic?: true;
  /** Sent as SNI. Absent: the host of each request's authority. */
  readonly sni?: string;
  /** Names that the certificate may be for. Empty: the name sent as SNI; by `ISTIO_MUTUAL`: any of the mesh. */
  readonly subjectAltNames: readonly string[];
  /** Who may have signed the endpoint's certificate. Absent: those that the system trusts. */
  readonly caCertificates?: string;
  readonly caCrl?: string;
  /** Name of the secret with the client's own, in place of files: `kubernetes://reviews-client`. */
  readonly certificateSecret?: string;
  /** Name of the secret with who may have signed the endpoint's certificate, in place of a file. */
  readonly rootSecret?: string;
  /** The client's own, of mode MUTUAL. */
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  /** True: any certificate will do. */
  readonly insecureSkipVerify: boolean;
}

/** Retries under way are at most `percent` of the requests under way, but always `minRetryConcurrency`. */
export interface RetryBudget {
  /** Default 20. */
  readonly percent: number;
  /** Default 3. */
  readonly minRetryConcurrency: number;
  /** Requests begun so long ago count too. Default 0. */
  readonly budgetIntervalMs: number;
}
