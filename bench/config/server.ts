/**
 * A Kubernetes API server and a control plane with many services, for sources.ts: one Service, DestinationRule with two
 * subsets, VirtualService and ten endpoints each. Prints their ports; each line of standard input changes something:
 * `endpoint N` or `rule N`, of service N.
 *
 *     bun bench/config/server.ts SERVICES
 */
import { createInterface } from 'node:readline';
import { create } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.ts';
import { ApiServer } from '../../test/config/kubernetes/api-server.ts';
import { ControlPlane } from '../../test/config/xds/control-plane.ts';
import { cluster, endpoints, listener, routes, TYPE_URL } from '../../test/config/xds/resources.ts';

const count = Number(process.argv[2] ?? 1000);
const all = Array.from({ length: count }, (_, index) => index);
const subsets = ['', 'v1', 'v2'] as const;
const ENDPOINTS = 10;
const FIRST_PORT = 10_000;

const api = new ApiServer([
  ...['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries', 'gateways'],
  ...['services', 'endpointslices', 'pods'],
]);
const metadata = (name: string, rest: object = {}) => ({ name, namespace: 'shop', ...rest });
const addressOf = (service: number, endpoint: number) =>
  `10.${service >> 8}.${service & 255}.${endpoint + 1}`;

function putPod(service: number, endpoint: number, version: string): void {
  const labels = { app: `svc-${service}`, version };
  api.put('pods', { metadata: metadata(`svc-${service}-${endpoint}`, { labels }) });
}

function putRule(service: number, name: string): void {
  const to = (subset: string, weight?: number) => ({
    destination: { host: `svc-${service}`, subset },
    ...(weight && { weight }),
  });
  api.put('virtualservices', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: metadata(`svc-${service}`),
    spec: {
      hosts: [`svc-${service}`],
      http: [
        { match: [{ headers: { user: { exact: 'admin' } } }], route: [to('v2')] },
        { name, route: [to('v1', 90), to('v2', 10)] },
      ],
    },
  });
}

for (const service of all) {
  const clusterIP = `10.96.${service >> 8}.${service & 255}`;
  api.put('services', {
    metadata: metadata(`svc-${service}`),
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: 'http', port: 80 }] },
  });
  api.put('endpointslices', {
    metadata: metadata(`svc-${service}-a`, { labels: { 'kubernetes.io/service-name': `svc-${service}` } }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: Array.from({ length: ENDPOINTS }, (_, endpoint) => ({
      addresses: [addressOf(service, endpoint)],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: `svc-${service}-${endpoint}`, namespace: 'shop' },
    })),
  });
  for (let endpoint = 0; endpoint < ENDPOINTS; endpoint++)
    putPod(service, endpoint, endpoint % 2 === 0 ? 'v1' : 'v2');
  api.put('destinationrules', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: metadata(`svc-${service}`),
    spec: {
      host: `svc-${service}`,
      subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })),
    },
  });
  putRule(service, 'first');
}

/** Each endpoint is a port of its own: of a service all, of its subsets half each. */
const portsOf = (service: number, subset: string, first = FIRST_PORT + service * ENDPOINTS) =>
  Array.from({ length: ENDPOINTS }, (_, index) => first + index).filter(
    (_, index) => subset === '' || (index % 2 === 0 ? 'v1' : 'v2') === subset,
  );

const clusterOf = (service: number, subset: string) =>
  `outbound|80|${subset}|svc-${service}.shop.svc.cluster.local`;
const clusters = all.flatMap((service) =>
  subsets.map((subset) => ({ name: clusterOf(service, subset), ports: portsOf(service, subset) })),
);
function routesOf(nameOf: (service: number) => string): Any {
  const virtualHosts = all.flatMap((service) => {
    const { virtualHosts } = anyUnpack(
      routes(80, `svc-${service}`, clusterOf(service, 'v1')),
      RouteConfigurationSchema,
    )!;
    for (const { routes } of virtualHosts) for (const route of routes) route.name = nameOf(service);
    return virtualHosts;
  });
  return anyPack(RouteConfigurationSchema, create(RouteConfigurationSchema, { name: '80', virtualHosts }));
}

const plane = new ControlPlane();
plane.set(TYPE_URL.cluster, ...clusters.map(({ name }) => cluster(name)));
plane.set(TYPE_URL.endpoints, ...clusters.map(({ name, ports }) => endpoints(name, ...ports)));
plane.set(TYPE_URL.listener, listener(80));
plane.set(
  TYPE_URL.routes,
  routesOf(() => 'first'),
);

console.log(JSON.stringify({ api: await api.listen(), plane: await plane.listen() }));
let change = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const [what, service = '0'] = line.split(' ');
  change++;
  if (what === 'rule') {
    putRule(Number(service), `change-${change}`);
    plane.set(
      TYPE_URL.routes,
      routesOf((each) => (each === Number(service) ? `change-${change}` : 'first')),
    );
  } else {
    putPod(Number(service), 0, `v${change + 2}`);
    // As istiod does: of endpoints only those that have changed are sent.
    plane.push(
      TYPE_URL.endpoints,
      endpoints(clusterOf(Number(service), ''), ...portsOf(Number(service), '', 40_000 + change)),
    );
  }
});
process.stdin.on('end', () => process.exit());
