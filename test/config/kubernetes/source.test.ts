/** Rules and endpoints from an API server: what is in effect while it comes, goes and errs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { kubernetesSource } from '../../../config/kubernetes/source.ts';
import type { SourceSnapshot } from '../../../config/source.ts';
import { follow as followSource } from '../follow.ts';
import { ApiServer, type StoredObject } from './api-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'pointsman-k8s-'));
after(() => rmSync(folder, { recursive: true }));

const ISTIO = ['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries', 'gateways'];
const CORE = ['services', 'endpointslices', 'pods'];

const namespaced = (name: string, rest: object = {}): StoredObject['metadata'] => ({
  name,
  namespace: 'shop',
  ...rest,
});

const SERVICE: StoredObject = {
  metadata: namespaced('reviews', { creationTimestamp: '2026-01-01T00:00:00Z' }),
  spec: {
    clusterIP: '10.96.0.7',
    clusterIPs: ['10.96.0.7'],
    ports: [{ name: 'grpc', port: 80, targetPort: 8080, protocol: 'TCP' }],
  },
};

function slice(...pods: string[]): StoredObject {
  return {
    metadata: namespaced('reviews-1', { labels: { 'kubernetes.io/service-name': 'reviews' } }),
    addressType: 'IPv4',
    ports: [{ name: 'grpc', port: 8080, protocol: 'TCP' }],
    endpoints: pods.map((name) => ({
      addresses: [`10.1.0.${name.at(-1)}`],
      conditions: { ready: !name.startsWith('starting') },
      targetRef: { kind: 'Pod', name, namespace: 'shop' },
    })),
  };
}

function pod(name: string, version: string): StoredObject {
  return { metadata: namespaced(name, { labels: { app: 'reviews', version } }) };
}

function rule(subset: string, extra: object = {}): StoredObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: namespaced('reviews'),
    spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset } }] }], ...extra },
  };
}

/** A cluster with one service of two versions and one rule. */
function cluster(resources = [...ISTIO, ...CORE]): ApiServer {
  const server = new ApiServer(resources);
  server.put('services', SERVICE);
  server.put('endpointslices', slice('pod-1', 'pod-2', 'starting-3'));
  for (const [name, version] of [
    ['pod-1', 'v1'],
    ['pod-2', 'v2'],
    ['starting-3', 'v1'],
  ] as const)
    server.put('pods', pod(name, version));
  if (resources.includes('virtualservices')) server.put('virtualservices', rule('v1'));
  return server;
}

let files = 0;

/** A source at work; what it says is waited for, not slept for. */
async function follow(server: ApiServer, url = 'k8s://') {
  const port = await server.listen();
  const kubeconfig = join(folder, `kubeconfig-${files++}`);
  const config = {
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'test', user: { token: 'secret-token' } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const following = followSource(
    kubernetesSource(url, { kubeconfig, chance: () => 0, waits: { firstMs: 20, lastMs: 100 } }),
  );
  const { latest, until } = following;
  return {
    ...following,
    port,
    untilSubset: (subset: string) => until(() => subsetOf(latest()) === subset),
    async stop() {
      following.stop();
      await server.close();
    },
  };
}

/** What the only rule sends requests to. */
function subsetOf({ resources }: SourceSnapshot): string | undefined {
  const [found] = resources;
  return found?.kind === 'VirtualService' ? found.spec.http?.[0]?.route?.[0]?.destination.subset : undefined;
}

function endpointsOf({ services = [] }: SourceSnapshot) {
  return services[0]?.endpoints.map(({ id, labels }) => [id, labels['version']]);
}

test('kubernetesSource() gives rules, and services with the ready endpoints and the labels of their Pods', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  assert.equal(subsetOf(following.latest()), 'v1');
  assert.deepEqual(following.latest().services, [
    {
      host: 'reviews.shop.svc.cluster.local',
      namespace: 'shop',
      ports: [{ name: 'grpc', number: 80, protocol: 'GRPC' }],
      addresses: ['10.96.0.7'],
      registry: 'kubernetes',
      creationTimestamp: '2026-01-01T00:00:00Z',
      endpoints: [
        {
          id: '10.1.0.1:8080',
          labels: { app: 'reviews', version: 'v1' },
          target: { kind: 'socket', address: '10.1.0.1', pod: 'shop/pod-1', ports: { grpc: 8080 } },
        },
        {
          id: '10.1.0.2:8080',
          labels: { app: 'reviews', version: 'v2' },
          target: { kind: 'socket', address: '10.1.0.2', pod: 'shop/pod-2', ports: { grpc: 8080 } },
        },
      ],
    },
  ]);
  await following.untilState('connected');
  await following.stop();
});

