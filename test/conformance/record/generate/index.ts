/** Generated cases: a world, resources of many features, and requests that meet them. */
import { stringify } from 'yaml';
import { destinationRule } from './destination-rule.ts';
import { createDraw, type Draw } from './draw.ts';
import { focusOf, request } from './request.ts';
import { rule, type Spec } from './rule.ts';
import { serviceEntry, workloadEntry } from './service-entry.ts';

/** A case of the corpus' format, and its resources one by one: some may be refused by Istio. */
export interface GeneratedCase {
  readonly name: string;
  readonly documents: readonly Spec[];
  readonly world: Spec;
}

const HOSTS = [
  'greeter',
  'greeter.default.svc.cluster.local',
  'other',
  '*.example.com',
  'a.example.com',
].concat([
  '*',
  'ext.default.svc.cluster.local',
  'plain',
  'b.example.com',
  'greeter.default',
  '10.96.0.10',
  'x.a.example.com',
  '*.a.example.com',
  '*.default.svc.cluster.local',
  '*.cluster.local',
  'greeter.prod',
  'A.Example.com',
  'greeter.prod.svc.cluster.local',
  'empty',
  'single.default.svc.cluster.local',
  'greeter.default.svc',
  '*.com',
  '*.prod.svc.cluster.local',
]);
const SERVER_HOSTS = [
  '*',
  '*.example.com',
  'a.example.com',
  'default/*',
  './*.a.example.com',
  '*/b.example.com',
  'prod/*',
  'prod/a.example.com',
  '*.com',
  'greeter.default.svc.cluster.local',
  '~/*',
];
const NAMESPACES = ['default', 'default', 'default', 'prod', 'istio-system'];
const SUBSETS = ['v1', 'v2', 'v3'].map((name) => ({ name, labels: { version: name } }));

/** The documents as one text. */
export function yamlOf(documents: readonly Spec[]): string {
  return documents
    .map((each) => stringify(each, { version: '1.1', aliasDuplicateObjects: false }))
    .join('---\n');
}

/** So many cases of a seed; `requests` of each. */
export function generate(seed: number, count: number, requests: number): GeneratedCase[] {
  const draw = createDraw(seed);
  return Array.from({ length: count }, (_, index) =>
    generateCase(draw, `generated-${seed}-${index}`, requests),
  );
}

function generateCase(draw: Draw, name: string, count: number): GeneratedCase {
  const { chance, pick, maybe, some, below } = draw;
  const isGateway = chance(0.35);
  // Every other case has few hosts, so that its rules meet.
  const hosts = chance(0.5) ? HOSTS : [...some(HOSTS, 1), pick(HOSTS)];
  const delegates = some(['leaf', 'twig'], 2).map((name): { name: string; namespace?: string } => ({
    name,
    ...maybe(0.3, 'namespace', () => pick(['default', 'prod'])),
  }));
  const gateways = () =>
    pick(
      isGateway
        ? [
            ['gw'],
            ['default/gw'],
            ['gw', 'mesh'],
            ['gw', 'istio-system/gw2'],
            ['./gw2', 'default/gw'],
            ['gw.default'],
          ]
        : [['mesh'], ['mesh', 'gw'], ['gw']],
    );
  const roots = Array.from({ length: 1 + below(3) }, (_, index) =>
    resource(draw, 'VirtualService', `v${index}`, pick(NAMESPACES), {
      hosts: [...new Set([pick(hosts), ...some(hosts, 2)])],
      ...(isGateway ? { gateways: gateways() } : maybe(0.4, 'gateways', gateways)),
      ...maybe(0.2, 'exportTo', () =>
        pick([['*'], ['.'], ['default'], ['prod'], ['prod', 'istio-system'], ['.', 'default']]),
      ),
      http: Array.from({ length: 1 + below(4) }, (_, each) => rule(draw, each, delegates)),
    }),
  );
  const leaves = delegates.map(({ name, namespace }) =>
    resource(draw, 'VirtualService', name, namespace ?? 'default', {
      http: Array.from({ length: 1 + below(3) }, (_, each) => rule(draw, each, [])),
      ...maybe(0.15, 'exportTo', () => [pick(['*', '.', 'default', 'prod'])]),
    }),
  );
  const others = several(draw, 2, 'DestinationRule', 'd', destinationRule);
  const entries = chance(0.5) ? several(draw, 2, 'ServiceEntry', 's', serviceEntry) : [];
  const workloads = chance(0.3) ? several(draw, 3, 'WorkloadEntry', 'w', workloadEntry) : [];
  const servers = Array.from({ length: 1 + below(2) }, (_, index) => ({
    port: { number: pick([80, 80, 8080]), name: `http${index}`, protocol: 'HTTP' },
    hosts: [...new Set([pick(SERVER_HOSTS), ...some(SERVER_HOSTS, 2)])],
    ...maybe(0.1, 'tls', () => ({ httpsRedirect: true })),
  }));
  const gateway = resource(draw, 'Gateway', 'gw', 'default', {
    selector: { istio: 'ingressgateway' },
    servers,
  });
  const more = resource(draw, 'Gateway', 'gw2', pick(['default', 'istio-system', 'prod']), {
    selector: { istio: pick(['ingressgateway', 'ingressgateway', 'other']) },
    servers: servers.slice(0, 1).map((server) => ({ ...server, hosts: [pick(SERVER_HOSTS)] })),
  });
  const gatewayDocuments = chance(0.3) ? [gateway, more] : [gateway];
  const focus = focusOf([...roots, ...leaves]);
  const base = resource(draw, 'DestinationRule', 'base', 'default', { host: 'greeter', subsets: SUBSETS });
  return {
    name,
    documents: [
      ...(isGateway ? gatewayDocuments : []),
      ...roots,
      ...leaves,
      ...entries,
      ...workloads,
      ...others,
      base,
    ],
    world: {
      name,
      doc: 'generated: many features of few words together',
      features: ['generated'],
      proxy: isGateway
        ? { type: 'router', namespace: 'istio-system', labels: { istio: 'ingressgateway' } }
        : { type: 'sidecar', namespace: pick(['default', 'default', 'prod']), labels: { app: 'client' } },
      services: SERVICES,
      ...maybe(0.15, 'meshConfig', () => meshConfig(draw)),
      requests: Array.from({ length: count }, (_, index) => ({
        id: `r${String(index + 1).padStart(2, '0')}`,
        ...request(draw, focus),
      })),
    },
  };
}

