/**
 * What the recorded cases cannot say: fields without effect on a request, known gaps, and what the gateway's own
 * tests prove. Each note names a test, and the page is not made when there is no test of that name.
 */
import type { Kind } from '../../router/schema/kind.ts';

/** A word of the page about a field. */
export type Status = 'yes' | 'differs' | 'not yet';

/** About all fields of a kind whose path begins so. */
export interface Note {
  readonly kind: Kind;
  readonly path: string;
  readonly router?: Status;
  readonly gateway?: Status;
  /** In one sentence without a final period. */
  readonly why: string;
  /** The name of a test of the suite, of a recorded case, or of a file with recorded verdicts. */
  readonly test: string;
}

const VALIDATED = 'verdicts() says of each recorded document what istioctl and the API server said';

const KEPT = { why: 'validated, and read by nothing yet', test: VALIDATED };
const ENDPOINTS = {
  router: 'yes',
  gateway: 'yes',
  why: 'where endpoints are dialled, and how they are spoken to',
  test: 'listen() dials the port that an endpoint has, else the target port, of a WorkloadEntry too',
} as const;
const SELECTED = {
  router: 'yes',
  gateway: 'yes',
  why: 'a ServiceEntry finds its endpoints by their labels',
  test: 'compile() selects WorkloadEntries of the namespace by their labels, those of the metadata included',
} as const;
const WEIGHT = {
  path: 'endpoints[].weight',
  router: 'yes',
  gateway: 'yes',
  why: "an endpoint's share of its cluster's requests",
  test: 'createBalancer() takes turns by weight',
} as const;
/** Taken, and in Istio too without effect on where a request goes. */
const NO_EFFECT = { router: 'yes', gateway: 'yes' } as const;
const NAMES_NOTHING = {
  ...NO_EFFECT,
  why: 'a name that no request depends on',
  test: 'gateway-server-fields',
};
const REFUSED = { ...NO_EFFECT, why: 'refused, as Istio refuses it' };

/** What the gateway's own tests prove of tries, one field each. */
const RETRIES: readonly (readonly [field: string, why: string, test: string])[] = [
  [
    'attempts',
    'tries after the first one',
    'forward() gives the last answer when no try is left, flagged URX',
  ],
  [
    'perTryTimeout',
    'counted from the sending of a try on; in Envoy from its connection on',
    'forward() gives up a try whose time is over, and makes another where the rule asks for it',
  ],
  ['retryOn', "each of Envoy's words", 'retriesAnswer() knows the five gRPC words by the status in the head'],
  [
    'retryIgnorePreviousHosts',
    'another endpoint is preferred, unless the rule says no',
    'forward() takes the same endpoint where the rule does not avoid it',
  ],
  [
    'backoff',
    'the base; drawn below it, doubled each time, at most ten times it',
    'backoffMs() draws below an interval that doubles, up to ten times the base',
  ],
];

/** How a gateway's ports speak TLS with clients. */
const SERVER_TLS: readonly (readonly [path: string, why: string, test: string])[] = [
  [
    'mode',
    'PASSTHROUGH and AUTO_PASSTHROUGH are not there; on Deno SIMPLE alone',
    'listen() lets in whom a MUTUAL server knows, and nobody without a certificate',
  ],
  ...['credentialName', 'credentialNames[]', 'caCertCredentialName'].map(
    (field) =>
      [
        field,
        "a Secret of the gateway's own namespace, with `k8s://`, or of istiod with `xds://`; followed as it changes",
        'serve --config k8s:// --gateway shows the certificates of Secrets, and follows them',
      ] as const,
  ),
  ...[
    'serverCertificate',
    'privateKey',
    'caCertificates',
    'tlsCertificates[].serverCertificate',
    'tlsCertificates[].privateKey',
  ].map(
    (field) =>
      [
        field,
        'a file, followed as it changes',
        'listen() takes certificates from files that a Gateway names',
      ] as const,
  ),
  ...['minProtocolVersion', 'maxProtocolVersion', 'cipherSuites[]'].map(
    (field) =>
      [
        field,
        'but not on Deno, where such a server is closed',
        'listen() speaks the versions and ciphers that a server names alone',
      ] as const,
  ),
];

