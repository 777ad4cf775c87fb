/**
 * Compiles resources into the table that one client obeys: names are resolved, delegates merged, subsets made
 * clusters, and rules of other gateways, ports and sources left out. Imports schema types, the table's, and issues.
 */
import type { Issue } from '../issue.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { HTTPRetry } from '../schema/virtual-service.ts';
import type { Listener, RouteTable, VirtualHost } from '../table/route-table.ts';
import { compileClusters } from './cluster.ts';
import { indexDestinationRules } from './destination-rule.ts';
import { gatewayServers, gatewayVirtualHosts } from './gateway.ts';
import type { CompileOptions } from './option.ts';
import { createReport } from './report.ts';
import { servicesOfEntries, visibleServices } from './service.ts';
import { otherHosts, type ProxyView, sidecarPorts, sidecarVirtualHosts } from './sidecar.ts';
import { prepareVirtualServices, virtualServicesFor } from './virtual-service.ts';

/** Where Istio lives, if the mesh does not say. */
const DEFAULT_ROOT_NAMESPACE = 'istio-system';
/** The port that a gateway without a Gateway resource stands for. */
const DEFAULT_GATEWAY_PORT = 80;

/** A table, and what in the resources has no effect. */
export interface Compilation {
  readonly table: RouteTable;
  /** Warnings alone: what is refused is refused by validation. */
  readonly issues: readonly Issue[];
}

/** The table that a proxy with these options obeys. Never throws for resources that are valid. */
export function compile(resources: readonly ValidResource[], options: CompileOptions = {}): Compilation {
  const { proxy = {}, meshConfig = {} } = options;
  const namespace = proxy.namespace || 'default';
  const labels = new Map(Object.entries(proxy.labels ?? {}));
  const rootNamespace = meshConfig.rootNamespace || DEFAULT_ROOT_NAMESPACE;
  const report = createReport();

  const allServices = [...(options.services ?? []), ...servicesOfEntries(resources)];
  const view: ProxyView = {
    source: { namespace, labels, gateway: 'mesh' },
    services: visibleServices(allServices, namespace, meshConfig.defaultServiceExportTo),
    rules: indexDestinationRules(
      ofKind(resources, 'DestinationRule'),
      { namespace, labels, rootNamespace },
      meshConfig.defaultDestinationRuleExportTo,
    ),
    defaultRetry: meshConfig.defaultHttpRetryPolicy as HTTPRetry | undefined,
    normalization: normalizationOf(meshConfig.pathNormalization?.normalization),
  };
  const virtualServices = prepareVirtualServices(
    ofKind(resources, 'VirtualService'),
    meshConfig.defaultVirtualServiceExportTo,
    report,
  );

  const listener = (port: number, virtualHosts: readonly VirtualHost[]): Listener => ({
    port,
    virtualHosts,
    ignorePortInHost: true,
    trustForwardedProto: proxy.type !== 'router',
    normalization: view.normalization,
  });
  const listeners: Listener[] = [];
  let fallback: Listener;
  if (proxy.type === 'router') {
    const gateways = ofKind(resources, 'Gateway');
    const { servers, unknown } = gatewayServers(gateways, labels, proxy.gateways, namespace);
    for (const port of new Set(servers.map((server) => server.port))) {
      const own = servers.filter((server) => server.port === port);
      listeners.push(listener(port, gatewayVirtualHosts(view, virtualServices, own, port, allServices)));
    }
    const anywhere = unknown.map((gateway) => ({
      gateway,
      port: DEFAULT_GATEWAY_PORT,
      isTls: false,
      httpsRedirect: false,
      hosts: ['*'],
    }));
    fallback = listener(
      DEFAULT_GATEWAY_PORT,
      gatewayVirtualHosts(view, virtualServices, anywhere, DEFAULT_GATEWAY_PORT, allServices),
    );
  } else {
    const unknownHosts = meshConfig.outboundTrafficPolicy?.mode ?? 'ALLOW_ANY';
    const meshRules = virtualServicesFor(virtualServices, 'mesh', namespace);
    for (const port of sidecarPorts(view.services)) {
      listeners.push(listener(port, sidecarVirtualHosts(view, meshRules, port, unknownHosts)));
    }
    fallback = listener(0, [otherHosts(unknownHosts)]);
  }
  const h2Upgrade = meshConfig.h2UpgradePolicy === 'UPGRADE';
  const clusters = compileClusters(view.services.values(), view.rules, h2Upgrade);
  return { table: { format: 1, listeners, fallback, clusters }, issues: report.issues };
}

function ofKind<K extends ValidResource['kind']>(
  resources: readonly ValidResource[],
  kind: K,
): ValidResourceOf<K>[] {
  return resources.filter((each): each is ValidResourceOf<K> => each.kind === kind);
}

/** Source: istio/api `mesh/v1alpha1/config.proto` (ProxyPathNormalization). */
function normalizationOf(word: string | undefined): ProxyView['normalization'] {
  switch (word) {
    case 'NONE':
    case 'MERGE_SLASHES':
    case 'DECODE_AND_MERGE_SLASHES':
      return word;
    default:
      return 'BASE';
  }
}
