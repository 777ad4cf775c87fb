/** What a rule does with a request -> the table's action. Imports schema types and the table's. */
import { seedsOf } from '../route/sticky-split.ts';
import type { DestinationSpec } from '../schema/destination.ts';
import { durationMs } from '../schema/duration.ts';
import type { HTTPDirectResponse, HTTPRedirect, HTTPRetry, HTTPRoute } from '../schema/virtual-service.ts';
import { byteText } from '../table/byte-text.ts';
import type { HashPolicy } from '../table/cluster.ts';
import type { HeaderOperation } from '../table/decision.ts';
import { NONE } from '../table/none.ts';
import { takeRetryHeaders } from '../table/retry-header.ts';
import type {
  DirectResponseAction,
  ForwardAction,
  Fraction,
  MirrorPolicy,
  PreviewDestination,
  RedirectAction,
  Rewrite,
  WeightedCluster,
} from '../table/route-table.ts';
import { type Extension, NO_EXTENSION } from './annotation.ts';
import { clusterName } from './cluster-name.ts';
import { fractionOf, wholePercent } from './fault.ts';
import { compileHeaders, joinOperations } from './header.ts';
import { compileRegex } from './regex.ts';
import { compileRetry } from './retry.ts';

/** What a rule's action depends on besides the rule: the listener and the services it knows. */
export interface ActionContext {
  readonly listenPort: number;
  readonly isTls: boolean;
  /** Of a destination without port: the only port of its service as the listener knows it, if there is one. */
  onlyPort(host: string): number | undefined;
  /** What the service of a destination is another name of, if it is. */
  externalName(host: string): string | undefined;
  /** What the destination's load balancer hashes. */
  hashPolicy(destination: DestinationSpec): HashPolicy | undefined;
  /** For rules without `retries`. */
  readonly defaultRetry: HTTPRetry | undefined;
}

/** An action with the header operations that belong to the route. */
export interface CompiledAction {
  readonly action: ForwardAction | RedirectAction | DirectResponseAction;
  readonly requestHeaders: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
}

/**
 * A rule's action: redirect, else direct response, else forward.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateRoute, applyHTTPRouteDestination).
 */
export function compileAction(
  rule: HTTPRoute,
  context: ActionContext,
  extension: Extension,
  source: { readonly namespace: string; readonly gateway: string },
): CompiledAction {
  const headers = compileHeaders(rule.headers);
  const own = { requestHeaders: headers.request, responseHeaders: headers.response };
  if (rule.redirect) return { ...own, action: compileRedirect(rule.redirect, context) };
  if (rule.directResponse) return { ...own, action: compileDirectResponse(rule.directResponse) };
  const compiled = compileForward(rule, context, headers);
  if (extension === NO_EXTENSION) return compiled;
  return { ...compiled, action: extendForward(compiled.action, rule, context, extension, source) };
}

function compileForward(
  rule: HTTPRoute,
  context: ActionContext,
  headers: ReturnType<typeof compileHeaders>,
): CompiledAction & { readonly action: ForwardAction } {
  const routes = rule.route ?? [];
  const only = routes.length === 1 ? routes[0] : undefined;
  let requestHeaders = headers.request;
  let responseHeaders = headers.response;
  let authority = byteText(rule.rewrite?.authority ?? '') || headers.authority;
  const destinations: WeightedCluster[] = [];
  const hashPolicy: HashPolicy[] = [];
  // Of several destinations those without weight are left out, a single one needs none.
  for (const route of only ? [only] : routes.filter((each) => (each.weight ?? 0) > 0)) {
    const changes = compileHeaders(route.headers);
    const hash = context.hashPolicy(route.destination);
    if (hash) hashPolicy.push(hash);
    const cluster = clusterOf(route.destination, context);
    if (only) {
      requestHeaders = joinOperations(requestHeaders, changes.request);
      responseHeaders = joinOperations(responseHeaders, changes.response);
      authority ||= changes.authority;
      destinations.push({ cluster, weight: 1, requestHeaders: NONE, responseHeaders: NONE });
    } else {
      destinations.push({
        cluster,
        weight: route.weight ?? 0,
        requestHeaders: changes.request,
        responseHeaders: changes.response,
        ...(changes.authority && { authority: changes.authority }),
      });
    }
  }
  const rewrite = compileRewrite(rule, authority);
  const { retry, operations } = takeRetryHeaders(
    compileRetry(rule.retries ?? context.defaultRetry, only !== undefined && hashPolicy.length > 0),
    requestHeaders,
  );
  const action: ForwardAction = {
    kind: 'forward',
    // Of the size that it has: what is pushed to has room for more.
    destinations: destinations.slice(),
    ...(rewrite && { rewrite }),
    timeoutMs: Math.trunc(durationMs(rule.timeout) ?? 0),
    ...(retry && { retry }),
    mirrors: compileMirrors(rule, context),
    hashPolicy: hashPolicy.length > 0 ? hashPolicy : NONE,
  };
  return { action, requestHeaders: operations, responseHeaders };
}