test('kubernetesSource() follows rules, slices and labels as they change', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  server.put('virtualservices', rule('v2'));
  await following.untilSubset('v2');
  assert.deepEqual(following.latest().saved, ['VirtualService/shop/reviews']);
  const { resources } = following.latest();
  server.put('pods', pod('pod-1', 'v3'));
  await following.until(() => endpointsOf(following.latest())?.[0]?.[1] === 'v3');
  assert.equal(following.latest().resources, resources);
  assert.equal(following.latest().saved, undefined);
  server.put('endpointslices', slice('pod-2'));
  await following.until(() => endpointsOf(following.latest())?.length === 1);
  server.delete('services', SERVICE);
  await following.until(() => following.latest().services?.length === 0);
  server.delete('virtualservices', rule('v2'));
  await following.until(() => following.latest().resources.length === 0);
  await following.stop();
});

test('kubernetesSource() takes a slice that an API server says null for: nothing stands behind its Service', async () => {
  const server = cluster();
  const empty = { ...slice(), endpoints: null };
  server.put('endpointslices', { ...empty, metadata: namespaced('other-1') });
  const following = await follow(server);
  await following.started;
  assert.equal(endpointsOf(following.latest())?.length, 2);
  server.put('endpointslices', empty);
  await following.until(() => endpointsOf(following.latest())?.length === 0);
  server.put('endpointslices', slice('pod-1'));
  await following.until(() => endpointsOf(following.latest())?.length === 1);
  await following.stop();
});

test('kubernetesSource() keeps of an object that it cannot read what was good, says which, and takes the others', async () => {
  const server = cluster();
  const other = { 'kubernetes.io/service-name': 'other' };
  server.put('endpointslices', { ...slice(), endpoints: 7, metadata: namespaced('a', { labels: other }) });
  const following = await follow(server);
  await following.started;
  assert.equal(endpointsOf(following.latest())?.length, 2);
  const reason = () => following.states.at(-1)?.reason ?? '';
  await following.until(() => /^EndpointSlice shop\/a cannot be read/.test(reason()));
  server.put('endpointslices', { ...slice('pod-1'), metadata: namespaced('a', { labels: other }) });
  await following.until(() => reason() === '');
  server.put('endpointslices', { ...slice(), endpoints: 7 });
  await following.until(() => /^EndpointSlice shop\/reviews-1 cannot be read/.test(reason()));
  server.put('virtualservices', rule('v5'));
  await following.untilSubset('v5');
  assert.equal(endpointsOf(following.latest())?.length, 2);
  server.put('endpointslices', slice('pod-2'));
  await following.until(() => endpointsOf(following.latest())?.length === 1 && reason() === '');
  await following.stop();
});

test('kubernetesSource() takes a rule with an unknown field, and warns of it', async () => {
  const server = cluster();
  server.put('virtualservices', rule('v1', { hotsts: ['x'] }));
  const following = await follow(server);
  await following.started;
  assert.equal(following.latest().resources.length, 1);
  const [issue] = following.latest().issues;
  assert.deepEqual([issue?.code, issue?.severity], ['unknown-field', 'warning']);
  await following.stop();
});

test('kubernetesSource() says which rule is refused, so that its last good version can stay', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  server.put('virtualservices', rule('v1', { http: [] }));
  await following.until(() => following.latest().refused.length > 0);
  assert.deepEqual(following.latest().refused, ['VirtualService/shop/reviews']);
  assert.deepEqual(following.latest().resources, []);
  await following.stop();
});

