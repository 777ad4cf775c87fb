/**
 * Istio's own compiler's output, as recorded in `envoy.json`, read as a table: what `compile` should have made
 * of the same resources. Only for comparing; the fields that Istio writes are read, no others. Imports what the
 * table's headers ask for.
 */
import type { HeaderOperation } from '../../router/index.ts';
import { takeRetryHeaders } from '../../router/table/retry-header.ts';

/** JSON of one Envoy message. */
// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read field by field and compared whole
type Message = any;

/** Virtual hosts by listener port, clusters by name. */
export interface PilotOutput {
  readonly routes: Readonly<Record<string, { readonly virtualHosts: readonly Message[] }>>;
  readonly clusters: readonly Message[];
}

/** A listener's virtual hosts as a table has them, without `origin`. */
export function virtualHostsOf({ virtualHosts }: PilotOutput['routes'][string]): unknown[] {
  return virtualHosts.map(({ name, domains, routes = [], requireTls }) => ({
    name,
    domains,
    routes: asBytes(routes).map(routeOf),
    ...(requireTls === 'ALL' && { httpsRedirect: true }),
  }));
}

/** As a table has text that requests are compared with; bodies and regexes are text there too. */
function asBytes(message: Message): Message {
  const text = JSON.stringify(message, (key, value) =>
    typeof value === 'string' && key !== 'inlineString' && key !== 'regex'
      ? Buffer.from(value).toString('latin1')
      : value,
  );
  return JSON.parse(text);
}

function routeOf(route: Message): unknown {
  const filters = route.typedPerFilterConfig ?? {};
  const cors = filters['envoy.filters.http.cors'];
  const fault = filters['envoy.filters.http.fault'];
  return {
    ...(route.name && { name: route.name }),
    match: {
      path: pathOf(route.match),
      headers: (route.match.headers ?? []).map((header: Message) => ({
        name: header.name.toLowerCase(),
        value: header.presentMatch ? { kind: 'any' } : stringOf(header.stringMatch),
        invert: header.invertMatch ?? false,
      })),
      queryParams: (route.match.queryParameters ?? [])
        .map((param: Message) => ({
          name: param.name,
          value: param.presentMatch ? { kind: 'any' } : stringOf(param.stringMatch),
        }))
        .sort((a: Message, b: Message) => (a.name < b.name ? -1 : 1)),
      claims: [],
    },
    ...retriesTaken(actionOf(route), operationsOf(route.requestHeadersToRemove, route.requestHeadersToAdd)),
    responseHeaders: operationsOf(route.responseHeadersToRemove, route.responseHeadersToAdd),
    ...(cors && { cors: corsOf(cors) }),
    ...(fault && { fault: faultOf(fault) }),
  };
}

/** What Envoy makes of headers that ask for retries is held against itself by the same cases in the other modes. */
function retriesTaken(action: Message, asked: readonly HeaderOperation[]): Message {
  if (action.kind !== 'forward') return { action, requestHeaders: asked };
  const { retry, operations } = takeRetryHeaders(action.retry, asked);
  return { action: retry ? { ...action, retry } : action, requestHeaders: operations };
}

function pathOf({ prefix, path, safeRegex, caseSensitive }: Message): unknown {
  const ignoreCase = caseSensitive === false;
  if (safeRegex) return { kind: 'regex', value: safeRegex.regex, ignoreCase };
  if (path !== undefined) return { kind: 'exact', value: path, ignoreCase };
  return { kind: 'prefix', value: prefix, ignoreCase };
}

function stringOf({ exact, prefix, safeRegex }: Message): unknown {
  if (safeRegex) return { kind: 'regex', value: safeRegex.regex };
  return exact === undefined ? { kind: 'prefix', value: prefix } : { kind: 'exact', value: exact };
}

