/**
 * Istio's rules for one entry of `spec.http`: what goes together, its conditions and its destinations.
 * Imports the parts' rules.
 * Source: istio/istio pkg/config/validation/virtualservice.go
 */
import type { HTTPRoute } from '../schema/virtual-service.ts';
import { checkDestination } from './destination.ts';
import { checkHeaders, checkMatchedHeader, isAuthorityHeader } from './header.ts';
import {
  checkCors,
  checkDirectResponse,
  checkFault,
  checkMirrors,
  checkRedirect,
  checkRetries,
  checkRewrite,
} from './http-action.ts';
import { checkGatewayNames, checkLabels, isDnsLabel } from './name.ts';
import { checkDuration, checkMirrorShare, checkNotNegative, checkPort, checkWeightSum } from './quantity.ts';
import { quote, type Spot } from './spot.ts';
import { checkRegexMatch, checkStringMatch } from './text-match.ts';

/** What the VirtualService around a route is. */
export interface RouteContext {
  readonly isDelegate: boolean;
  /** True for what Istio made of Gateway API routes, whose destinations are its own. */
  readonly gatewaySemantics: boolean;
}

/** Reports what Istio refuses or warns of in one HTTP route. */
export function checkHttpRoute(route: HTTPRoute, context: RouteContext, here: Spot): void {
  checkConflicts(route, context.isDelegate, here);
  checkMatches(route, here.at('match'));
  checkHeaders(route.headers, here.at('headers'));
  checkCors(route.corsPolicy, here.at('corsPolicy'));
  checkFault(route.fault, here.at('fault').withoutWarnings());
  if (route.mirrorPercent !== undefined) {
    const place = here.at('mirrorPercent');
    if (route.mirrorPercent > 100)
      place.error(
        'percentage',
        `Cannot mirror ${route.mirrorPercent} percent in ${place}: the range is 0 to 100`,
      );
    place.warning(
      'deprecated',
      'The field mirrorPercent is deprecated: use mirrorPercentage, as in { value: 50 }',
      'key',
    );
  }
  checkMirrorShare(route.mirrorPercentage?.value, here.at('mirrorPercentage'));
  checkDestination(route.mirror, here.at('mirror'));
  checkMirrors(route.mirrors, here.at('mirrors'));
  checkRedirect(route.redirect, route.match, here.at('redirect'));
  checkDirectResponse(route.directResponse, here.at('directResponse'));
  checkRetries(route.retries, here.at('retries'));
  checkRewrite(route.rewrite, here.at('rewrite'));
  checkAuthority(route, here);
  checkDestinations(route, context.gatewaySemantics, here.at('route'));
  checkDuration(route.timeout, here.at('timeout'));
}

function checkConflicts(route: HTTPRoute, isDelegate: boolean, here: Spot): void {
  const routed = (route.route?.length ?? 0) > 0;
  const exclude = (field: 'route' | 'fault' | 'rewrite' | 'directResponse', because: string): void => {
    if (field === 'route' ? !routed : route[field] === undefined) return;
    here
      .at(field)
      .error(
        'exclusive-fields',
        `Cannot have ${field} beside ${because} in ${here}: keep one of them`,
        'key',
      );
  };
  if (route.delegate !== undefined && !isDelegate) {
    if (route.redirect !== undefined)
      here
        .at('redirect')
        .error(
          'delegate',
          `Cannot have redirect beside delegate in ${here}: the delegate has the routes`,
          'key',
        );
    if (routed)
      here
        .at('route')
        .error(
          'delegate',
          `Cannot have route beside delegate in ${here}: the delegate has the routes`,
          'key',
        );
    return;
  }
  if (route.delegate !== undefined)
    here
      .at('delegate')
      .error(
        'delegate',
        `Cannot delegate further in ${here}: this VirtualService has no hosts and is a delegate itself`,
        'key',
      );
  if (route.redirect !== undefined) {
    for (const field of ['route', 'fault', 'rewrite', 'directResponse'] as const) exclude(field, 'redirect');
  } else if (route.directResponse !== undefined) {
    for (const field of ['route', 'fault', 'rewrite'] as const) exclude(field, 'directResponse');
  } else if (!routed) {
    here.error('missing-field', `Expected route, redirect or directResponse in ${here}, got none`);
  }
  if (route.mirror !== undefined && (route.mirrors?.length ?? 0) > 0) {
    here
      .at('mirror')
      .error('exclusive-fields', `Cannot have mirror beside mirrors in ${here}: put it into the list`, 'key');
  }
}

function checkMatches(route: HTTPRoute, here: Spot): void {
  for (const [index, match] of (route.match ?? []).entries()) {
    const place = here.at(index);
    for (const [name, value] of Object.entries(match.headers ?? {})) {
      checkMatchedHeader(name, place.at('headers', name));
      checkStringMatch(value, place.at('headers', name));
    }
    for (const [name, value] of Object.entries(match.withoutHeaders ?? {})) {
      checkMatchedHeader(name, place.at('withoutHeaders', name));
      // Taken as "is there", not as a regex.
      if (value.regex !== '*') checkStringMatch(value, place.at('withoutHeaders', name));
    }
    checkRegexMatch(match.uri, place.at('uri'));
    for (const field of ['scheme', 'method', 'authority'] as const)
      checkStringMatch(match[field], place.at(field));
    for (const [name, value] of Object.entries(match.queryParams ?? {}))
      checkStringMatch(value, place.at('queryParams', name));
    if (match.port) checkPort(match.port, place.at('port'));
    checkLabels(match.sourceLabels, place.at('sourceLabels'));
    checkGatewayNames(match.gateways, false, place.at('gateways').withoutWarnings());
    if (match.sourceNamespace && !isDnsLabel(match.sourceNamespace)) {
      place
        .at('sourceNamespace')
        .error(
          'namespace',
          `Cannot match the namespace ${quote(match.sourceNamespace)}: it is no valid name`,
        );
    }
  }
}

function checkDestinations(route: HTTPRoute, gatewaySemantics: boolean, here: Spot): void {
  const destinations = route.route ?? [];
  for (const [index, entry] of destinations.entries()) {
    const place = here.at(index);
    if (entry.destination === undefined)
      place.error('missing-field', `Expected a destination in ${place}, got none`);
    checkHeaders(entry.headers, place.at('headers'));
    if (!gatewaySemantics) checkDestination(entry.destination, place.at('destination'));
    checkNotNegative(entry.weight, place.at('weight'), 'weight');
  }
  checkWeightSum(destinations, here);
}

function checkAuthority(route: HTTPRoute, here: Spot): void {
  let current = route.rewrite?.authority || undefined;
  for (const kind of ['set', 'add'] as const) {
    for (const [name, value] of Object.entries(route.headers?.request?.[kind] ?? {})) {
      if (!isAuthorityHeader(name)) continue;
      if (current !== undefined) {
        const place = here.at('headers', 'request', kind, name);
        place.error(
          'authority-twice',
          `Cannot set the authority to ${quote(value)} in ${place}: it is set to ${quote(current)} already`,
        );
        return;
      }
      current = value || undefined;
    }
  }
}
