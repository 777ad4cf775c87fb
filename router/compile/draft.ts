/**
 * A whole compilation with all that the next one can take over. Imports schema types, the table's, and issues.
 */
import type { Issue } from '../issue.ts';
import { durationMs } from '../schema/duration.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { HTTPRetry } from '../schema/virtual-service.ts';
import type { Steps } from '../steps.ts';
import type { Cluster, Service } from '../table/cluster.ts';
import type { Listener, RouteTable } from '../table/route-table.ts';
import type { Assembly } from './assembly.ts';
import { compileClusters } from './cluster.ts';
import { indexDestinationRules } from './destination-rule.ts';
import { indexEndpoints } from './endpoint.ts';
import { gatewayServers, gatewayVirtualHosts } from './gateway.ts';
import { importServices } from './import.ts';
import type { CompileOptions } from './option.ts';
import { createReport } from './report.ts';
import type { BoundServer } from './server-region.ts';
import { servicesOfEntries } from './service.ts';
import { aliasesByHost, exportedServices, selectServices, servicesByHost } from './service-view.ts';
import { otherHosts, type ProxyView, sidecarPorts, sidecarVirtualHosts } from './sidecar.ts';
import {
  type PreparedVirtualService,
  prepareVirtualService,
  rootVirtualServices,
  type VirtualServiceContext,
  virtualServiceContext,
  virtualServicesFor,
} from './virtual-service.ts';

/** Where Istio lives, if the mesh does not say. */
const DEFAULT_ROOT_NAMESPACE = 'istio-system';
/** The port that a gateway without a Gateway resource stands for. */
const DEFAULT_GATEWAY_PORT = 80;

/** See {@link draw}. */
export interface Draft {
  readonly resources: readonly ValidResource[];
  readonly options: CompileOptions;
  readonly context: VirtualServiceContext;
  /** Oldest first. */
  readonly roots: readonly Root[];
  /** One for each listener of the table, and its fallback's. */
  readonly assemblies: readonly Assembly[];
  /** Those that the table's clusters are made of, by host. */
  readonly services: ReadonlyMap<string, Service>;
  /** The clusters of a service, with the rules and settings of the draft. */
  clustersOf(service: Service): readonly Cluster[];
  /** True for a service whose endpoints are also others', or the other way round. */
  sharesEndpoints(service: Service): boolean;
  /** Some services are there only if a rule names them. */
  readonly hasImports: boolean;
  readonly table: RouteTable;
}

/** A VirtualService with hosts. */
export interface Root {
  readonly resource: ValidResourceOf<'VirtualService'>;
  readonly prepared: PreparedVirtualService;
  readonly issues: readonly Issue[];
}

/** One VirtualService made ready. */
export function drawRoot(resource: Root['resource'], context: VirtualServiceContext): Root {
  const report = createReport();
  return { resource, prepared: prepareVirtualService(resource, context, report), issues: report.issues };
}

