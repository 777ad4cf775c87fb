/** Generated cases: a world, resources of many features, and requests that meet them. */
import { stringify } from 'yaml';
import { destinationRule } from './destination-rule.ts';
import { createDraw, type Draw } from './draw.ts';
import { HEADERS, PATHS, rule, type Spec, VALUES } from './rule.ts';
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
]);
const SERVER_HOSTS = [
  '*',
  '*.example.com',
  'a.example.com',
  'default/*',
  './*.a.example.com',
  '*/b.example.com',
];
const AUTHORITIES = [
  'greeter',
  'greeter:80',
  'greeter.default',
  'GREETER',
  'other',
  'greeter.prod',
  'a.example.com',
]
  .concat([
    'x.a.example.com',
    'b.example.com:80',
    '10.96.0.10',
    'unknown.org',
    'ext',
    'plain',
    'ext.prod',
    '240.0.0.1',
  ])
  .concat([
    '10.96.0.10:80',
    'greeter.default.svc',
    'greeter.default.svc.cluster.local.',
    'greeter.default.svc.cluster.local:8080',
    'a.example.com:8080',
    'greeter:99',
    '[::1]:80',
    'B.EXAMPLE.com',
    'example.com',
    '.example.com',
  ]);
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
  const isGateway = chance(0.3);
  const delegates = some(['leaf', 'twig'], 2);
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
      hosts: [...new Set([pick(HOSTS), ...some(HOSTS, 2)])],
      ...(isGateway ? { gateways: gateways() } : maybe(0.4, 'gateways', gateways)),
      ...maybe(0.2, 'exportTo', () => [pick(['*', '.', 'default', 'prod'])]),
      http: Array.from({ length: 1 + below(4) }, (_, each) => rule(draw, each, delegates)),
    }),
  );
  const leaves = delegates.map((each) =>
    resource(draw, 'VirtualService', each, 'default', { http: [rule(draw, 0, []), rule(draw, 1, [])] }),
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
        ...request(draw),
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
const SERVICES = [
  service('greeter', 'default', PORTS, ['v1', 'v2', 'v3']),
  service('other', 'default', PORTS.slice(0, 1), ['v1']),
  service('greeter', 'prod', PORTS.slice(0, 1), ['v1', 'v2']),
];

function service(name: string, namespace: string, ports: Spec, versions: readonly string[]): Spec {
  const endpoints = versions.map((version) => ({
    name: `${name}-${namespace}-${version}`,
    labels: { version },
  }));
  return { host: `${name}.${namespace}.svc.cluster.local`, namespace, ports, endpoints };
}

function request({ pick, chance, below, maybe }: Draw): Spec {
  const isGrpc = chance(0.15);
  const headers: [string, string][] = isGrpc ? [['content-type', 'application/grpc']] : [];
  for (let left = below(4); left > 0; left--) {
    const name = pick(HEADERS);
    if (name !== 'content-type' || !isGrpc) headers.push([name, pick(VALUES)]);
  }
  const isPreflight = !isGrpc && chance(0.12);
  if (isPreflight || chance(0.1))
    headers.push(['origin', pick(['https://a.com', 'https://b.x', 'https://evil.com'])]);
  if (isPreflight) headers.push(['access-control-request-method', pick(['GET', 'PUT'])]);
  if (chance(0.06)) headers.push(['x-forwarded-proto', pick(['https', 'HTTPS', 'ftp'])]);
  headers.push(['x-oracle-random', String(below(300))]);
  return {
    proto: isGrpc || chance(0.25) ? 'h2' : 'h1',
    port: pick([80, 80, 8080]),
    method: isGrpc ? 'POST' : isPreflight ? 'OPTIONS' : pick(['GET', 'GET', 'POST', 'HEAD']),
    authority: pick(AUTHORITIES),
    path:
      pick([
        ...PATHS,
        '/a/../b',
        '/%61',
        '/c/d',
        '/a%2Fb',
        '/a\\b',
        '/a/./b',
        '/a;p=1',
        '/%e4',
        '/é',
        '//',
        '/a?',
        '/A%2fb',
        '/a%',
        '*',
        '/a/b/c/',
        '/v1/items/',
        '/a.json',
        '/a%00',
        '/a%25',
      ]) + pick(['', '', '?q=1', '?id=a&q=', '?q', '#f']),
    headers,
    ...(isGrpc && { bodyB64: 'AAAAAAA=' }),
    ...maybe(0.1, 'upstream', () => [{ status: pick([200, 404, 503]), headers: [['x-a', 'up']] }]),
  };
}
