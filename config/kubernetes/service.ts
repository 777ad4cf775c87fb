/**
 * Kubernetes Services, with the EndpointSlices and Pods behind them -> the router's services. Pure.
 *
 * Source: Istio `pilot/pkg/serviceregistry/kube/conversion.go` (ConvertService), `pkg/config/kube/conversion.go`
 * (ConvertProtocol), `pilot/pkg/serviceregistry/kube/controller/endpointslice.go`.
 */
import type { Endpoint, Service, ServicePort } from '../../router/table/cluster.ts';
import type { KubernetesObject } from './reflector.ts';

type Labels = Readonly<Record<string, string>>;

/** What is read of a Service. */
export interface KubernetesService extends KubernetesObject {
  readonly spec?: {
    readonly type?: string;
    readonly externalName?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly protocol?: string;
      readonly appProtocol?: string;
    }[];
  };
}

/** What is read of an EndpointSlice. */
export interface EndpointSlice extends KubernetesObject {
  readonly addressType: string;
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  /** An API server sends null for a Service that nothing stands behind. */
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?: { readonly ready?: boolean };
        readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
      }[]
    | null;
}

/** Istio's annotation for the namespaces that see a service. */
const EXPORT_TO = 'networking.istio.io/exportTo';

/** All of a Service that is kept, ready but for its endpoints. */
export function readService({ metadata, spec }: KubernetesService): Omit<Service, 'endpoints'> {
  const { name, namespace = '', annotations = {}, creationTimestamp } = metadata;
  const externalName = spec?.type === 'ExternalName' ? spec.externalName : undefined;
  const isHeadless = !externalName && (spec?.clusterIP === 'None' || !spec?.clusterIP);
  const exportTo = (annotations[EXPORT_TO] ?? '').split(',').flatMap((each) => each.trim() || []);
  return {
    host: `${name}.${namespace}.svc.cluster.local`,
    namespace,
    ports: (spec?.ports ?? []).map(readPort),
    addresses: isHeadless || externalName ? [] : (spec?.clusterIPs ?? [spec?.clusterIP ?? '']),
    registry: 'kubernetes',
    ...(exportTo.length > 0 && { exportTo }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(externalName && { externalName }),
    ...(isHeadless && { resolution: 'NONE' as const }),
  };
}

/** Ports of protocols that do not let the client speak first. */
const WELL_KNOWN_TCP: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

function readPort({
  name = '',
  port,
  protocol,
  appProtocol,
}: NonNullable<NonNullable<KubernetesService['spec']>['ports']>[number]): ServicePort {
  return { name, number: port, protocol: protocolOf(name, port, protocol, appProtocol) };
}

function protocolOf(name: string, port: number, transport = 'TCP', appProtocol?: string): string {
  if (transport === 'UDP') return 'UDP';
  switch (appProtocol) {
    case 'kubernetes.io/h2c':
      return 'HTTP2';
    case 'kubernetes.io/ws':
      return 'HTTP';
    case 'kubernetes.io/wss':
      return 'HTTPS';
  }
  const text = (appProtocol ?? name).toUpperCase();
  if (text.startsWith('GRPC-WEB')) return 'GRPC-WEB';
  const word = /^[^-]*/.exec(text)![0];
  if (PROTOCOLS.has(word)) return word;
  return WELL_KNOWN_TCP.has(port) ? 'TCP' : '';
}

const PROTOCOLS: ReadonlySet<string> = new Set([
  ...['TCP', 'UDP', 'TLS', 'HTTPS', 'MONGO', 'REDIS', 'MYSQL'],
  ...['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC'],
]);

/** All of an EndpointSlice that is kept. */
export interface KeptSlice {
  /** `NAMESPACE/NAME` of its Service; undefined for a slice of none. */
  readonly service: string | undefined;
  readonly family: string;
  /** Ports by the name that the Service has for them. */
  readonly ports: Readonly<Record<string, number>>;
  readonly endpoints: readonly {
    readonly address: string;
    /** `NAMESPACE/NAME`. */
    readonly pod?: string;
  }[];
}

/** The endpoints of a slice that take requests. */
export function readSlice({ metadata, addressType, ports, endpoints }: EndpointSlice): KeptSlice {
  const { namespace = '', labels = {} } = metadata;
  const name = labels['kubernetes.io/service-name'];
  return {
    service: name === undefined ? undefined : `${namespace}/${name}`,
    family: addressType,
    ports: Object.fromEntries(
      (ports ?? []).flatMap(({ name = '', port }) => (port === undefined ? [] : [[name, port] as const])),
    ),
    endpoints: (endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
      const address = addresses[0];
      if (conditions?.ready === false || address === undefined) return [];
      const isPod = targetRef?.kind === 'Pod' && targetRef.name !== undefined;
      return [{ address, ...(isPod && { pod: `${targetRef.namespace ?? namespace}/${targetRef.name}` }) }];
    }),
  };
}

/**
 * A service with the endpoints of its slices, of the first family of addresses that has some. Each is once there,
 * whichever slices name it, with the labels of its Pod.
 */
export function joinService(
  service: Omit<Service, 'endpoints'>,
  slices: readonly KeptSlice[],
  labelsOf: (pod: string) => Labels | undefined,
): Service {
  const family = FAMILIES.find((each) =>
    slices.some(({ family, endpoints }) => family === each && endpoints.length > 0),
  );
  const places = new Map<string, { labels: Labels; ports: Readonly<Record<string, number>>; pod?: string }>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { address, pod } of slice.endpoints) {
      const known = places.get(address);
      if (known) known.ports = { ...known.ports, ...slice.ports };
      else
        places.set(address, {
          labels: (pod && labelsOf(pod)) || {},
          ports: slice.ports,
          ...(pod !== undefined && { pod }),
        });
    }
  }
  const first = service.ports[0]?.name ?? '';
  const endpoints = [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([address, { labels, ports, pod }]): Endpoint => {
      const port = ports[first] ?? Object.values(ports)[0] ?? 0;
      return {
        id: `${address.includes(':') ? `[${address}]` : address}:${port}`,
        labels,
        target: { kind: 'socket', address, ports, ...(pod !== undefined && { pod }) },
      };
    });
  return { ...service, endpoints };
}

const FAMILIES = ['IPv4', 'IPv6'] as const;
