/** What rules ask for that is not carried out, as warnings. Imports schema types and issues. */
import type { Cluster, Issue, Steps, ValidResource, ValidResourceOf } from '../../router/index.ts';
import { durationMs } from '../../router/schema/duration.ts';
import { TURNS } from '../../router/steps.ts';

/** What carrying rules out depends on, besides themselves. */
export interface Means {
  /** This workload has something to show to others of its mesh. */
  readonly hasWorkloadCertificate: boolean;
  /** There are Secrets for rules that name some. */
  readonly hasSecrets: boolean;
  /** The workload is a gateway at the edge. */
  readonly isRouter: boolean;
}

/**
 * One warning for each rule that would be routed without something that it asks for, and one for all `clusters`, which a
 * control plane has made of rules that are not seen here: nothing is left out in silence.
 */
export function* limitationsOf(
  resources: readonly ValidResource[],
  means: Means,
  clusters: readonly Cluster[] = [],
): Steps<readonly Issue[]> {
  const { hasWorkloadCertificate, hasSecrets, isRouter } = means;
  const known = knownBy[Number(hasWorkloadCertificate) + 2 * Number(hasSecrets) + 4 * Number(isRouter)]!;
  let issues = known.get(resources);
  if (!issues) {
    const found: Issue[] = [];
    let turn = 0;
    for (const resource of resources) {
      let own = known.get(resource);
      if (!own) {
        own = ofResource(resource, means);
        known.set(resource, own);
      }
      if (own.length > 0) found.push(...own);
      if (++turn % TURNS === 0) yield;
    }
    issues = found;
    known.set(resources, issues);
  }
  return means.hasWorkloadCertificate ? issues : [...issues, ...meshlessOf(clusters)];
}

/** A resource that a reload leaves as it is is the same object, as is the list of all, and need not be looked at again. */
const knownBy = Array.from(
  { length: 8 },
  () => new WeakMap<ValidResource | readonly ValidResource[], readonly Issue[]>(),
);

function ofResource(resource: ValidResource, means: Means): readonly Issue[] {
  if (resource.kind === 'VirtualService') return ofVirtualService(resource);
  return resource.kind === 'DestinationRule' ? ofDestinationRule(resource, means) : [];
}

function ofVirtualService(resource: ValidResourceOf<'VirtualService'>): Issue[] {
  const limited = (resource.spec.http ?? []).flatMap((rule, index) => {
    const features = [...(rule.retries?.retryRemoteLocalities ? ['retryRemoteLocalities'] : [])];
    return features.length === 0 ? [] : [issueOf(resource, ['spec', 'http', index], features)];
  });
  return [...limited, ...unroutedOf([resource])];
}

/** A warning for each rule for connections: they are valid, and only HTTP is routed. */
export function unroutedOf(resources: readonly ValidResource[]): Issue[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    return (['tcp', 'tls'] as const).flatMap((layer) =>
      (resource.spec[layer] ?? []).map((_, index) =>
        issueOf(
          resource,
          ['spec', layer, index],
          [`${layer} routing`],
          'its connections are not routed, HTTP alone is carried',
        ),
      ),
    );
  });
}

function ofDestinationRule(
  resource: ValidResourceOf<'DestinationRule'>,
  { hasWorkloadCertificate, hasSecrets, isRouter }: Means,
): Issue[] {
  const { trafficPolicy, subsets = [], workloadSelector } = resource.spec;
  const credentialEffect =
    isRouter || workloadSelector
      ? hasSecrets
        ? undefined
        : 'no source of rules has Secrets, and no connection is made'
      : 'a sidecar takes it from a rule with a workloadSelector alone, and requests go in plaintext';
  return [
    { path: ['spec', 'trafficPolicy'], policy: trafficPolicy },
    ...subsets.map(({ trafficPolicy: policy }, index) => ({
      path: ['spec', 'subsets', index, 'trafficPolicy'],
      policy,
    })),
  ].flatMap(({ path, policy }) => {
    if (!policy) return [];
    const all = [policy, ...(policy.portLevelSettings ?? [])];
    const asks = (test: (part: (typeof all)[number]) => unknown): boolean => all.some((part) => test(part));
    const features = [
      ...(asks(({ loadBalancer }) => loadBalancer?.localityLbSetting) ? ['localityLbSetting'] : []),
      ...(asks(({ loadBalancer }) => loadBalancer?.zoneAwareLbSetting) ? ['zoneAwareLbSetting'] : []),
      // Runtimes set how long a connection may be silent, and nothing more.
      ...(asks(({ connectionPool }) => connectionPool?.tcp?.tcpKeepalive?.probes)
        ? ['tcpKeepalive.probes']
        : []),
      ...(asks(({ connectionPool }) => connectionPool?.tcp?.tcpKeepalive?.interval)
        ? ['tcpKeepalive.interval']
        : []),
      ...((durationMs(policy.retryBudget?.budgetInterval) ?? 0) > 0 ? ['retryBudget.budgetInterval'] : []),
      ...(policy.tunnel ? ['tunnel'] : []),
      ...(policy.proxyProtocol ? ['proxyProtocol'] : []),
    ];
    const isSecretless = credentialEffect !== undefined && asks(({ tls }) => tls?.credentialName);
    const isMeshless = !hasWorkloadCertificate && asks(({ tls }) => tls?.mode === 'ISTIO_MUTUAL');
    return [
      ...(features.length === 0 ? [] : [issueOf(resource, path, features)]),
      ...(isSecretless ? [issueOf(resource, path, ['credentialName'], credentialEffect)] : []),
      ...(isMeshless ? [issueOf(resource, path, ['ISTIO_MUTUAL'], NO_CERTIFICATE)] : []),
    ];
  });
}

const NO_CERTIFICATE =
  'there is no workload certificate, and no connection is made; give one by --certificates';

function meshlessOf(clusters: readonly Cluster[]): Issue[] {
  const asking = clusters.filter(({ policy: { tls } }) => tls?.mode === 'ISTIO_MUTUAL' && !tls.isAutomatic);
  if (asking.length === 0) return [];
  const others = asking.length > 1 ? ` and ${asking.length - 1} others` : '';
  const message = `Cannot carry out ISTIO_MUTUAL of cluster ${asking[0]!.name}${others}: ${NO_CERTIFICATE}`;
  return [{ code: 'not-carried-out', severity: 'warning', message }];
}

function issueOf(
  resource: ValidResource,
  path: readonly (string | number)[],
  features: string[],
  effect = 'requests are routed without',
): Issue {
  const { kind, metadata, source } = resource;
  const where = path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
  const position = source?.position(path);
  return {
    code: 'not-carried-out',
    severity: 'warning',
    message: `Cannot carry out ${features.join(', ')} of ${where} yet: ${effect}`,
    path,
    resource: { kind, namespace: metadata.namespace, name: metadata.name },
    ...(source !== undefined &&
      position !== undefined && { file: source.file, ...position, excerpt: source.line(position.line) }),
  };
}