test('kubernetesSource() tells a refused rule so where it is told to, and takes that back when it is good again', async () => {
  const server = cluster();
  server.put('virtualservices', rule('v1', { http: [] }));
  const following = await follow(server, 'k8s://?status');
  const conditions = (patch: number) =>
    (server.patched[patch]!.body['status'] as { conditions: { status: string; message: string }[] | null })
      .conditions;
  while (server.patched.length < 1) await new Promise((done) => setTimeout(done, 10));
  assert.equal(conditions(0)?.[0]?.status, 'False');
  assert.match(conditions(0)?.[0]?.message ?? '', /^no-routes: /);
  server.put('virtualservices', { ...rule('v2'), status: server.patched[0]!.body['status'] });
  while (server.patched.length < 2) await new Promise((done) => setTimeout(done, 10));
  assert.equal(conditions(1), null);
  await following.untilSubset('v2');
  await following.stop();
});

test('kubernetesSource() takes a status that somebody writes for no change of the rule', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  const { resources } = following.latest();
  server.put('virtualservices', {
    ...rule('v1'),
    status: { conditions: [{ type: 'Reconciled', status: 'True' }] },
  });
  server.put('pods', pod('pod-1', 'v9'));
  await following.until(() => endpointsOf(following.latest())?.[0]?.[1] === 'v9');
  server.put('destinationrules', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: namespaced('reviews'),
    spec: { host: 'reviews' },
  });
  await following.until(() => following.latest().resources.length === 2);
  assert.deepEqual(following.latest().saved, ['DestinationRule/shop/reviews']);
  assert.equal(following.latest().resources[0], resources[0]);
  await following.stop();
});

test('kubernetesSource() writes nothing where it is not told to', async () => {
  const server = cluster();
  server.put('virtualservices', rule('v1', { http: [] }));
  const following = await follow(server);
  await following.started;
  server.put('virtualservices', rule('v2'));
  await following.untilSubset('v2');
  assert.deepEqual(server.patched, []);
  await following.stop();
});

test('kubernetesSource() goes on from where a watch ended, and lists anew where that is forgotten', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  const lists = () => server.asked.filter((each) => each.endsWith('/virtualservices')).length;
  const watches = () => server.asked.filter((each) => each.endsWith('/virtualservices watch')).length;
  // It counts as connected once the list is there: what is not under way yet would not be ended.
  while (watches() < 1) await new Promise((done) => setTimeout(done, 10));
  server.endWatches();
  while (watches() < 2) await new Promise((done) => setTimeout(done, 10));
  assert.equal(lists(), 1);
  server.bookmark('virtualservices');
  server.forget();
  server.put('virtualservices', rule('v2'));
  server.endWatches();
  server.forget();
  await following.untilSubset('v2');
  while (lists() < 2) await new Promise((done) => setTimeout(done, 10));
  server.put('virtualservices', rule('v3'));
  await following.untilSubset('v3');
  await following.stop();
});

test('kubernetesSource() follows through watches that end again and again, without a list', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  const asked = (what: string) => server.asked.filter((each) => each.endsWith(what)).length;
  for (let time = 1; time <= 8; time++) {
    while (asked('/virtualservices watch') < time) await new Promise((done) => setTimeout(done, 10));
    server.endWatches();
    server.put('virtualservices', rule(`v${time}`));
    await following.untilSubset(`v${time}`);
  }
  assert.equal(asked('/virtualservices'), 1);
  await following.stop();
});

for (const { status, reason } of [
  { status: 429, reason: /VirtualService: HTTP 429/ },
  { status: 500, reason: /VirtualService: HTTP 500/ },
  { status: 401, reason: /VirtualService: the API server does not know who we are/ },
  { status: 403, reason: /VirtualService: the service account may not list and watch virtualservices/ },
])
  test(`kubernetesSource() keeps what it has read while a server answers ${status}, says why, and heals`, async () => {
    const server = cluster();
    const following = await follow(server);
    await following.started;
    await following.untilState('connected');
    const { resources } = following.latest();
    const watches = () => server.asked.filter((each) => each.endsWith('/virtualservices watch')).length;
    while (watches() < 1) await new Promise((done) => setTimeout(done, 10));
    server.fail(/\/virtualservices watch$/, { status }, 3);
    server.endWatches();
    await following.until(() => reason.test(following.states.at(-1)?.reason ?? ''));
    assert.equal(following.states.at(-1)?.state, 'disconnected');
    assert.deepEqual(following.latest().resources, resources);
    server.put('virtualservices', rule('v7'));
    await following.untilSubset('v7');
    await following.untilState('connected');
    assert.equal(following.states.at(-1)?.reason, undefined);
    await following.stop();
  });