/** What the rule's VirtualService asks for beyond Istio. */
function extendForward(
  action: ForwardAction,
  rule: HTTPRoute,
  context: ActionContext,
  { splitKey, preview, compare }: Extension,
  { namespace, gateway }: { readonly namespace: string; readonly gateway: string },
): ForwardAction {
  const { destinations } = action;
  const previewed = preview ? compilePreviews(rule, context) : [];
  return {
    ...action,
    ...(splitKey && destinations.length > 1 && { sticky: { key: splitKey, seeds: seedsOf(destinations) } }),
    ...(preview &&
      previewed.length > 0 && {
        preview: {
          header: preview.header,
          destinations: previewed,
          // At a gateway the namespace is its own, whoever the client is.
          everyClient: gateway === 'mesh' && preview.namespaces.includes(namespace),
          ranges: preview.ranges,
        },
      }),
    ...(compare && { mirrors: action.mirrors.map((mirror) => ({ ...mirror, compare })) }),
  };
}

/** Every destination with a subset, whatever its weight. */
function compilePreviews(rule: HTTPRoute, context: ActionContext): PreviewDestination[] {
  const isOnly = rule.route?.length === 1;
  return (rule.route ?? []).flatMap(({ destination, weight = 0, headers }) => {
    if (!destination.subset) return [];
    const changes = compileHeaders(headers);
    return {
      subset: destination.subset,
      cluster: clusterOf(destination, context),
      weight,
      // A single destination's changes are the route's already.
      requestHeaders: isOnly ? [] : changes.request,
      responseHeaders: isOnly ? [] : changes.response,
      ...(!isOnly && changes.authority && { authority: changes.authority }),
    };
  });
}

function compileRewrite({ rewrite }: HTTPRoute, authority: string): Rewrite | undefined {
  const regex = rewrite?.uriRegexRewrite;
  const path = regex
    ? { regex: compileRegexRewrite(regex.match ?? '', regex.rewrite ?? '') }
    : rewrite?.uri
      ? { uri: byteText(rewrite.uri) }
      : {};
  const compiled: Rewrite = { ...path, ...(authority && { authority }) };
  return Object.keys(compiled).length > 0 ? compiled : undefined;
}

function compileRegexRewrite(pattern: string, replacement: string): NonNullable<Rewrite['regex']> {
  const program = compileRegex(byteText(pattern));
  return { pattern, replacement: byteText(replacement), ...(program && { program }) };
}

/** Source: Istio `pilot/pkg/networking/core/route/route.go` (MirrorPercent, MirrorPercentByPolicy). */
function compileMirrors(rule: HTTPRoute, context: ActionContext): readonly MirrorPolicy[] {
  if (!rule.mirror && !rule.mirrors) return NONE;
  const mirrors: MirrorPolicy[] = [];
  const add = (destination: DestinationSpec, fraction: Fraction) => {
    if (fraction.numerator > 0) mirrors.push({ cluster: clusterOf(destination, context), fraction });
  };
  if (rule.mirror) {
    const { mirrorPercentage, mirrorPercent } = rule;
    add(
      rule.mirror,
      mirrorPercentage ? fractionOrNever(mirrorPercentage.value) : wholePercent(mirrorPercent ?? 100),
    );
  }
  for (const { destination, percentage } of rule.mirrors ?? []) {
    if (destination) add(destination, percentage ? fractionOrNever(percentage.value) : wholePercent(100));
  }
  return mirrors;
}

const fractionOrNever = (percent: number | undefined): Fraction => fractionOf(percent ?? 0);

/**
 * The cluster that a destination names; without a port the only one of its service, else the listener's. Of a
 * service that is another's name the other's, whose own other name is not looked at.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (GetDestinationCluster).
 */
function clusterOf(destination: DestinationSpec, context: ActionContext): string {
  const port = destination.port?.number ?? context.onlyPort(destination.host) ?? context.listenPort;
  const host = context.externalName(destination.host) ?? destination.host;
  return clusterName(host, destination.subset ?? '', port);
}

/** Source: Istio `pilot/pkg/networking/core/route/route.go` (ApplyRedirect). */
function compileRedirect(redirect: HTTPRedirect, context: ActionContext): RedirectAction {
  const scheme = redirect.scheme || (context.isTls ? 'https' : 'http');
  let port = redirect.derivePort === 'FROM_REQUEST_PORT' ? context.listenPort : (redirect.port ?? 0);
  if ((port === 80 && scheme === 'http') || (port === 443 && scheme === 'https')) port = 0;
  return {
    kind: 'redirect',
    status: redirect.redirectCode || 301,
    ...(redirect.scheme && { scheme: redirect.scheme }),
    ...(redirect.authority && { authority: byteText(redirect.authority) }),
    ...(port > 0 && { port }),
    ...(redirect.prefixRewrite
      ? { prefix: byteText(redirect.prefixRewrite) }
      : redirect.uri && { uri: byteText(redirect.uri) }),
  };
}

/** Source: Istio `pilot/pkg/networking/core/route/route.go` (ApplyDirectResponse). */
function compileDirectResponse({ status, body }: HTTPDirectResponse): DirectResponseAction {
  return {
    kind: 'direct-response',
    status,
    ...(body?.bytes !== undefined
      ? { body: { kind: 'base64', value: body.bytes } as const }
      : body?.string !== undefined && { body: { kind: 'text', value: body.string } as const }),
  };
}
