/** Envoy's RouteConfiguration -> virtual hosts. Imports the generated messages and the table's types. */
import type { JsonValue } from '@bufbuild/protobuf';
import {
  type Route as RouteMessage,
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost as VirtualHostMessage,
} from '../../gen/envoy/config/route/v3/route_components_pb.ts';
import type { RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.ts';
import type { RuleOrigin } from '../table/decision.ts';
import { takeRetryHeaders } from '../table/retry-header.ts';
import type { Route, VirtualHost } from '../table/route-table.ts';
import { readAction } from './action.ts';
import { readFilters } from './filter.ts';
import { readHeaderOperations } from './header.ts';
import { readMatch } from './match.ts';
import { within } from './refusal.ts';

/** What a listener can be given to route by. */
export interface XdsRoutes {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly ignorePortInHost: boolean;
}

/**
 * The virtual hosts of a configuration. Throws an {@link XdsRefusal} that names the place of what is not understood.
 *
 * Source: Envoy `api/envoy/config/route/v3/route.proto`.
 */
export function readRouteConfiguration(configuration: RouteConfiguration): XdsRoutes {
  return {
    name: configuration.name,
    virtualHosts: configuration.virtualHosts.map((each, index) =>
      within(`virtual_hosts[${index}]`, () => readVirtualHost(each)),
    ),
    ignorePortInHost: configuration.ignorePortInHostMatching,
  };
}

/** One virtual host. */
export function readVirtualHost({ name, domains, routes, requireTls }: VirtualHostMessage): VirtualHost {
  return {
    name,
    domains: domains.map((domain) => domain.toLowerCase()),
    routes: routes.map((route, index) => within(`routes[${index}]`, () => readRoute(route))),
    ...(requireTls === TlsRequirement.ALL && { httpsRedirect: true }),
  };
}

function readRoute(route: RouteMessage): Route {
  const origin = originOf(route.metadata?.filterMetadata['istio']?.['config']);
  const match = within('match', () => readMatch(route.match));
  const action = readAction(route);
  const asked = readHeaderOperations(route.requestHeadersToRemove, route.requestHeadersToAdd);
  const retry = action.kind === 'forward' ? action.retry : undefined;
  const taken = action.kind === 'forward' ? takeRetryHeaders(retry, asked) : { retry, operations: asked };
  return {
    ...(route.name && { name: route.name }),
    ...(origin && { origin }),
    match,
    action: taken.retry && action.kind === 'forward' ? { ...action, retry: taken.retry } : action,
    requestHeaders: taken.operations,
    responseHeaders: readHeaderOperations(route.responseHeadersToRemove, route.responseHeadersToAdd),
    ...readFilters(route.typedPerFilterConfig),
  };
}

/**
 * The rule that Istio notes beside each route that one wrote:
 * `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`.
 *
 * Source: Istio `pilot/pkg/networking/util/util.go` (BuildConfigInfoMetadata).
 */
function originOf(config: JsonValue | undefined): RuleOrigin | undefined {
  const found =
    typeof config === 'string' ? /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(config) : undefined;
  if (!found) return undefined;
  const [, namespace = '', kind = '', name = ''] = found;
  return {
    kind: kind.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    namespace,
    name,
  };
}
