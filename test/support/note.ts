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
  why: 'where endpoints are dialled, and how they are spoken to',
  test: "compile() makes endpoints of a ServiceEntry, an endpoint's own port before the target port",
};
const SELECTED = {
  why: 'a ServiceEntry finds its endpoints by their labels',
  test: 'compile() selects WorkloadEntries of the namespace by their labels, those of the metadata included',
};

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

const DELAYED = {
  gateway: 'yes',
  why: "before anything else, and no part of the rule's timeout",
  test: 'injectFault() delays the request, and holds what comes of it meanwhile without crediting it',
} as const;

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
    router: 'yes',
    why: 'refused, as Istio refuses it',
    test: '092-fault-delay-exponential.yaml',
  },
  {
    kind: 'VirtualService',
    path: 'http[].redirect.prefixRewrite',
    router: 'yes',
    why: 'takes the place of the prefix matched',
    test: "route() replaces a redirect's prefix",
  },
  {
    kind: 'DestinationRule',
    path: 'trafficPolicy.loadBalancer.simple',
    gateway: 'yes',
    why: 'ROUND_ROBIN, RANDOM and LEAST_REQUEST pick as Envoy does',
    test: 'createBalancer() by LEAST_REQUEST prefers the endpoint with less under way',
  },
  ...[
    'trafficPolicy.loadBalancer.localityLbSetting',
    'trafficPolicy.loadBalancer.zoneAwareLbSetting',
    'trafficPolicy.loadBalancer.warmupDurationSecs',
    'trafficPolicy.loadBalancer.warmup',
    'trafficPolicy.tunnel',
    'trafficPolicy.proxyProtocol',
    'trafficPolicy.retryBudget',
  ].map((path): Note => ({ kind: 'DestinationRule', path, router: 'not yet', gateway: 'not yet', ...KEPT })),
  ...[
    'ports[].protocol',
    'ports[].name',
    'ports[].targetPort',
    'endpoints[].address',
    'endpoints[].ports{}',
  ].map((path): Note => ({ kind: 'ServiceEntry', path, router: 'yes', ...ENDPOINTS })),
  {
    kind: 'ServiceEntry',
    path: 'endpoints[].weight',
    router: 'yes',
    gateway: 'yes',
    why: "an endpoint's share of its cluster's requests",
    test: 'createBalancer() takes turns by weight',
  },
  {
    kind: 'ServiceEntry',
    path: 'workloadSelector.labels{}',
    router: 'yes',
    ...SELECTED,
  },
  ...['address', 'labels{}'].map(
    (path): Note => ({ kind: 'WorkloadEntry', path, router: 'yes', ...SELECTED }),
  ),
  {
    kind: 'Gateway',
    path: 'servers[].tls.httpsRedirect',
    router: 'yes',
    why: 'plain requests are sent to https',
    test: "compile() redirects plain requests where a Gateway's server says so",
  },
];