/** Up to so many of a kind, in some namespace. */
function several(
  draw: Draw,
  most: number,
  kind: string,
  prefix: string,
  specOf: (draw: Draw) => Spec,
): Spec[] {
  return Array.from({ length: draw.below(most + 1) }, (_, index) =>
    resource(draw, kind, `${prefix}${index}`, draw.pick(NAMESPACES), specOf(draw)),
  );
}

function resource({ pick, maybe }: Draw, kind: string, name: string, namespace: string, spec: Spec): Spec {
  const created = maybe(0.5, 'creationTimestamp', () => `2026-01-0${pick([1, 2, 3])}T00:00:00Z`);
  return { apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace, ...created }, spec };
}

function meshConfig({ pick }: Draw): Spec {
  return pick([
    { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
    { defaultHttpRetryPolicy: { attempts: 1, retryOn: '503' } },
    { defaultHttpRetryPolicy: { attempts: 0 } },
    { h2UpgradePolicy: 'UPGRADE' },
    { pathNormalization: { normalization: 'MERGE_SLASHES' } },
    { pathNormalization: { normalization: 'DECODE_AND_MERGE_SLASHES' } },
    { pathNormalization: { normalization: 'NONE' } },
    { defaultServiceExportTo: ['.'] },
    { defaultVirtualServiceExportTo: ['.'] },
    { defaultDestinationRuleExportTo: ['.'] },
    { rootNamespace: 'prod' },
    { connectTimeout: '3s' },
  ]);
}

const PORTS = [80, 8080].map((number) => ({ name: `http-${number}`, number, protocol: 'HTTP' }));
const GRPC_PORT = { name: 'grpc', number: 9090, protocol: 'GRPC' };
const SERVICES = [
  service('greeter', 'default', [...PORTS, GRPC_PORT], ['v1', 'v2', 'v3']),
  service('other', 'default', PORTS.slice(0, 1), ['v1']),
  service('greeter', 'prod', PORTS.slice(0, 1), ['v1', 'v2']),
  service('single', 'default', [{ name: 'http2', number: 8080, protocol: 'HTTP2' }], ['v1']),
  service('empty', 'default', PORTS.slice(0, 1), []),
];

function service(name: string, namespace: string, ports: Spec, versions: readonly string[]): Spec {
  const endpoints = versions.map((version) => ({
    name: `${name}-${namespace}-${version}`,
    labels: { version },
  }));
  return { host: `${name}.${namespace}.svc.cluster.local`, namespace, ports, endpoints };
}