/** Removals, then what is set, then what is added: the order in which Envoy applies one list. */
function operationsOf(removed: Message[] = [], added: Message[] = []): HeaderOperation[] {
  const sets = added.filter(({ appendAction }) => appendAction === 'OVERWRITE_IF_EXISTS_OR_ADD');
  const adds = added.filter(({ appendAction }) => appendAction === undefined);
  const pair = ({ header: { key, value = '' } }: Message) => ({ name: key.toLowerCase(), value });
  return [
    ...removed.map((name) => ({ kind: 'remove' as const, name: name.toLowerCase() })),
    ...sets.map((each) => ({ kind: 'set' as const, ...pair(each) })),
    ...adds.map((each) => ({ kind: 'add' as const, ...pair(each) })),
  ];
}

function actionOf({ route, redirect, directResponse }: Message): unknown {
  if (redirect) {
    return {
      kind: 'redirect',
      status: REDIRECT_STATUS[redirect.responseCode ?? 'MOVED_PERMANENTLY'],
      ...(redirect.schemeRedirect && { scheme: redirect.schemeRedirect }),
      ...(redirect.hostRedirect && { authority: redirect.hostRedirect }),
      ...(redirect.portRedirect && { port: redirect.portRedirect }),
      ...(redirect.pathRedirect && { uri: redirect.pathRedirect }),
      ...(redirect.prefixRewrite && { prefix: redirect.prefixRewrite }),
    };
  }
  if (directResponse) {
    const { status, body } = directResponse;
    return {
      kind: 'direct-response',
      status,
      ...(body?.inlineString !== undefined && { body: { kind: 'text', value: body.inlineString } }),
      ...(body?.inlineBytes !== undefined && { body: { kind: 'base64', value: body.inlineBytes } }),
    };
  }
  return forwardOf(route);
}

const REDIRECT_STATUS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

function forwardOf(route: Message): unknown {
  const weighted = route.weightedClusters?.clusters;
  const rewrite = {
    ...(route.prefixRewrite && { uri: route.prefixRewrite }),
    ...(route.regexRewrite && {
      regex: {
        pattern: route.regexRewrite.pattern.regex,
        replacement: route.regexRewrite.substitution ?? '',
      },
    }),
    ...(route.hostRewriteLiteral && { authority: route.hostRewriteLiteral }),
  };
  const destinations = weighted
    ? weighted.map((cluster: Message) => ({
        cluster: cluster.name,
        weight: cluster.weight,
        requestHeaders: operationsOf(cluster.requestHeadersToRemove, cluster.requestHeadersToAdd),
        responseHeaders: operationsOf(cluster.responseHeadersToRemove, cluster.responseHeadersToAdd),
        ...(cluster.hostRewriteLiteral && { authority: cluster.hostRewriteLiteral }),
      }))
    : [{ cluster: route.cluster, weight: 1, requestHeaders: [], responseHeaders: [] }];
  return {
    kind: 'forward',
    destinations,
    ...(Object.keys(rewrite).length > 0 && { rewrite }),
    timeoutMs: milliseconds(route.timeout),
    ...(route.retryPolicy && { retry: retryOf(route.retryPolicy) }),
    mirrors: (route.requestMirrorPolicies ?? []).map((mirror: Message) => ({
      cluster: mirror.cluster,
      fraction: fractionOf(mirror.runtimeFraction.defaultValue),
    })),
    hashPolicy: (route.hashPolicy ?? []).map(hashOf),
  };
}

function retryOf(retry: Message): unknown {
  return {
    attempts: retry.numRetries,
    // With status codes alone Istio writes an empty word first, which Envoy passes over.
    retryOn: retry.retryOn.split(',').filter((word: string) => word !== ''),
    statusCodes: retry.retriableStatusCodes ?? [],
    perTryTimeoutMs: milliseconds(retry.perTryTimeout),
    backoffMs: retry.retryBackOff ? milliseconds(retry.retryBackOff.baseInterval) : 25,
    avoidPreviousHosts: (retry.retryHostPredicate ?? []).length > 0,
  };
}

function hashOf({ header, cookie, connectionProperties, queryParameter }: Message): unknown {
  if (header) return { kind: 'header', name: header.headerName.toLowerCase() };
  if (queryParameter) return { kind: 'query', name: queryParameter.name };
  if (connectionProperties) return { kind: connectionProperties.sourceIp ? 'source-ip' : 'none' };
  return {
    kind: 'cookie',
    name: cookie.name,
    ...(cookie.path && { path: cookie.path }),
    ...(cookie.ttl !== undefined && { ttlMs: milliseconds(cookie.ttl) }),
    ...(cookie.attributes && { attributes: cookie.attributes }),
  };
}