/** Compiles everything. */
export function* draw(resources: readonly ValidResource[], options: CompileOptions): Steps<Draft> {
  const { proxy = {}, meshConfig = {} } = options;
  const namespace = proxy.namespace || 'default';
  const labels = new Map(Object.entries(proxy.labels ?? {}));
  const rootNamespace = meshConfig.rootNamespace || DEFAULT_ROOT_NAMESPACE;

  const allServices = [...(options.services ?? []), ...servicesOfEntries(resources, meshConfig.trustDomain)];
  const exported = exportedServices(allServices, namespace, meshConfig.defaultServiceExportTo);
  const selected = proxy.type === 'router' ? exported : selectServices(exported, namespace);
  const services = servicesByHost(selected);
  const view: ProxyView = {
    source: { namespace, labels, gateway: 'mesh' },
    services,
    selected,
    aliases: aliasesByHost(allServices),
    rules: indexDestinationRules(
      ofKind(resources, 'DestinationRule'),
      { namespace, labels, rootNamespace },
      meshConfig.defaultDestinationRuleExportTo,
    ),
    defaultRetry: meshConfig.defaultHttpRetryPolicy as HTTPRetry | undefined,
    normalization: normalizationOf(meshConfig.pathNormalization?.normalization),
  };
  const written = ofKind(resources, 'VirtualService');
  const context = virtualServiceContext(written, meshConfig.defaultVirtualServiceExportTo);
  yield;
  const roots: Root[] = [];
  for (const each of rootVirtualServices(written)) {
    roots.push(drawRoot(each, context));
    yield;
  }
  const virtualServices = roots.map(({ prepared }) => prepared);

  const assemblies: Assembly[] = [];
  const listener = (port: number, assembly: Assembly, servers: readonly BoundServer[] = []): Listener => {
    const tls = servers.flatMap(({ serverTls }) => serverTls ?? []);
    assemblies.push(assembly);
    return {
      port,
      virtualHosts: assembly.hosts.map(({ virtualHost }) => virtualHost),
      ignorePortInHost: true,
      trustForwardedProto: proxy.type !== 'router',
      normalization: view.normalization,
      ...(tls.length > 0 && { tls }),
    };
  };
  const listeners: Listener[] = [];
  let hasImports = false;
  let fallback: Listener;
  if (proxy.type === 'router') {
    const gateways = ofKind(resources, 'Gateway');
    const { servers, unknown } = gatewayServers(gateways, labels, proxy.gateways, namespace);
    const ports = servers.filter(({ tls }) => tls !== 'passthrough').map(({ port }) => port);
    for (const port of new Set(ports)) {
      const own = servers.filter((server) => server.port === port);
      listeners.push(listener(port, yield* gatewayVirtualHosts(view, virtualServices, own, port), own));
    }
    const anywhere = unknown.map((gateway) => ({
      gateway,
      port: DEFAULT_GATEWAY_PORT,
      isTls: false,
      httpsRedirect: false,
      hosts: ['*'],
      bind: '',
    }));
    fallback = listener(
      DEFAULT_GATEWAY_PORT,
      yield* gatewayVirtualHosts(view, virtualServices, anywhere, DEFAULT_GATEWAY_PORT),
    );
  } else {
    const unknownHosts = meshConfig.outboundTrafficPolicy?.mode ?? 'ALLOW_ANY';
    const meshRules = virtualServicesFor(virtualServices, 'mesh', namespace);
    const seen = new Set(exported);
    const own = allServices.filter((each) => each.namespace === namespace);
    hasImports = own.some((each) => !seen.has(each));
    if (hasImports) {
      const shown = new Set(meshRules);
      importServices(
        services,
        own,
        roots.filter(({ prepared }) => shown.has(prepared)),
        namespace,
      );
    }
    for (const port of sidecarPorts(selected)) {
      listeners.push(listener(port, yield* sidecarVirtualHosts(view, meshRules, port, unknownHosts)));
    }
    fallback = listener(0, { hosts: [{ virtualHost: otherHosts(unknownHosts), sources: [] }], sources: [] });
  }
  const h2Upgrade = meshConfig.h2UpgradePolicy === 'UPGRADE';
  const isRouter = proxy.type === 'router';
  const connectTimeoutMs = durationMs(meshConfig.connectTimeout);
  const endpoints = indexEndpoints(allServices);
  const clustersOf = (service: Service) =>
    compileClusters(service, view.rules, endpoints, { h2Upgrade, isRouter, connectTimeoutMs });
  const clusters: Cluster[] = [];
  for (const service of view.services.values()) {
    clusters.push(...clustersOf(service));
    yield;
  }
  return {
    resources,
    options,
    context,
    roots,
    assemblies,
    services: view.services,
    sharesEndpoints: (service) => endpoints.isShared(service),
    clustersOf,
    table: { format: 1, listeners, fallback, clusters },
    hasImports,
  };
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
