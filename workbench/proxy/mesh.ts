/**
 * The mesh that a proxy's state tells of: which services there are, and which settings all rules are subject to. With
 * these, rules make the table that the proxy would have of them. Pure.
 */

import { parseClusterName } from '../../router/compile/cluster-name.ts';
import { compileRetry } from '../../router/compile/retry.ts';
import type {
  Cluster,
  ForwardAction,
  MeshConfig,
  Route,
  RouteTable,
  Service,
  ServicePort,
} from '../../router/index.ts';
import type { ProxyState } from './proxy-state.ts';

const KUBERNETES = '.svc.cluster.local';

interface Draft {
  readonly ports: Map<number, 'HTTP' | 'HTTP2' | 'TCP'>;
  readonly addresses: Set<string>;
  resolution: Service['resolution'];
  /** No virtual host has its endpoints' own names, as those of Kubernetes' headless services do. */
  isBare: boolean;
  /** Of a name of another service that no rule is for. */
  externalName?: string;
}

/**
 * The services that the proxy knows, without endpoints. What a service's port speaks is told by who listens for it:
 * HTTP where there is a virtual host, TCP where there is none. A service whose virtual host has the full name of
 * another has that name, too.
 */
export function servicesOf({ table, identity }: ProxyState): Service[] {
  const drafts = new Map<string, Draft>();
  const draftOf = (host: string): Draft => {
    const draft = drafts.get(host) ?? {
      ports: new Map(),
      addresses: new Set(),
      resolution: undefined,
      isBare: true,
    };
    drafts.set(host, draft);
    return draft;
  };
  // A gateway has no virtual hosts for services, so that all of them may be spoken to in HTTP.
  const unheard = identity.type === 'router' ? 'HTTP' : 'TCP';
  const http2 = new Set<string>();
  for (const { destination, protocol, resolution } of table.clusters) {
    const { host, port, subset } = destination;
    const draft = draftOf(host);
    if (!draft.ports.has(port)) draft.ports.set(port, unheard);
    draft.resolution = resolution;
    if (protocol === 'http2' && subset === undefined) http2.add(`${host}:${port}`);
  }
  for (const { port, virtualHosts } of identity.type === 'router' ? [] : table.listeners) {
    for (const { name, domains } of virtualHosts) {
      const host = hostOf(name, port);
      // The virtual host of a rule's host that is no service has no other domain.
      if (host === undefined || (!drafts.has(host) && domains.length < 2)) continue;
      const draft = draftOf(host);
      draft.ports.set(port, http2.has(`${host}:${port}`) ? 'HTTP2' : 'HTTP');
      for (const domain of domains) if (isAddress(domain)) draft.addresses.add(unbracketed(domain));
      for (const domain of domains) {
        if (!domain.endsWith(KUBERNETES) || domain.startsWith('*') || domain === host) continue;
        const alias = draftOf(domain);
        alias.ports.set(port, 'HTTP');
        alias.externalName = host;
      }
      if (domains.includes(`*.${host}`)) Object.assign(draft, { resolution: 'NONE', isBare: false });
    }
  }
  return [...drafts].map(([host, { ports, addresses, resolution, isBare, externalName }]): Service => {
    const isKubernetes = host.endsWith(KUBERNETES) && !(isBare && resolution === 'NONE');
    const numbered = [...ports].sort(([a], [b]) => a - b);
    return {
      host,
      namespace: (host.endsWith(KUBERNETES) && host.split('.')[1]) || identity.namespace,
      registry: isKubernetes ? 'kubernetes' : 'external',
      ports: numbered.map(([number, protocol]): ServicePort => {
        return { name: `${protocol.toLowerCase()}-${number}`, number, protocol };
      }),
      addresses: [...addresses],
      endpoints: [],
      ...(resolution && { resolution }),
      ...(externalName !== undefined && { externalName }),
    };
  });
}