function corsOf(cors: Message): unknown {
  return {
    allowOrigins: (cors.allowOriginStringMatch ?? []).map(stringOf),
    allowMethods: cors.allowMethods ?? '',
    allowHeaders: cors.allowHeaders ?? '',
    exposeHeaders: cors.exposeHeaders ?? '',
    ...(cors.maxAge !== undefined && { maxAge: cors.maxAge }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    forwardUnmatchedPreflights: cors.forwardNotMatchingPreflights,
  };
}

function faultOf({ delay, abort }: Message): unknown {
  return {
    ...(delay && {
      delay: { fraction: fractionOf(delay.percentage), delayMs: milliseconds(delay.fixedDelay) },
    }),
    ...(abort && {
      abort: {
        fraction: fractionOf(abort.percentage ?? { denominator: 'MILLION' }),
        status:
          abort.httpStatus === undefined
            ? { grpcStatus: abort.grpcStatus }
            : { httpStatus: abort.httpStatus },
      },
    }),
  };
}

function fractionOf({ numerator = 0, denominator }: Message): unknown {
  return { numerator, denominator: denominator === 'MILLION' ? 1_000_000 : 100 };
}

function milliseconds(duration: string | undefined): number {
  return duration === undefined ? 0 : Math.trunc(Number(duration.replace(/s$/, '')) * 1000);
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** What of a cluster a table has too, with Envoy's defaults: protocol, load balancing, limits, outliers. */
export function clusterOf(cluster: Message): unknown {
  const options = cluster.typedExtensionProtocolOptions?.[HTTP_OPTIONS] ?? {};
  const size = cluster.ringHashLbConfig?.minimumRingSize ?? cluster.maglevLbConfig?.tableSize;
  // A cluster of original destinations provides its own.
  const loadBalancer =
    cluster.lbPolicy === 'CLUSTER_PROVIDED' ? 'PASSTHROUGH' : (cluster.lbPolicy ?? 'ROUND_ROBIN');
  const slowStart = (cluster.roundRobinLbConfig ?? cluster.leastRequestLbConfig)?.slowStartConfig;
  const tableSize = size === undefined ? DEFAULT_SIZE[cluster.lbPolicy] : Number(size);
  const http2 = options.explicitHttpConfig?.http2ProtocolOptions;
  const { outlierDetection } = cluster;
  const { retryBudget } = cluster.circuitBreakers.thresholds[0];
  return {
    name: cluster.name,
    protocol: options.useDownstreamProtocolConfig ? 'downstream' : http2 ? 'http2' : 'http1',
    loadBalancer,
    ...(tableSize !== undefined && { tableSize }),
    ...(slowStart && { warmup: warmupOf(slowStart) }),
    pool: poolOf(cluster, options),
    ...(outlierDetection && { outlierDetection: outlierOf(outlierDetection, cluster.commonLbConfig) }),
    ...(retryBudget && { retryBudget: budgetOf(retryBudget) }),
    ...tlsOf(cluster.transportSocket?.typedConfig),
  };
}

/** Envoy's, where Istio leaves the size out. */
const DEFAULT_SIZE: Readonly<Record<string, number>> = { RING_HASH: 1024, MAGLEV: 65537 };

function warmupOf({ slowStartWindow, aggression, minWeightPercent }: Message): unknown {
  return {
    durationMs: milliseconds(slowStartWindow),
    minimumPercent: minWeightPercent ? (minWeightPercent.value ?? 0) : 10,
    aggression: aggression?.defaultValue ?? 1,
  };
}

function poolOf(cluster: Message, options: Message): unknown {
  const [threshold] = cluster.circuitBreakers.thresholds;
  const common = options.commonHttpProtocolOptions ?? {};
  const config = options.useDownstreamProtocolConfig ?? options.explicitHttpConfig ?? {};
  const keepalive = cluster.upstreamConnectionOptions?.tcpKeepalive;
  const ping = config.http2ProtocolOptions?.connectionKeepalive;
  const limit = (name: string, value: number | undefined) =>
    value === undefined || value === 4294967295 ? {} : { [name]: value };
  return {
    connectTimeoutMs: milliseconds(cluster.connectTimeout),
    idleTimeoutMs: common.idleTimeout === undefined ? 3_600_000 : milliseconds(common.idleTimeout),
    ...limit('maxConnections', threshold.maxConnections),
    ...limit('http1MaxPendingRequests', threshold.maxPendingRequests),
    ...limit('http2MaxRequests', threshold.maxRequests),
    ...limit('maxRetries', threshold.maxRetries),
    ...limit('maxRequestsPerConnection', common.maxRequestsPerConnection),
    ...limit('maxConcurrentStreams', config.http2ProtocolOptions?.maxConcurrentStreams),
    ...(common.maxConnectionDuration !== undefined && {
      maxConnectionDurationMs: milliseconds(common.maxConnectionDuration),
    }),
    ...(keepalive && {
      tcpKeepalive: {
        ...(keepalive.keepaliveProbes && { probes: keepalive.keepaliveProbes }),
        ...(keepalive.keepaliveTime && { timeMs: keepalive.keepaliveTime * 1000 }),
        ...(keepalive.keepaliveInterval && { intervalMs: keepalive.keepaliveInterval * 1000 }),
      },
    }),
    ...(ping && {
      http2KeepAlive: {
        ...(ping.interval && { intervalMs: milliseconds(ping.interval) }),
        ...(ping.timeout && { timeoutMs: milliseconds(ping.timeout) }),
      },
    }),
  };
}

function outlierOf(detection: Message, common: Message): unknown {
  const enforced = (word: string, value: number | undefined, byDefault: number) =>
    (detection[`enforcing${word}`] ?? byDefault) === 0 ? 0 : value;
  return {
    consecutive5xx: enforced('Consecutive5xx', detection.consecutive5xx ?? 5, 100),
    consecutiveGatewayErrors: enforced('ConsecutiveGatewayFailure', detection.consecutiveGatewayFailure, 0),
    consecutiveLocalOriginFailures: detection.consecutiveLocalOriginFailure ?? 5,
    splitLocalOrigin: detection.splitExternalLocalOriginErrors ?? false,
    intervalMs: milliseconds(detection.interval ?? '10s'),
    baseEjectionTimeMs: milliseconds(detection.baseEjectionTime ?? '30s'),
    maxEjectionTimeMs: Math.max(300_000, milliseconds(detection.baseEjectionTime ?? '30s')),
    maxEjectionPercent: detection.maxEjectionPercent ?? 10,
    minHealthPercent: common?.healthyPanicThreshold?.value ?? 0,
  };
}

function budgetOf({ budgetPercent, budgetInterval, minRetryConcurrency }: Message): unknown {
  return {
    percent: budgetPercent.value ?? 0,
    minRetryConcurrency,
    budgetIntervalMs: milliseconds(budgetInterval),
  };
}

/** Certificates by the names that Istio gives to files and secrets. */
function tlsOf(context: Message): { tls?: unknown } {
  if (!context?.commonTlsContext) return {};
  const { combinedValidationContext, tlsCertificateSdsSecretConfigs } = context.commonTlsContext;
  const { matchSubjectAltNames = [], crl } = combinedValidationContext?.defaultValidationContext ?? {};
  const subjectAltNames: string[] = matchSubjectAltNames.map(({ exact }: Message) => exact);
  const certificate = tlsCertificateSdsSecretConfigs?.[0].name;
  const root = combinedValidationContext?.validationContextSdsSecretConfig.name;
  return {
    tls: {
      ...(context.sni && { sni: context.sni }),
      subjectAltNames: [...new Set(subjectAltNames)],
      ...(certificate && { certificate }),
      ...(root && { root }),
      ...(crl && { crl: crl.filename }),
    },
  };
}