for (const { name, about, fault, reason } of [
  {
    name: 'a server that has no time',
    about: /\/services$/,
    fault: { status: 429, message: 'too many requests' },
    reason: 'Service: HTTP 429: too many requests',
  },
  {
    name: 'a server that fails',
    about: /\/pods$/,
    fault: { status: 500, message: 'etcd is gone' },
    reason: 'Pod: HTTP 500: etcd is gone',
  },
  {
    name: 'a role that may not',
    about: /\/endpointslices$/,
    fault: { status: 403, message: 'endpointslices is forbidden' },
    reason:
      'EndpointSlice: the service account may not list and watch endpointslices, give it a role that may (HTTP 403: endpointslices is forbidden)',
  },
  {
    name: 'a token that has expired',
    about: /\/gateways$/,
    fault: { status: 401, message: 'Unauthorized' },
    reason:
      'Gateway: the API server does not know who we are, give a token or certificate that holds (HTTP 401: Unauthorized)',
  },
])
  test(`kubernetesSource() waits for ${name}, and says why`, async () => {
    const server = cluster();
    server.fail(about, fault, 2);
    const following = await follow(server);
    await following.started;
    await following.untilState('connected');
    assert.ok(
      following.states.some((each) => each.state === 'connecting' && each.reason === reason),
      reason,
    );
    assert.equal(endpointsOf(following.latest())?.length, 2);
    await following.stop();
  });

for (const { status, reason } of [
  { status: 403, reason: /may not list and watch endpointslices, give it a role that may \(HTTP 403: no\)$/ },
  {
    status: 401,
    reason: /Cannot read the rules of the cluster: EndpointSlice: the API server does not know who/,
  },
])
  test(`kubernetesSource() does not start where it is refused what it needs with ${status}`, async () => {
    const server = cluster();
    server.fail(/\/endpointslices$/, { status, message: 'no' }, 100);
    const following = await follow(server);
    await assert.rejects(following.started, reason);
    await following.stop();
  });

test('kubernetesSource() lists anew where a page of a list has failed, as a watch would not tell of the rest', async () => {
  const server = cluster();
  server.pageSize = 1;
  server.put('services', { ...SERVICE, metadata: namespaced('ratings') });
  server.fail(/\/services continue$/, { status: 500, message: 'etcd is gone' });
  const following = await follow(server);
  await following.started;
  assert.equal(following.latest().services?.length, 2);
  assert.equal(server.asked.filter((each) => each.endsWith('/services')).length, 2);
  await following.stop();
});

test('kubernetesSource() takes of a list anew only what has changed', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  const before = following.latest();
  server.forget();
  server.endWatches();
  while (server.asked.filter((each) => each.endsWith('/virtualservices')).length < 2)
    await new Promise((done) => setTimeout(done, 10));
  server.put('destinationrules', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: namespaced('reviews'),
    spec: { host: 'reviews' },
  });
  await following.until(() => following.latest().resources.length === 2);
  assert.deepEqual(following.latest().saved, ['DestinationRule/shop/reviews']);
  assert.equal(following.latest().services?.[0], before.services?.[0]);
  await following.stop();
});

test('kubernetesSource() says since when the server is gone, however often it is asked', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  await server.close();
  await following.untilState('disconnected');
  const told = following.states.length;
  await following.until(() => following.states.length > told + 40);
  const later = following.states.slice(told);
  assert.deepEqual(new Set(later.map(({ state }) => state)), new Set(['disconnected']));
  assert.deepEqual(new Set(later.map(({ since }) => since)).size, 1);
  await following.stop();
});

