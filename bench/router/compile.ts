/**
 * What it costs to compile rules and to make their router, and to do so again when one VirtualService of many has
 * changed. Resources are given parsed: YAML and schemas are not counted.
 *
 *     bun bench/router/compile.ts [--counts 100,1000,10000]
 *
 * `compile` makes the table; `router` its indexes, and answers a first request; memory is what both keep.
 */
import { parseArgs } from 'node:util';
import {
  type CompileOptions,
  compile,
  createRouter,
  type RouteRequest,
  type Service,
  type ValidResource,
} from '../../router/index.ts';
import { formatTable, median, runtimeName } from './measure.ts';
import { requestOf, resourcesOf, SERVICES, SHAPES, type Shape } from './rules.ts';

const { values } = parseArgs({ options: { counts: { type: 'string', default: '100,1000,10000' } } });
const counts = values.counts.split(',').map(Number);
const random = () => 0;
const ROUNDS = 15;

interface Configuration {
  readonly name: string;
  readonly resources: readonly ValidResource[];
  readonly options: CompileOptions;
  readonly request: RouteRequest;
}

/** One VirtualService with all rules. */
function oneHost(shape: Shape, count: number): Configuration {
  const request = requestOf(shape, count - 1);
  return { name: shape.name, resources: resourcesOf(shape, count), options: { services: SERVICES }, request };
}

/** A VirtualService for each of so many services, with one rule; `router`: bound to one gateway. */
function manyHosts(count: number, type: 'sidecar' | 'router'): Configuration {
  const services = Array.from({ length: count }, (_, index): Service => {
    const [service] = SERVICES;
    return { ...service!, host: `service-${index}.default.svc.cluster.local` };
  });
  const resources = Array.from({ length: count }, (_, index) => virtualServiceOf(index, type));
  return {
    name: type === 'sidecar' ? 'a host each' : 'a host each, at a gateway',
    resources,
    options: { services, proxy: type === 'router' ? { type, gateways: ['edge'] } : {} },
    request: { ...requestOf(SHAPES[0]!, 0), authority: `service-${count - 1}.default.svc.cluster.local` },
  };
}

function virtualServiceOf(index: number, type: 'sidecar' | 'router', timeout = '1s'): ValidResource {
  const host = `service-${index}.default.svc.cluster.local`;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: `rules-${index}`, namespace: 'default' },
    spec: {
      hosts: [host],
      ...(type === 'router' && { gateways: ['edge'] }),
      http: [{ timeout, match: [{ uri: { prefix: '/shop' } }], route: [{ destination: { host } }] }],
    },
  };
}

function usedMiB(): number {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  // What only a weak map holds goes in a later round than what holds the map's key.
  for (let round = 0; round < 4; round++) Bun ? Bun.gc(true) : gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** A row; in a function of its own, so that nothing of one configuration is alive in the next. */
function compileOnce(count: number, configure: () => Configuration): string[] {
  const { name, resources, options, request } = configure();
  const before = usedMiB();
  const started = performance.now();
  const { table } = compile(resources, options);
  const compiled = performance.now();
  const router = createRouter(table);
  if (!router.route(request, random).rule) throw new Error(`${name}: no rule took ${request.path}`);
  const routed = performance.now();
  const keptMiB = usedMiB() - before;
  router.route(request, random);
  return [
    name,
    String(count),
    (compiled - started).toFixed(0),
    (routed - compiled).toFixed(0),
    keptMiB.toFixed(1),
  ];
}

const first = counts.flatMap((count) =>
  [
    ...SHAPES.map((shape) => () => oneHost(shape, count)),
    () => manyHosts(count, 'sidecar' as const),
    () => manyHosts(count, 'router' as const),
  ].map((configure) => compileOnce(count, configure)),
);
console.log(`${runtimeName()}, once\n`);
console.log(formatTable(['rules', 'N', 'compile, ms', 'router, ms', 'kept, MiB'], first));

const again: string[][] = [];
for (const count of counts) {
  for (const type of ['sidecar', 'router'] as const) {
    const { name, resources, options } = manyHosts(count, type);
    let compilation = compile(resources, options);
    let current = resources;
    const compileMs: number[] = [];
    const routerMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const at = (round * 7919 + 1) % count;
      current = current.with(at, virtualServiceOf(at, type, `${round + 2}s`));
      const started = performance.now();
      compilation = compile(current, options, compilation);
      const compiled = performance.now();
      createRouter(compilation.table);
      compileMs.push(compiled - started);
      routerMs.push(performance.now() - compiled);
    }
    again.push([name, String(count), median(compileMs).toFixed(2), median(routerMs).toFixed(2)]);
  }
}
console.log(`\n${runtimeName()}, one VirtualService of N changed\n`);
console.log(formatTable(['rules', 'N', 'compile, ms', 'router, ms'], again));
