/** A compilation made from the one before is held against one made anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Compilation,
  type CompileOptions,
  compile,
  createRouter,
  type Endpoint,
  type Service,
  type ValidResource,
} from '../../../router/index.ts';
import { shareOf } from '../../share.ts';
import { createDraws, type Draws, generateRequest, generateResources, SERVICES } from '../route/generate.ts';

/** From SEED where it is given, to repeat what failed. */
const { first: FIRST_SEED, count: SEQUENCES } = shareOf(1, 150);
const CHANGES_EACH = 8;

const GATEWAY: ValidResource = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace: 'default' },
  spec: {
    servers: [
      { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
      { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['a.example.com', '*.example.com'] },
      { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*'], tls: { mode: 'SIMPLE' } },
    ],
  },
};

const DELEGATE: ValidResource = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'delegate', namespace: 'default' },
  spec: {
    http: [{ name: 'delegated', match: [{ uri: { prefix: '/a/b' } }], directResponse: { status: 201 } }],
  },
};

type VirtualService = Extract<ValidResource, { kind: 'VirtualService' }>;

/** VirtualServices for the mesh and a gateway, some of whose rules are for one of them alone, or delegate. */
function generateAll(draws: Draws): ValidResource[] {
  const virtualServices = generateResources(draws).map((each) => bind(draws, each as VirtualService));
  return [...virtualServices, DELEGATE, GATEWAY];
}

function bind(draws: Draws, resource: VirtualService): VirtualService {
  const http = (resource.spec.http ?? []).map((rule) => {
    if (draws.oneIn(8))
      return { match: [{ uri: { prefix: '/a' } }], delegate: { name: draws.pick(['delegate', 'none']) } };
    if (!draws.oneIn(4) || !rule.match) return rule;
    return { ...rule, match: rule.match.map((match) => ({ ...match, port: draws.pick([80, 443]) })) };
  });
  // Now and then nothing is left for one of the listeners, so that virtual hosts come and go.
  const rules = draws.oneIn(5) ? [{ match: [{ port: 443 }], directResponse: { status: 204 } }] : http;
  return { ...resource, spec: { ...resource.spec, gateways: ['mesh', 'edge'], http: rules } };
}

/** One resource changed, in its rules more often than in anything else. */
function change(draws: Draws, resources: readonly ValidResource[]): readonly ValidResource[] {
  const at = draws.below(resources.length - 2);
  const old = resources[at] as VirtualService;
  switch (draws.below(10)) {
    case 0:
      return resources.toSpliced(at, 1);
    case 1:
      return resources.with(at, { ...old, spec: { ...old.spec, hosts: ['other', 'a.example.com'] } });
    case 2:
      return resources.with(-2, {
        ...DELEGATE,
        metadata: { ...DELEGATE.metadata, labels: { version: '2' } },
      });
    default: {
      const [other] = generateResources(draws);
      const { http = [] } = (other as VirtualService).spec;
      return resources.with(at, bind(draws, { ...old, spec: { ...old.spec, http } }));
    }
  }
}

const PROXIES: readonly CompileOptions[] = [
  { services: SERVICES },
  { services: SERVICES, proxy: { type: 'router', gateways: ['edge', 'unknown'] } },
];

test(`compile() makes of the compilation before what it makes anew, after ${SEQUENCES * CHANGES_EACH} changes`, () => {
  const first = Number(process.env['SEED'] ?? FIRST_SEED);
  let takenOver = 0;
  for (let seed = first; seed < first + SEQUENCES; seed++) {
    const draws = createDraws(seed);
    const options = draws.pick(PROXIES);
    let resources: readonly ValidResource[] = generateAll(draws);
    let compilation: Compilation | undefined;
    for (let count = 0; count <= CHANGES_EACH && resources.length > 2; count++) {
      const { clusters } = compilation?.table ?? {};
      compilation = compile(resources, { ...options }, compilation);
      if (compilation.table.clusters === clusters) takenOver++;
      const want = compile(resources, options);
      assert.deepEqual(compilation, want, `SEED=${seed} change ${count}`);
      // Indexes are taken over too: they have to lead where new ones lead.
      const routers = [compilation, want].map(({ table }) => createRouter(structuredClone(table)));
      routers.push(createRouter(compilation.table));
      const request = generateRequest(draws);
      const [decision, ...others] = routers.map((router) => router.route(request, () => 0));
      for (const other of others) assert.deepEqual(other, decision, `SEED=${seed} change ${count}`);
      resources = change(draws, resources);
    }
  }
  assert.ok(
    takenOver > SEQUENCES,
    `only ${takenOver} compilations took anything over: the changes test too little`,
  );
});

