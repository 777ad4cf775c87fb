/**
 * Istio's rules for a VirtualService as a whole: its hosts, gateways and routes. Imports the parts' rules.
 * Source: istio/istio pkg/config/validation/validation.go, ValidateVirtualService
 */

import type { ResourceMetadata } from '../schema/resource.ts';
import type { VirtualServiceSpec } from '../schema/virtual-service.ts';
import { isIpAddress } from './address.ts';
import { isJwtClaim } from './header.ts';
import { checkHttpRoute } from './http-route.ts';
import { checkTcpRoute, checkTlsRoute } from './layer4-route.ts';
import {
  checkExportTo,
  checkGatewayNames,
  gatewayHostProblem,
  overlappingHosts,
  wildcardHostProblem,
} from './name.ts';
import { checkReachability } from './reachability.ts';
import { quote, type Spot } from './spot.ts';

/** Reports what Istio refuses or warns of in a VirtualService. */
export function checkVirtualService(spec: VirtualServiceSpec, metadata: ResourceMetadata, here: Spot): void {
  const hosts = spec.hosts ?? [];
  const gateways = spec.gateways ?? [];
  const isDelegate = hosts.length === 0;
  // Set by Istio on what it makes of Gateway API routes.
  const gatewaySemantics = metadata.annotations?.['internal.istio.io/route-semantics'] === 'gateway';
  const bound = gateways.length > 0 && !gateways.includes('mesh');

  if (isDelegate) {
    const where = 'in a VirtualService without hosts, which is a delegate';
    if (gateways.length > 0)
      here.at('gateways').error('delegate', `Cannot bind gateways ${where}: the root binds them`);
    if (spec.tls?.length)
      here.at('tls').error('delegate', `Cannot have tls routes ${where}: only http can be delegated`);
    if (spec.tcp?.length)
      here.at('tcp').error('delegate', `Cannot have tcp routes ${where}: only http can be delegated`);
  }
  checkGatewayNames(gateways, gatewaySemantics, here.at('gateways'));
  if (!bound) checkNoJwtClaims(spec, here);
  checkHosts(spec, bound, here.at('hosts'));
  if (!spec.http?.length && !spec.tcp?.length && !spec.tls?.length) {
    here.error('no-routes', 'Expected http, tcp or tls routes in spec, got none');
  }
  for (const [index, route] of (spec.http ?? []).entries())
    checkHttpRoute(route, { isDelegate, gatewaySemantics }, here.at('http', index));
  for (const [index, route] of (spec.tls ?? []).entries())
    checkTlsRoute(route, spec, gatewaySemantics, here.at('tls', index));
  for (const [index, route] of (spec.tcp ?? []).entries())
    checkTcpRoute(route, gatewaySemantics, here.at('tcp', index));
  checkExportTo(spec.exportTo, metadata.namespace, here.at('exportTo'));
  checkReachability(spec, here);
}

function checkHosts(spec: VirtualServiceSpec, bound: boolean, here: Spot): void {
  const hosts = spec.hosts ?? [];
  const sni = (spec.tls ?? []).some((route) =>
    (route.match ?? []).some((match) => (match.sniHosts ?? []).length > 0),
  );
  let allRight = true;
  for (const [index, host] of hosts.entries()) {
    const place = here.at(index);
    const problem = bound ? gatewayHostProblem(host, sni) : wildcardHostProblem(host);
    if (problem !== undefined) {
      if (isIpAddress(host)) continue;
      allRight = false;
      place.error('host', `Cannot use ${quote(host)} as host in ${place}: ${problem}`);
    } else if (!bound && host === '*') {
      allRight = false;
      place.error(
        'host',
        `Cannot use "*" as host in ${place} for the mesh: bind a gateway, or name the hosts`,
      );
    }
  }
  if (!allRight) return;
  for (const [index, other] of overlappingHosts(hosts)) {
    const place = here.at(index);
    const how =
      hosts[other] === hosts[index] ? 'stands there already' : `overlaps with ${quote(hosts[other]!)}`;
    place.error('duplicate-host', `Cannot use the host ${quote(hosts[index]!)} twice in ${here}: it ${how}`);
  }
}

function checkNoJwtClaims(spec: VirtualServiceSpec, here: Spot): void {
  for (const [index, route] of (spec.http ?? []).entries()) {
    for (const [matchIndex, match] of (route.match ?? []).entries()) {
      for (const field of ['headers', 'withoutHeaders'] as const) {
        for (const name of Object.keys(match[field] ?? {})) {
          if (!isJwtClaim(name)) continue;
          const place = here.at('http', index, 'match', matchIndex, field, name);
          place.error(
            'jwt-claim',
            `Cannot match the claim ${quote(name)} in the mesh: only a gateway knows the token's claims, bind one`,
            'key',
          );
        }
      }
    }
  }
}
