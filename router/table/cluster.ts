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
  /** How endpoints are found. Default `STATIC`. `DNS`: endpoint addresses are names; `NONE`: the original destination. */
  readonly resolution?: 'STATIC' | 'DNS' | 'NONE';
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
}

/** How an endpoint is reached. */
export type EndpointTarget =
  /** `ports` maps a service port's name to the endpoint's own port, where it differs from the service's. */
  | { readonly kind: 'socket'; readonly address: string; readonly ports?: Readonly<Record<string, number>> }
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
  /** From the DestinationRule: the subset's settings over the rule's own. */
  readonly policy: TrafficPolicy;
}

/** An endpoint as one cluster sees it: its port resolved. */
export type ClusterEndpoint = Readonly<{
  id: string;
  labels: Readonly<Record<string, string>>;
  weight: number;
}> &
  (
    | { readonly kind: 'socket'; readonly address: string; readonly port: number }
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'in-process' }
  );

/** A DestinationRule's trafficPolicy with Istio's defaults resolved, for one cluster. */
export interface TrafficPolicy {
  readonly loadBalancer: LoadBalancer;
  /** Upper bounds; absent: none. */
  readonly connectionPool?: Readonly<Record<string, unknown>>;
  readonly outlierDetection?: Readonly<Record<string, unknown>>;
  readonly tls?: Readonly<Record<string, unknown>>;
}

/** How an endpoint is picked. Istio's default is LEAST_REQUEST. */
export type LoadBalancer =
  | { readonly kind: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'PASSTHROUGH' }
  | { readonly kind: 'RING_HASH' | 'MAGLEV'; readonly hash: HashPolicy; readonly tableSize: number };

/** What consistent hashing hashes. */
export type HashPolicy =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'cookie'; readonly name: string; readonly path?: string; readonly ttlMs?: number };
