/** What an Envoy route does with a request -> the table's action. Imports the generated messages and the table's types. */
import {
  type DirectResponseAction as DirectResponseMessage,
  type RedirectAction as RedirectMessage,
  RedirectAction_RedirectResponseCode as ResponseCode,
  type RetryPolicy as RetryMessage,
  type RouteAction,
  type RouteAction_HashPolicy,
  type RouteAction_RequestMirrorPolicy,
  type Route as RouteMessage,
  type WeightedCluster_ClusterWeight,
} from '../../gen/envoy/config/route/v3/route_components_pb.ts';
import { compileRegex } from '../compile/regex.ts';
import { byteText } from '../table/byte-text.ts';
import type { HashPolicy } from '../table/cluster.ts';
import type { RetryPolicy } from '../table/decision.ts';
import type {
  DirectResponseAction,
  ForwardAction,
  MirrorPolicy,
  RedirectAction,
  Rewrite,
  Route,
  WeightedCluster,
} from '../table/route-table.ts';
import { readHeaderOperations } from './header.ts';
import { within, XdsRefusal } from './refusal.ts';
import { fractionOf, millisecondsOf, wholeMillisecondsOf } from './scalar.ts';

/** Envoy's, of a route that does not say. */
const DEFAULT_TIMEOUT_MS = 15_000;
/** Envoy's base interval. */
const DEFAULT_BACKOFF_MS = 25;
const ALWAYS = { numerator: 100, denominator: 100 };

/**
 * The action of a route. Throws an {@link XdsRefusal} for one that is not understood.
 *
 * Source: Envoy `api/envoy/config/route/v3/route_components.proto` (Route.action).
 */
export function readAction({ action }: RouteMessage): Route['action'] {
  switch (action.case) {
    case 'route':
      return within('route', () => readForward(action.value));
    case 'redirect':
      return within('redirect', () => readRedirect(action.value));
    case 'directResponse':
      return within('direct_response', () => readDirectResponse(action.value));
    default:
      throw new XdsRefusal('its action is not understood');
  }
}

function readForward(action: RouteAction): ForwardAction {
  const { retryPolicy } = action;
  const rewrite = readRewrite(action);
  const retry = retryPolicy && within('retry_policy', () => readRetry(retryPolicy));
  return {
    kind: 'forward',
    destinations: readDestinations(action),
    ...(rewrite && { rewrite }),
    timeoutMs: action.timeout ? wholeMillisecondsOf(action.timeout) : DEFAULT_TIMEOUT_MS,
    ...(retry && { retry }),
    mirrors: action.requestMirrorPolicies.flatMap(readMirror),
    hashPolicy: action.hashPolicy.flatMap(readHash),
  };
}

function readDestinations({ clusterSpecifier }: RouteAction): WeightedCluster[] {
  switch (clusterSpecifier.case) {
    case 'cluster':
      return [{ cluster: clusterSpecifier.value, weight: 1, requestHeaders: [], responseHeaders: [] }];
    case 'weightedClusters':
      return clusterSpecifier.value.clusters.map((cluster, index) =>
        within(`weighted_clusters.clusters[${index}]`, () => readWeighted(cluster)),
      );
    default:
      throw new XdsRefusal('it names its cluster in a way that is not understood');
  }
}

function readWeighted(cluster: WeightedCluster_ClusterWeight): WeightedCluster {
  const { name, weight = 0, hostRewriteSpecifier: host } = cluster;
  return {
    cluster: name,
    weight,
    requestHeaders: readHeaderOperations(cluster.requestHeadersToRemove, cluster.requestHeadersToAdd),
    responseHeaders: readHeaderOperations(cluster.responseHeadersToRemove, cluster.responseHeadersToAdd),
    ...(host.value && { authority: byteText(host.value) }),
  };
}

function readRewrite({
  prefixRewrite,
  regexRewrite,
  hostRewriteSpecifier,
}: RouteAction): Rewrite | undefined {
  const pattern = regexRewrite?.pattern?.regex;
  const program = pattern === undefined ? undefined : compileRegex(byteText(pattern));
  if (pattern !== undefined && !program)
    throw new XdsRefusal(`regex_rewrite: "${pattern}" is not a regex that RE2 takes`);
  const rewrite: Rewrite = {
    ...(prefixRewrite && { uri: byteText(prefixRewrite) }),
    ...(regexRewrite &&
      pattern !== undefined &&
      program && { regex: { pattern, replacement: byteText(regexRewrite.substitution), program } }),
    ...(hostRewriteSpecifier.value && { authority: byteText(hostRewriteSpecifier.value) }),
  };
  return Object.keys(rewrite).length > 0 ? rewrite : undefined;
}