/** Subsets of what services have, and one of a service that is looked up. */
const DESTINATION_RULE: ValidResource = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'greeter', namespace: 'default' },
  spec: {
    host: 'greeter',
    subsets: [
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'v2', labels: { version: 'v2' } },
    ],
  },
};

function withEndpoints(draws: Draws, service: Service): Service {
  const endpoints = Array.from({ length: draws.below(4) }, (_, index): Endpoint => {
    const address = `10.1.0.${index + draws.below(3)}`;
    return {
      id: `${address}-${index}`,
      labels: { version: draws.pick(['v1', 'v2', 'v3']) },
      target: { kind: 'socket', address },
    };
  });
  return { ...service, endpoints };
}

test('compile() makes of the compilation before what it makes anew, after endpoints have come and gone', () => {
  const first = Number(process.env['SEED'] ?? FIRST_SEED);
  let takenOver = 0;
  for (let seed = first; seed < first + SEQUENCES / 3; seed++) {
    const draws = createDraws(seed);
    let resources: readonly ValidResource[] = [...generateAll(draws), DESTINATION_RULE];
    const looked: Service = {
      ...SERVICES[1]!,
      host: 'looked.example.com',
      registry: 'external',
      resolution: 'DNS',
    };
    let services: readonly Service[] = [...SERVICES, looked];
    let compilation: Compilation | undefined;
    for (let count = 0; count <= CHANGES_EACH; count++) {
      const before = compilation?.table;
      compilation = compile(resources, { services: [...services] }, compilation);
      if (before && compilation.table.listeners === before.listeners) takenOver++;
      assert.deepEqual(compilation, compile(resources, { services }), `SEED=${seed} change ${count}`);
      if (draws.oneIn(6)) {
        const [other] = generateResources(draws);
        const { http = [] } = (other as VirtualService).spec;
        const old = resources[0] as VirtualService;
        resources = resources.with(0, { ...old, spec: { ...old.spec, http } });
      }
      if (draws.oneIn(10)) services = services.with(0, { ...services[0]!, addresses: [`10.96.1.${count}`] });
      const at = draws.below(services.length);
      services = services.with(at, withEndpoints(draws, services[at]!));
    }
  }
  assert.ok(takenOver > SEQUENCES, `only ${takenOver} compilations took the listeners over`);
});

test('compile() takes over every virtual host that a change has nothing to do with', () => {
  const rules = (name: string, timeout: string): ValidResource => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { hosts: [name], http: [{ timeout, route: [{ destination: { host: name } }] }] },
  });
  const options = { services: SERVICES };
  const before = compile([rules('greeter', '1s'), rules('other', '1s')], options);
  const unchanged = before.table.listeners[0]?.virtualHosts.find(({ name }) => name.startsWith('other'));
  const [greeter, other] = [rules('greeter', '2s'), rules('other', '1s')];
  const first = compile([greeter, other], options, before);
  const second = compile([rules('greeter', '3s'), other], options, first);
  const hosts = (compilation: Compilation) => compilation.table.listeners[0]!.virtualHosts;
  assert.ok(unchanged);
  for (const [place, host] of hosts(second).entries()) {
    assert.equal(host === hosts(first)[place], !host.name.startsWith('greeter'), host.name);
  }
  assert.equal(second.table.clusters, first.table.clusters);
});