test('kubernetesSource() keeps what it has read of a server that is gone, and goes on when it is back', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  const before = following.latest();
  await server.close();
  await following.untilState('disconnected');
  assert.equal(following.latest(), before);
  assert.match(following.states.at(-1)?.reason ?? '', /^[A-Z]\w+: ./);
  assert.doesNotMatch(JSON.stringify(following.states), /secret-token/);
  server.put('virtualservices', rule('v2'));
  await server.listen(following.port);
  await following.untilSubset('v2');
  await following.untilState('connected');
  await following.stop();
});

test('kubernetesSource() keeps its rules where what stands before the server says 404', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  let isLost = false;
  // A watch, then twice a list in each version of the API, and what kinds there are.
  server.fail(/virtualservices|\/apis$/, { status: 404 }, 9);
  server.endWatches();
  const told = following.states.length;
  const hasFollowed = (what: RegExp) =>
    following.states.slice(told).some(({ reason = '' }) => what.test(reason));
  await following.until(() => {
    isLost ||= subsetOf(following.latest()) === undefined;
    return isLost || hasFollowed(/^VirtualService: /);
  });
  await following.until(() => isLost || following.states.at(-1)?.state === 'connected');
  server.put('virtualservices', rule('v2'));
  await following.until(() => {
    isLost ||= subsetOf(following.latest()) === undefined;
    return isLost || subsetOf(following.latest()) === 'v2';
  });
  assert.equal(isLost, false);
  await following.stop();
});

for (const { name, kinds } of [
  { name: 'a kind', kinds: ['virtualservices'] },
  { name: 'all of Istio', kinds: ISTIO },
])
  test(`kubernetesSource() has no more rules once the server says that ${name} is gone`, async () => {
    const server = cluster();
    const following = await follow(server);
    await following.started;
    await following.untilState('connected');
    for (const kind of kinds) server.deleteKind(kind);
    server.endWatches();
    await following.until(() => following.latest().resources.length === 0);
    await following.untilState('connected');
    await following.stop();
  });

test('kubernetesSource() says so where the server lists a kind that it then does not find', async () => {
  const server = cluster();
  const following = await follow(server);
  await following.started;
  await following.untilState('connected');
  server.fail(/virtualservices/, { status: 404 }, Number.POSITIVE_INFINITY);
  server.endWatches();
  const says = /^VirtualService: .* the API server says that it has$/;
  await following.until(() => says.test(following.states.at(-1)?.reason ?? ''));
  assert.equal(subsetOf(following.latest()), 'v1');
  await following.stop();
});

test('kubernetesSource() reads a cluster without Istio as one without rules', async () => {
  const server = cluster(CORE);
  const following = await follow(server);
  await following.started;
  assert.deepEqual(following.latest().resources, []);
  assert.equal(endpointsOf(following.latest())?.length, 2);
  await following.stop();
});

test('kubernetesSource() reads one namespace where it is told to', async () => {
  const server = cluster();
  const following = await follow(server, 'k8s://?namespace=shop');
  await following.started;
  assert.ok(server.asked.every((each) => each.includes('/namespaces/shop/')));
  await following.stop();
});

test('kubernetesSource() says of an address or kubeconfig that is none what would do', async () => {
  assert.throws(() => kubernetesSource('k8s://shop'), /write it as k8s:\/\/ or k8s:\/\/\?namespace=NAME/);
  assert.throws(() => kubernetesSource('k8s://?ns=shop'), /unknown parameter "ns"/);
  const start = (kubeconfig: string) =>
    kubernetesSource('k8s://', { kubeconfig }).start(async () => {}, new AbortController().signal);
  await assert.rejects(
    start(join(folder, 'none')),
    /Cannot use the kubeconfig ".*none": ENOENT.*; name one that can be read/,
  );
  const empty = join(folder, 'empty');
  writeFileSync(empty, '{}');
  const withoutKey = join(folder, 'without-key');
  const user = { 'client-certificate': 'missing.crt', 'client-key': 'missing.key' };
  writeFileSync(
    withoutKey,
    JSON.stringify({
      'current-context': 'a',
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'a', user }],
    }),
  );
  await assert.rejects(
    start(withoutKey),
    /^Error: Cannot use the kubeconfig ".*without-key": ENOENT.*missing\.(crt|key)/,
  );
  await assert.rejects(start(empty), /it has no context "": choose one with kubectl config use-context/);
});
