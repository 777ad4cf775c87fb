/** DestinationRule as people write it. Imports the building blocks. Source: istio/api networking/v1alpha3/destination_rule.proto */
import type * as z from 'zod/mini';
import { portSelector, textMap, texts } from './destination.ts';
import {
  double,
  duration,
  enumeration,
  flag,
  int32,
  list,
  map,
  message,
  required,
  text,
  uint32,
  uint64,
} from './proto-json.ts';

export const consistentHash = message(
  {
    httpHeaderName: text(),
    httpCookie: message({
      name: required(text()),
      path: text(),
      /** Set: a cookie is made where the request has none. */
      ttl: duration(),
      attributes: list(message({ name: required(text()), value: text() })),
    }),
    useSourceIp: flag(),
    httpQueryParameterName: text(),
    ringHash: message({ minimumRingSize: uint64() }),
    /** `tableSize` must be prime; default 65537. */
    maglev: message({ tableSize: uint64() }),
    /** Deprecated: see `ringHash`. */
    minimumRingSize: uint64(),
  },
  [
    ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
    ['ringHash', 'maglev'],
  ],
);

/** What a consistent hash is made of and how. */
export interface ConsistentHash extends z.infer<typeof consistentHash> {}

const failover = list(message({ from: text(), to: text() }));

export const loadBalancerSettings = message(
  {
    simple: enumeration('UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
    consistentHash,
    localityLbSetting: message({
      distribute: list(message({ from: text(), to: map(uint32()) })),
      failover,
      failoverPriority: texts,
      enabled: flag(),
    }),
    zoneAwareLbSetting: message({
      enabled: flag(),
      failover,
      failoverPriority: texts,
      minClusterSize: uint64(),
    }),
    /** Deprecated: see `warmup`. */
    warmupDurationSecs: duration(),
    warmup: message({ duration: required(duration()), minimumPercent: double(), aggression: double() }),
  },
  [['simple', 'consistentHash']],
);

/** How an endpoint is picked. */
export interface LoadBalancerSettings extends z.infer<typeof loadBalancerSettings> {}

export const connectionPoolSettings = message({
  tcp: message({
    maxConnections: int32(),
    connectTimeout: duration(),
    tcpKeepalive: message({ probes: uint32(), time: duration(), interval: duration() }),
    maxConnectionDuration: duration(),
    idleTimeout: duration(),
  }),
  http: message({
    http1MaxPendingRequests: int32(),
    http2MaxRequests: int32(),
    maxRequestsPerConnection: int32(),
    maxRetries: int32(),
    idleTimeout: duration(),
    h2UpgradePolicy: enumeration('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag(),
    maxConcurrentStreams: int32(),
    http2KeepAlive: message({ interval: duration(), timeout: duration() }),
  }),
});

/** Limits on connections and requests. */
export interface ConnectionPoolSettings extends z.infer<typeof connectionPoolSettings> {}

export const outlierDetection = message({
  /** Deprecated: see `consecutive5xxErrors`. */
  consecutiveErrors: int32(),
  splitExternalLocalOriginErrors: flag(),
  consecutiveLocalOriginFailures: uint32(),
  consecutiveGatewayErrors: uint32(),
  /** Default 5. */
  consecutive5xxErrors: uint32(),
  /** Default 10s. */
  interval: duration(),
  /** Default 30s. */
  baseEjectionTime: duration(),
  /** Default 10. */
  maxEjectionPercent: int32(),
  /** Default 0. */
  minHealthPercent: int32(),
  outlierDetectionHttpErrorCodes: list(uint32()),
});

/** When an endpoint is taken out for a while. */
export interface OutlierDetection extends z.infer<typeof outlierDetection> {}

export const clientTLSSettings = message({
  mode: enumeration('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: text(),
  privateKey: text(),
  caCertificates: text(),
  credentialName: text(),
  subjectAltNames: texts,
  sni: text(),
  insecureSkipVerify: flag(),
  caCrl: text(),
});

/** TLS towards the endpoints. */
export interface ClientTLSSettings extends z.infer<typeof clientTLSSettings> {}

export const portTrafficPolicy = message({
  port: portSelector,
  loadBalancer: loadBalancerSettings,
  connectionPool: connectionPoolSettings,
  outlierDetection,
  tls: clientTLSSettings,
});

/** The policy of one port, in place of the destination's. */
export interface PortTrafficPolicy extends z.infer<typeof portTrafficPolicy> {}

export const trafficPolicy = message({
  loadBalancer: loadBalancerSettings,
  connectionPool: connectionPoolSettings,
  outlierDetection,
  tls: clientTLSSettings,
  portLevelSettings: list(portTrafficPolicy),
  tunnel: message({ protocol: text(), targetHost: required(text()), targetPort: required(uint32()) }),
  proxyProtocol: message({ version: enumeration('V1', 'V2') }),
  retryBudget: message({ percent: double(), minRetryConcurrency: uint32(), budgetInterval: duration() }),
});

/** How traffic to a destination is carried. */
export interface TrafficPolicySpec extends z.infer<typeof trafficPolicy> {}

export const subset = message({
  name: required(text()),
  /** Endpoints with all of these labels belong to the subset. */
  labels: textMap,
  trafficPolicy,
});

/** A named part of a host's endpoints. */
export interface Subset extends z.infer<typeof subset> {}

export const destinationRuleSpec = message({
  host: required(text()),
  trafficPolicy,
  subsets: list(subset),
  exportTo: texts,
  workloadSelector: message({ matchLabels: textMap }),
});

/** `spec` of a DestinationRule. */
export interface DestinationRuleSpec extends z.infer<typeof destinationRuleSpec> {}
