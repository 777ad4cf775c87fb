/**
 * Istio's rules for `spec.tls` and `spec.tcp`. Imports the rules for names and destinations.
 * Source: istio/istio pkg/config/validation/validation.go, validateTLSRoute, validateTCPRoute
 */
import type { TCPRoute, TLSRoute, VirtualServiceSpec } from '../schema/virtual-service.ts';
import { isIpAddress, isIpAddressOrRange } from './address.ts';
import { checkDestination } from './destination.ts';
import {
  checkGatewayNames,
  checkLabels,
  gatewayHostProblem,
  hostWithin,
  wildcardHostProblem,
} from './name.ts';
import { checkNotNegative, checkPort, checkWeightSum } from './quantity.ts';
import { quote, type Spot } from './spot.ts';

type Layer4Match = NonNullable<TCPRoute['match']>[number] | TLSRoute['match'][number];

/** Reports what Istio refuses or warns of in one TLS route. */
export function checkTlsRoute(
  route: TLSRoute,
  spec: VirtualServiceSpec,
  gatewaySemantics: boolean,
  here: Spot,
): void {
  if ((route.match ?? []).length === 0) here.error('missing-field', `Expected a match in ${here}, got none`);
  for (const [index, match] of (route.match ?? []).entries()) {
    const place = here.at('match', index);
    if ((match.sniHosts ?? []).length === 0)
      place.error('missing-field', `Expected sniHosts in ${place}, got none`);
    for (const [hostIndex, host] of (match.sniHosts ?? []).entries())
      checkSniHost(host, spec, place.at('sniHosts', hostIndex));
    checkMatch(match, place, place);
  }
  checkDestinations(route.route, gatewaySemantics, here);
}

/** Reports what Istio refuses in one TCP route. */
export function checkTcpRoute(route: TCPRoute, gatewaySemantics: boolean, here: Spot): void {
  for (const [index, match] of (route.match ?? []).entries()) {
    const place = here.at('match', index);
    checkMatch(match, place, place.withoutWarnings());
  }
  checkDestinations(route.route, gatewaySemantics, here);
}

function checkMatch(match: Layer4Match, here: Spot, gatewaysHere: Spot): void {
  for (const [index, subnet] of (match.destinationSubnets ?? []).entries()) {
    const place = here.at('destinationSubnets', index);
    if (!isIpAddressOrRange(subnet))
      place.error(
        'address',
        `Cannot use ${quote(subnet)} in ${place}: write an IP address or a range such as "10.0.0.0/8"`,
      );
  }
  if (match.port) checkPort(match.port, here.at('port'));
  checkLabels(match.sourceLabels, here.at('sourceLabels'));
  checkGatewayNames(match.gateways, false, gatewaysHere.at('gateways'));
}

function checkSniHost(host: string, spec: VirtualServiceSpec, here: Spot): void {
  const inMesh = (spec.gateways ?? []).includes('mesh');
  const problem = inMesh ? wildcardHostProblem(host) : gatewayHostProblem(host, true);
  if (problem !== undefined) {
    if (isIpAddress(host))
      here.warning(
        'sni-host',
        `Most clients send no server name for an address such as ${quote(host)}: use a name in ${here}`,
      );
    else here.error('host', `Cannot use ${quote(host)} as server name in ${here}: ${problem}`);
    return;
  }
  if ((spec.hosts ?? []).some((outer) => hostWithin(host, outer))) return;
  here.error(
    'sni-host',
    `Cannot use ${quote(host)} as server name in ${here}: it is none of the hosts ${(spec.hosts ?? []).map(quote).join(', ')}`,
  );
}

function checkDestinations(routes: TCPRoute['route'], gatewaySemantics: boolean, here: Spot): void {
  const destinations = routes ?? [];
  if (destinations.length === 0) here.error('missing-field', `Expected a route in ${here}, got none`);
  for (const [index, entry] of destinations.entries()) {
    const place = here.at('route', index);
    if (entry.destination === undefined)
      place.error('missing-field', `Expected a destination in ${place}, got none`);
    if (!gatewaySemantics) checkDestination(entry.destination, place.at('destination'));
    checkNotNegative(entry.weight, place.at('weight'), 'weight');
  }
  checkWeightSum(destinations, here.at('route'));
}
