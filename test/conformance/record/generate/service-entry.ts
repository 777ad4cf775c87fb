/** ServiceEntries and WorkloadEntries of few words. Imports the draw. */
import type { Draw } from './draw.ts';
import type { Spec } from './rule.ts';

const HOSTS = [
  'a.example.com',
  'x.a.example.com',
  'b.example.com',
  '*.example.com',
  '*.a.example.com',
  'ext.default.svc.cluster.local',
  'ext.prod.svc.cluster.local',
  'plain',
  'greeter.default.svc.cluster.local',
  'new.example.com',
  '*.com',
  'B.example.com',
];

/** One `spec` of a ServiceEntry. */
export function serviceEntry(draw: Draw): Spec {
  const { pick, chance, maybe, some } = draw;
  const resolution = pick(['STATIC', 'STATIC', 'NONE', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS', undefined]);
  const isStatic = resolution === 'STATIC';
  const isSelector = chance(0.25) && resolution !== 'NONE';
  return {
    hosts: [...new Set([pick(HOSTS), ...some(HOSTS, 1)])],
    ports: ports(draw),
    ...(resolution && { resolution }),
    ...maybe(0.25, 'addresses', () => pick([['240.0.0.1'], ['10.1.0.0/16'], ['240.0.0.3/32']])),
    ...maybe(0.4, 'location', () => pick(['MESH_INTERNAL', 'MESH_EXTERNAL'])),
    ...maybe(0.3, 'exportTo', () => [pick(['*', '.', 'default', 'prod', '~'])]),
    ...maybe(0.15, 'subjectAltNames', () => ['san.of.entry']),
    ...(isSelector
      ? { workloadSelector: { labels: pick([{ app: 'vm' }, { app: 'vm', version: 'v1' }]) } }
      : isStatic || (resolution?.startsWith('DNS') && chance(0.4))
        ? { endpoints: endpoints(draw, isStatic) }
        : {}),
  };
}

function ports(draw: Draw): Spec {
  const protocols = ['HTTP', 'HTTP', 'HTTP2', 'GRPC', 'TCP', 'http', 'TLS', 'HTTPS'];
  return draw.pick([[80], [80], [8080], [80, 8080], [80, 9090], [7777]]).map((number: number) => ({
    number,
    name: `p${number}`,
    protocol: draw.pick(protocols),
    ...draw.maybe(0.2, 'targetPort', () => number + 1),
  }));
}

function endpoints(draw: Draw, isStatic: boolean): Spec {
  const { pick, maybe, below } = draw;
  return Array.from({ length: below(3) + Number(!isStatic) }, (_, index) => ({
    address: isStatic ? `10.9.0.${index + 1}` : pick(['one.example.org', 'two.example.org']),
    ...maybe(0.7, 'labels', () => ({ version: pick(['v1', 'v2', 'v3']) })),
    ...maybe(0.3, 'ports', () => ({ p80: 3080 })),
    ...maybe(0.2, 'weight', () => pick([1, 5])),
  }));
}

/** One `spec` of a WorkloadEntry. */
export function workloadEntry({ pick, maybe, below }: Draw): Spec {
  return {
    address: `10.8.0.${1 + below(5)}`,
    labels: { app: pick(['vm', 'vm', 'x']), version: pick(['v1', 'v2']) },
    ...maybe(0.3, 'ports', () => ({ p80: 4080 })),
    ...maybe(0.2, 'weight', () => 3),
  };
}