/** The settings of the mesh as far as the table shows them; the rest is as Istio has it by default. */
export function meshConfigOf({ table, identity }: ProxyState): MeshConfig {
  const hosts = table.listeners.flatMap(({ virtualHosts }) => virtualHosts);
  const isBlocked = hosts.some(({ name }) => name === 'block_all');
  const [listener] = table.listeners;
  const plain = hosts.flatMap(({ routes }) => routes).find(isPlain);
  return {
    ...(plain && retryOf(plain.action)),
    ...connectTimeoutOf(table),
    ...(identity.type === 'sidecar' && {
      outboundTrafficPolicy: { mode: isBlocked ? 'REGISTRY_ONLY' : 'ALLOW_ANY' },
    }),
    ...(listener && { pathNormalization: { normalization: listener.normalization } }),
  };
}

/** The clusters that routes lead to, without settings: all that is known of clusters from routes alone. */
export function namedClusters({ listeners }: RouteTable): Cluster[] {
  const actions = listeners.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ routes }) => routes.map(({ action }) => action)),
  );
  const names = actions.flatMap((action) =>
    action.kind === 'forward'
      ? [...action.destinations, ...action.mirrors].map(({ cluster }) => cluster)
      : [],
  );
  return [...new Set(names)].flatMap((name): Cluster[] => {
    const destination = parseClusterName(name);
    if (!destination) return [];
    const policy = { loadBalancer: { kind: 'LEAST_REQUEST' } } as const;
    return [{ name, destination, protocol: 'http1', endpoints: [], policy }];
  });
}

/** The route that a service has without a rule: it shows what is so by default. */
function isPlain(route: Route): route is Route & { readonly action: ForwardAction } {
  return route.name === 'default' && route.origin === undefined && route.action.kind === 'forward';
}

/** The mesh's own policy, where it is another than Istio's. */
function retryOf({ retry, hashPolicy }: ForwardAction): Pick<MeshConfig, 'defaultHttpRetryPolicy'> {
  if (!retry) return { defaultHttpRetryPolicy: { attempts: 0 } };
  const isHashed = hashPolicy.length > 0;
  if (JSON.stringify(retry) === JSON.stringify(compileRetry(undefined, isHashed))) return {};
  const { attempts, perTryTimeoutMs, retryOn, statusCodes, backoffMs, avoidPreviousHosts } = retry;
  return {
    defaultHttpRetryPolicy: {
      attempts,
      ...(perTryTimeoutMs > 0 && { perTryTimeout: `${perTryTimeoutMs / 1000}s` }),
      retryOn: [...retryOn, ...statusCodes].join(','),
      backoff: `${backoffMs / 1000}s`,
      ...(avoidPreviousHosts === isHashed && { retryIgnorePreviousHosts: avoidPreviousHosts }),
    },
  };
}

/** The timeout that most services have is the mesh's own. */
function connectTimeoutOf({ clusters }: RouteTable): Pick<MeshConfig, 'connectTimeout'> {
  const counts = new Map<number, number>();
  for (const { destination, policy } of clusters) {
    const timeoutMs = policy.connectionPool?.connectTimeoutMs;
    if (timeoutMs === undefined || destination.subset !== undefined) continue;
    counts.set(timeoutMs, (counts.get(timeoutMs) ?? 0) + 1);
  }
  const [usual] = [...counts].sort(([, one], [, other]) => other - one);
  return usual ? { connectTimeout: `${usual[0] / 1000}s` } : {};
}

/** `reviews.default.svc.cluster.local` of `reviews.default.svc.cluster.local:80`; undefined for `allow_any`. */
function hostOf(name: string, port: number): string | undefined {
  const suffix = `:${port}`;
  return name.endsWith(suffix) ? unbracketed(name.slice(0, -suffix.length)) : undefined;
}

const isAddress = (domain: string): boolean => /^\d+(?:\.\d+){3}$|^\[[\da-f:.]+\]$/.test(domain);
const unbracketed = (domain: string): string => domain.replace(/^\[(.*)\]$/, '$1');
