/** Services and their DestinationRules -> clusters. Imports schema types and the table's. */
import type { DestinationRuleSpec } from '../schema/destination-rule.ts';
import type { Cluster, ClusterEndpoint, Service, ServicePort } from '../table/cluster.ts';
import { clusterName } from './cluster-name.ts';
import type { DestinationRules } from './destination-rule.ts';
import type { EndpointIndex } from './endpoint.ts';
import { isHttp2, isHttpOrUnknown, isKubernetes } from './service.ts';
import { compilePolicy, type PolicyContext, policyParts } from './traffic-policy.ts';

/** What all clusters of a proxy depend on. */
export interface ClusterOptions {
  /** HTTP goes upstream over HTTP/2 unless a rule says otherwise. */
  readonly h2Upgrade: boolean;
  /** A gateway has no original destination: where it would count, there is no endpoint. */
  readonly isRouter: boolean;
  /** Of destinations whose rule says none; undefined: the default. */
  readonly connectTimeoutMs: number | undefined;
}

/**
 * One cluster for each port of a service, and one more for each subset of it. A subset holds the endpoints
 * that carry all of its labels; without labels, all. A service whose names are looked up for each request
 * (`DYNAMIC_DNS`) has no subsets, one that is another's name no cluster.
 *
 * Source: Istio `pilot/pkg/networking/core/cluster.go` (buildOutboundClusters),
 * `pilot/pkg/networking/core/cluster_builder.go` (applyDestinationRule, buildSubsetCluster).
 */
export function compileClusters(
  service: Service,
  rules: DestinationRules,
  { endpointsOf, accountsOf }: EndpointIndex,
  { h2Upgrade, isRouter, connectTimeoutMs }: ClusterOptions,
): Cluster[] {
  const clusters: Cluster[] = [];
  if (service.externalName !== undefined) return clusters;
  const rule = rules.ruleOf(service);
  const accounts = accountsOf(service);
  for (const port of service.ports) {
    if (port.protocol.toUpperCase() === 'UDP') continue;
    const all = endpointsOf(service, port);
    const isDynamic = service.resolution === 'DYNAMIC_DNS';
    const hasNoEndpoints =
      isDynamic || (service.resolution === 'NONE' && !isKubernetes(service) && !isRouter);
    for (const subset of [undefined, ...((isDynamic ? undefined : rule?.subsets) ?? [])]) {
      const endpoints = subset ? all.filter((endpoint) => hasLabels(endpoint, subset.labels ?? {})) : all;
      // Envoy is given no cluster by DNS that has no name to look up.
      if (service.resolution?.startsWith('DNS') && endpoints.length === 0) continue;
      clusters.push(
        compileCluster(service, port, rule, subset, endpoints, {
          ...{
            h2Upgrade,
            isPassthrough: hasNoEndpoints || isPassthrough(rule, subset, port),
            connectTimeoutMs,
          },
          accounts,
          takesCredentials: isRouter || rule?.workloadSelector !== undefined,
        }),
      );
    }
  }
  return clusters;
}

type Subset = NonNullable<DestinationRuleSpec['subsets']>[number];

/** A port without load balancing has none for its subsets either, and a subset without has none on any port, whatever else is asked for. */
function isPassthrough(
  rule: DestinationRuleSpec | undefined,
  subset: Subset | undefined,
  port: ServicePort,
): boolean {
  const base = policyParts(rule, undefined, port.number).loadBalancer;
  return [base, subset?.trafficPolicy?.loadBalancer].some((each) => each?.simple === 'PASSTHROUGH');
}

function compileCluster(
  service: Service,
  port: ServicePort,
  rule: DestinationRuleSpec | undefined,
  subset: Subset | undefined,
  endpoints: readonly ClusterEndpoint[],
  {
    h2Upgrade,
    ...context
  }: Pick<PolicyContext, 'isPassthrough' | 'accounts' | 'takesCredentials' | 'connectTimeoutMs'> & {
    readonly h2Upgrade: boolean;
  },
): Cluster {
  const parts = policyParts(rule, subset?.name, port.number);
  const { resolution = 'STATIC' } = service;
  const http = parts.connectionPool?.http;
  const isHttp2Cluster =
    !http?.useClientProtocol && (isHttp2(port.protocol) || upgrades(http, port, h2Upgrade));
  const destination = { host: service.host, ...(subset && { subset: subset.name }), port: port.number };
  return {
    name: clusterName(service.host, subset?.name ?? '', port.number),
    destination,
    protocol: isHttp2Cluster ? 'http2' : 'http1',
    endpoints,
    ...(subset && { selector: subset.labels ?? {} }),
    // A name that is looked up for each request is the original destination's.
    ...(resolution !== 'STATIC' && { resolution: resolution === 'DYNAMIC_DNS' ? 'NONE' : resolution }),
    policy: compilePolicy(parts, {
      ...context,
      destination,
      isExternal: !isKubernetes(service),
      isHttp2: isHttp2Cluster,
    }),
  };
}

type HttpSettings = NonNullable<ReturnType<typeof policyParts>['connectionPool']>['http'];

/** Source: Istio `pilot/pkg/networking/core/cluster_traffic_policy.go` (shouldH2Upgrade). */
function upgrades(http: HttpSettings, port: ServicePort, byDefault: boolean): boolean {
  if (http?.h2UpgradePolicy === 'UPGRADE') return true;
  if (http?.h2UpgradePolicy === 'DO_NOT_UPGRADE') return false;
  return byDefault && port.protocol !== '' && isHttpOrUnknown(port.protocol);
}

function hasLabels({ labels }: ClusterEndpoint, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