const DELAYED = {
  gateway: 'yes',
  why: "before anything else, and no part of the rule's timeout",
  test: 'injectFault() delays the request, and holds what comes of it meanwhile without crediting it',
} as const;

const ACCOUNT = {
  router: 'yes',
  gateway: 'yes',
  why: 'whom a certificate by ISTIO_MUTUAL may be for',
  test: 'compile() wants the TLS that a real istiod wants of the same rules',
} as const;

/** A field of DestinationRule that the gateway carries out. */
function destinationRule(path: string, why: string, test: string): Note {
  return { kind: 'DestinationRule', path, gateway: 'yes', why, test };
}

/** The first note that fits a field counts. */
export const NOTES: readonly Note[] = [
  ...RETRIES.map(
    ([field, why, test]): Note => ({
      kind: 'VirtualService',
      path: `http[].retries.${field}`,
      gateway: field === 'perTryTimeout' ? 'differs' : 'yes',
      why,
      test,
    }),
  ),
  ...['fixedDelay', 'percentage', 'percent'].map(
    (field): Note => ({ kind: 'VirtualService', path: `http[].fault.delay.${field}`, ...DELAYED }),
  ),
  {
    kind: 'VirtualService',
    path: 'tls[]',
    router: 'not yet',
    gateway: 'not yet',
    why: 'validated and kept; the gateway carries HTTP alone',
    test: VALIDATED,
  },
  {
    kind: 'VirtualService',
    path: 'tcp[]',
    router: 'not yet',
    gateway: 'not yet',
    why: 'validated and kept; the gateway carries HTTP alone',
    test: VALIDATED,
  },
  {
    kind: 'VirtualService',
    path: 'http[].match[].statPrefix',
    router: 'yes',
    gateway: 'not yet',
    why: "names Envoy's metrics and decides nothing; ours are by host, subset and route",
    test: 'match-stat-prefix',
  },
  {
    kind: 'VirtualService',
    path: 'http[].timeout',
    gateway: 'yes',
    why: '504 when it is over, and the upstream is cancelled',
    test: "listen() answers 504 when the rule's timeout is over and cancels the upstream",
  },
  {
    kind: 'VirtualService',
    path: 'http[].fault.delay.exponentialDelay',
    ...REFUSED,
    test: '092-fault-delay-exponential.yaml',
  },
  {
    kind: 'VirtualService',
    path: 'http[].fault.abort.http2Error',
    ...REFUSED,
    test: 'fault-abort-http2-error.yaml',
  },
  {
    kind: 'VirtualService',
    path: 'http[].retries.retryRemoteLocalities',
    router: 'not yet',
    gateway: 'not yet',
    why: 'endpoints of rules are asked alike, wherever they are',
    test: 'limitationsOf() warns of retries that are to go to other localities',
  },
  ...[
    ['http[].route[].headers.response.remove[]', 'headers-destination-response-remove'],
    ['http[].mirrors[].destination.subset', 'mirrors-subset'],
  ].map(
    ([path, test]): Note => ({
      kind: 'VirtualService',
      path: path!,
      gateway: 'yes',
      why: 'the case passes through listeners and upstreams, too',
      test: test!,
    }),
  ),
  {
    kind: 'VirtualService',
    path: 'http[].redirect.prefixRewrite',
    router: 'yes',
    why: 'takes the place of the prefix matched',
    test: "route() replaces a redirect's prefix",
  },
  destinationRule(
    'trafficPolicy.loadBalancer.simple',
    "picks as Envoy does; PASSTHROUGH goes where the client dialled with `listen({ useOriginalDst })`, and else takes any endpoint, as a service's own address would",
    'createBalancer() by LEAST_REQUEST prefers the endpoint with less under way',
  ),
  ...['path', 'ttl', 'attributes'].map((field) =>
    destinationRule(
      `trafficPolicy.loadBalancer.consistentHash.httpCookie.${field}${field === 'attributes' ? '[]' : ''}`,
      'of the cookie that is made where a request has none',
      field === 'attributes'
        ? 'setCookieValue() writes a cookie as Envoy was recorded to'
        : 'listen() sets the cookie that a rule hashes by, and sends its client to the same endpoint from then on',
    ),
  ),
  ...['ringHash.minimumRingSize', 'minimumRingSize'].map((field) =>
    destinationRule(
      `trafficPolicy.loadBalancer.consistentHash.${field}`,
      'the ring is built as Envoy builds it',
      'createBalancer() by hash gives shares by weight',
    ),
  ),
  destinationRule(
    'trafficPolicy.loadBalancer.consistentHash',
    'over the recorded addresses every recorded choice is the same',
    'hashRequest() and the tables choose the endpoints that Envoy chose',
  ),
  ...['warmupDurationSecs', 'warmup'].map((field) =>
    destinationRule(
      `trafficPolicy.loadBalancer.${field}`,
      "an endpoint's share grows as Envoy's does",
      'createBalancer() warms a new endpoint up, and forgets about it afterwards',
    ),
  ),
  ...['localityLbSetting', 'zoneAwareLbSetting'].map((field): Note => {
    const path = `trafficPolicy.loadBalancer.${field}`;
    return { kind: 'DestinationRule', path, router: 'not yet', gateway: 'not yet', ...KEPT };
  }),
  ...['tunnel', 'proxyProtocol'].map((field): Note => {
    return {
      kind: 'DestinationRule',
      path: `trafficPolicy.${field}`,
      router: 'not yet',
      gateway: 'not yet',
      ...KEPT,
    };
  }),
  ...[
    [
      'tcp.maxConnections',
      'Http1Upstream opens one connection, lets one request wait, and refuses the others',
    ],
    [
      'http.http1MaxPendingRequests',
      'Http1Upstream opens one connection, lets one request wait, and refuses the others',
    ],
    ['tcp.connectTimeout', 'connect() gives up after the time that is written, TLS included'],
    [
      'http.http2MaxRequests',
      'listen() answers 503 with UO and x-envoy-overloaded beyond a limit of requests',
    ],
    [
      'http.maxRequestsPerConnection',
      'Http1Upstream closes a connection after as many requests as it may have',
    ],
    [
      'http.maxConcurrentStreams',
      'Http2Upstream puts no more streams on a connection than it may have, and waits at its limit',
    ],
    [
      'tcp.maxConnectionDuration',
      'createRemoteUpstream() sends no request over a connection that is as old as one may be',
    ],
    ['tcp.idleTimeout', 'createRemoteUpstream() closes a connection that has been idle for its time'],
    ['http.idleTimeout', 'createRemoteUpstream() closes a connection that has been idle for its time'],
    ['http.maxRetries', 'forward() makes no retry where the cluster has too many, flagged UO'],
    ['http.h2UpgradePolicy', 'compile() speaks HTTP/2 to endpoints where h2UpgradePolicy says so'],
    [
      'http.useClientProtocol',
      'listen() speaks to an endpoint as its client does where useClientProtocol says so',
    ],
  ].map(([field, test]) =>
    destinationRule(
      `trafficPolicy.connectionPool.${field}`,
      "as Envoy's pools, over all endpoints of a cluster",
      test!,
    ),
  ),
  destinationRule(
    'trafficPolicy.connectionPool.tcp.tcpKeepalive.time',
    'the silence after which the system probes a connection',
    'connect() has the system probe a connection that is silent for the time that is written',
  ),
  ...['percent', 'minRetryConcurrency'].map((field) =>
    destinationRule(
      `trafficPolicy.retryBudget.${field}`,
      'of what is under way',
      'CircuitBreaker bounds retries by a budget of what is under way, but not below the least',
    ),
  ),
  {
    kind: 'DestinationRule',
    path: 'trafficPolicy.retryBudget.budgetInterval',
    gateway: 'not yet',
    why: 'requests that are over do not count; of `xds://` it is not read',
    test: 'limitationsOf() warns of a budget of retries by requests that are over',
  },
  destinationRule(
    'trafficPolicy.tls.caCrl',
    'a file, read for each connection; on Deno, which takes none, no connection is made',
    'createRemoteUpstream() refuses a certificate that is on the list of revoked ones',
  ),
  {
    kind: 'DestinationRule',
    path: 'trafficPolicy.connectionPool.http.http2KeepAlive',
    gateway: 'differs',
    why: 'a connection is asked when it was silent for the interval while calls are open, not at every interval',
    test: 'compilePolicy() reads every field of a connectionPool',
  },
  ...[
    [
      'splitExternalLocalOriginErrors',
      'HostMonitor counts local failures apart in split mode, and a connection that was there as a success',
    ],
    [
      'consecutiveLocalOriginFailures',
      'HostMonitor counts local failures apart in split mode, and a connection that was there as a success',
    ],
    ['consecutiveGatewayErrors', 'HostMonitor counts 502, 503 and 504 apart where that is asked for'],
    ['minHealthPercent', 'RunningCluster uses all endpoints when fewer than minHealthPercent are left'],
    [
      'maxEjectionPercent',
      'OutlierDetector takes out no more than the percentage, and counts what it would have',
    ],
    ['interval', 'OutlierDetector lets an endpoint come back at an interval, later with each ejection'],
    [
      'baseEjectionTime',
      'OutlierDetector lets an endpoint come back at an interval, later with each ejection',
    ],
    [
      'consecutive5xxErrors',
      'listen() takes an endpoint out that keeps failing, in process too, and shows it among the clusters',
    ],
  ].map(([field, test]) =>
    destinationRule(
      `trafficPolicy.outlierDetection.${field}`,
      "Envoy's rules, held against its recorded ejections",
      test!,
    ),
  ),
  ...['consecutiveErrors', 'outlierDetectionHttpErrorCodes'].map((field): Note => {
    const path = `trafficPolicy.outlierDetection.${field}${field.endsWith('s') && field !== 'consecutiveErrors' ? '[]' : ''}`;
    return {
      kind: 'DestinationRule',
      path,
      ...NO_EFFECT,
      why: "no effect, as Istio's own compiler does not read it",
      test: 'dr-no-effect',
    };
  }),
  destinationRule(
    'trafficPolicy.tls.mode',
    'ISTIO_MUTUAL wants a workload certificate, of istiod or in files (docs/sources.md), and sockets; of a Kubernetes Service it is, without subjectAltNames, the Pod that is dialled, where Istio takes any service account of the Service; no automatic mutual TLS for rules in files and k8s://, as PeerAuthentication, which may switch it off for a workload, is not read: a DestinationRule for `*.local` says it for all (docs/sources.md)',
    'createGateway() with rules of a cluster wants the certificate of the Pod behind an endpoint',
  ),
  destinationRule(
    'trafficPolicy.tls.sni',
    'by SIMPLE and MUTUAL a name sent as SNI is verified too, where Istio looks at no name',
    'createRemoteUpstream() by SIMPLE sends and verifies the host of each request, or the sni that is written',
  ),
  destinationRule(
    'trafficPolicy.tls.credentialName',
    'a Secret, with `k8s://`, or of istiod with `xds://`; read for each connection. A sidecar takes it from a rule with a workloadSelector alone, as in Istio',
    'createGateway() at the edge shows the certificates of Secrets that it reads itself',
  ),
  ...['clientCertificate', 'privateKey', 'caCertificates'].map((field) =>
    destinationRule(
      `trafficPolicy.tls.${field}`,
      'a file, read for each connection',
      'createRemoteUpstream() by MUTUAL shows its certificate, read anew for each connection',
    ),
  ),
  destinationRule(
    'trafficPolicy.tls.insecureSkipVerify',
    'any certificate will do',
    'createRemoteUpstream() by SIMPLE trusts nobody unknown, and anybody where that is asked for',
  ),
  destinationRule(
    'trafficPolicy.tls.subjectAltNames[]',
    'any of them',
    'createRemoteUpstream() by SIMPLE takes a certificate for any of subjectAltNames',
  ),
  ...['loadBalancer', 'port'].map((field) =>
    destinationRule(
      `trafficPolicy.portLevelSettings[].${field}${field === 'port' ? '.number' : ''}`,
      'in turns as recorded',
      'RunningCluster is held against every recorded case of outlier detection but the quirk',
    ),
  ),
  ...['trafficPolicy.portLevelSettings[]', 'subsets[].trafficPolicy'].map((path) =>
    destinationRule(
      path,
      'a cluster has one policy, from whichever part of a rule it is',
      path.startsWith('subsets') ? 'lb-subset-override' : 'dr-port-level',
    ),
  ),
  {
    kind: 'ServiceEntry',
    path: 'resolution',
    gateway: 'differs',
    why: "names are looked up and kept as Envoy does; with NONE a request goes to the service's host, or what it names of a wildcard, as no client's dialled address is known",
    test: 'listen() looks names of a ServiceEntry up, and goes where a request says without endpoints',
  },
  ...[
    'ports[].protocol',
    'ports[].name',
    'ports[].targetPort',
    'endpoints[].address',
    'endpoints[].ports{}',
  ].map((path): Note => ({ kind: 'ServiceEntry', path, ...ENDPOINTS })),
  { kind: 'ServiceEntry', ...WEIGHT },
  { kind: 'ServiceEntry', path: 'workloadSelector.labels{}', ...SELECTED },
  {
    kind: 'ServiceEntry',
    path: 'location',
    ...NO_EFFECT,
    why: 'no request goes elsewhere by it; in Istio it decides on automatic mutual TLS',
    test: 'se-no-effect',
  },
  {
    kind: 'ServiceEntry',
    path: 'subjectAltNames[]',
    gateway: 'yes',
    why: 'as the subjectAltNames of a DestinationRule that has none',
    test: 'createRemoteUpstream() by SIMPLE takes a certificate for any of subjectAltNames',
  },
  ...(['ServiceEntry', 'WorkloadEntry'] as const).flatMap((kind) =>
    ['locality', 'network'].map(
      (field): Note => ({
        kind,
        path: kind === 'ServiceEntry' ? `endpoints[].${field}` : field,
        router: 'not yet',
        gateway: 'not yet',
        why: 'endpoints of rules are asked alike, wherever they are; those of `xds://` as istiod says',
        test: 'se-no-effect',
      }),
    ),
  ),
  { kind: 'ServiceEntry', path: 'endpoints[].serviceAccount', ...ACCOUNT },
  { kind: 'WorkloadEntry', path: 'labels{}', ...SELECTED },
  ...['address', 'ports{}'].map((path): Note => ({ kind: 'WorkloadEntry', path, ...ENDPOINTS })),
  { kind: 'WorkloadEntry', ...WEIGHT, path: 'weight' },
  { kind: 'WorkloadEntry', path: 'serviceAccount', ...ACCOUNT },
  ...['name', 'port.name'].map(
    (field): Note => ({ kind: 'Gateway', path: `servers[].${field}`, ...NAMES_NOTHING }),
  ),
  {
    kind: 'Gateway',
    path: 'servers[].defaultEndpoint',
    ...NO_EFFECT,
    why: "no effect, as Istio's own compiler does not read it",
    test: 'gateway-server-fields',
  },
  { kind: 'Gateway', path: 'servers[].port.targetPort', ...REFUSED, test: 'gateway-server-target-port.yaml' },
  {
    kind: 'Gateway',
    path: 'servers[].bind',
    router: 'not yet',
    gateway: 'not yet',
    why: 'where to listen is said by `listen()` or `--port`, and the servers of one port are one listener',
    test: VALIDATED,
  },
  {
    kind: 'Gateway',
    path: 'servers[].tls.httpsRedirect',
    router: 'yes',
    why: 'plain requests are sent to https',
    test: "compile() redirects plain requests where a Gateway's server says so",
  },
  ...SERVER_TLS.map(
    ([path, why, test]): Note => ({
      kind: 'Gateway',
      path: `servers[].tls.${path}`,
      // Of connections alone: the case `gateway-server-tls` has all of them, and Istio's routes.
      ...NO_EFFECT,
      why,
      test,
    }),
  ),
  {
    kind: 'Gateway',
    path: 'servers[].tls',
    router: 'not yet',
    gateway: 'not yet',
    why: 'connections to such a server are closed, as without it others might be let in',
    test: 'listen() lets nobody in by a server with a condition that is not carried out',
  },
];