function readMirror({ cluster, runtimeFraction }: RouteAction_RequestMirrorPolicy): MirrorPolicy[] {
  const fraction = fractionOf(runtimeFraction?.defaultValue, ALWAYS);
  return fraction.numerator > 0 ? [{ cluster, fraction }] : [];
}

function readRetry(retry: RetryMessage): RetryPolicy {
  return {
    attempts: retry.numRetries ?? 1,
    // With status codes alone Istio writes an empty word first, which Envoy passes over.
    retryOn: retry.retryOn.split(',').filter((word) => word !== ''),
    statusCodes: retry.retriableStatusCodes,
    perTryTimeoutMs: wholeMillisecondsOf(retry.perTryTimeout),
    backoffMs: retry.retryBackOff?.baseInterval
      ? wholeMillisecondsOf(retry.retryBackOff.baseInterval)
      : DEFAULT_BACKOFF_MS,
    avoidPreviousHosts: retry.retryHostPredicate.some(
      ({ name }) => name === 'envoy.retry_host_predicates.previous_hosts',
    ),
  };
}

function readHash({ policySpecifier }: RouteAction_HashPolicy): HashPolicy[] {
  switch (policySpecifier.case) {
    case 'header':
      return [{ kind: 'header', name: policySpecifier.value.headerName.toLowerCase() }];
    case 'queryParameter':
      return [{ kind: 'query', name: policySpecifier.value.name }];
    case 'connectionProperties':
      return [{ kind: policySpecifier.value.sourceIp ? 'source-ip' : 'none' }];
    case 'cookie': {
      const { name, path, ttl, attributes } = policySpecifier.value;
      return [
        {
          kind: 'cookie',
          name,
          ...(path && { path }),
          ...(ttl && { ttlMs: millisecondsOf(ttl) }),
          ...(attributes.length > 0 && {
            attributes: attributes.map((each) => ({ name: each.name, value: each.value })),
          }),
        },
      ];
    }
    default:
      throw new XdsRefusal('hash_policy: requests are hashed in a way that is not understood');
  }
}

function readRedirect(redirect: RedirectMessage): RedirectAction {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: path } = redirect;
  const toScheme = scheme.case === 'httpsRedirect' ? (scheme.value ? 'https' : '') : (scheme.value ?? '');
  return {
    kind: 'redirect',
    status: REDIRECT_STATUS.get(redirect.responseCode) ?? 301,
    ...(toScheme && { scheme: toScheme }),
    ...(redirect.hostRedirect && { authority: byteText(redirect.hostRedirect) }),
    ...(redirect.portRedirect > 0 && { port: redirect.portRedirect }),
    ...(path.case === 'pathRedirect' && path.value && { uri: byteText(path.value) }),
    ...(path.case === 'prefixRewrite' && path.value && { prefix: byteText(path.value) }),
  };
}

const REDIRECT_STATUS: ReadonlyMap<ResponseCode, number> = new Map([
  [ResponseCode.MOVED_PERMANENTLY, 301],
  [ResponseCode.FOUND, 302],
  [ResponseCode.SEE_OTHER, 303],
  [ResponseCode.TEMPORARY_REDIRECT, 307],
  [ResponseCode.PERMANENT_REDIRECT, 308],
]);

function readDirectResponse({ status, body }: DirectResponseMessage): DirectResponseAction {
  const { specifier } = body ?? {};
  switch (specifier?.case) {
    case 'inlineString':
      return { kind: 'direct-response', status, body: { kind: 'text', value: specifier.value } };
    case 'inlineBytes':
      return {
        kind: 'direct-response',
        status,
        body: { kind: 'base64', value: btoa(String.fromCharCode(...specifier.value)) },
      };
    case 'filename':
      throw new XdsRefusal('body: files of the control plane cannot be read here');
    default:
      return { kind: 'direct-response', status };
  }
}
