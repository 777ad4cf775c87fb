/** Rules from a control plane over a real connection: what is in effect while it comes, goes and errs. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SourceIdentity } from '../../../config/named.ts';
import type { SourceSnapshot } from '../../../config/source.ts';
import { parseXdsAddress } from '../../../config/xds/address.ts';
import { HOLD_MS } from '../../../config/xds/effective.ts';
import { type XdsSourceOptions, xdsSource } from '../../../config/xds/source.ts';
import { follow as followSource } from '../follow.ts';
import { ControlPlane, type ControlPlaneOptions, setAll } from './control-plane.ts';
import {
  badRoutes,
  cluster,
  endpoints,
  listener,
  routes,
  routesByHost,
  TYPE_URL,
  V1,
  V2,
} from './resources.ts';

const folder = mkdtempSync(join(tmpdir(), 'pointsman-xds-'));
const fixture = (name: string) => join(import.meta.dirname, `../../fixture/tls/${name}.pem`);
after(() => rmSync(folder, { recursive: true }));

const REVIEWS = {
  cluster: [cluster(V1), cluster(V2)],
  endpoints: [endpoints(V1, 1001), endpoints(V2, 1002)],
  listener: [listener(80)],
  routes: [routes(80, 'reviews', V1)],
};

async function planeOf(options: ControlPlaneOptions = {}) {
  const plane = new ControlPlane(options);
  setAll(plane, REVIEWS);
  return { plane, port: await plane.listen() };
}

/** The destination of the only rule. */
function destination({ table }: SourceSnapshot): string | undefined {
  const action = table?.listeners[0]?.virtualHosts[0]?.routes[0]?.action;
  return action?.kind === 'forward' ? action.destinations[0]?.cluster : undefined;
}

const IDENTITY: SourceIdentity = { namespace: 'shop', labels: { app: 'web' } };

function follow(url: string, options: XdsSourceOptions = {}) {
  const following = followSource(xdsSource(url, { chance: () => 0, identity: IDENTITY, ...options }));
  return {
    ...following,
    untilDestination: (name: string) => following.until(() => destination(following.latest()) === name),
  };
}

for (const { name, query, options } of [
  { name: 'what has changed', query: '', options: {} },
  { name: 'whole states', query: '?mode=sotw', options: {} },
  { name: 'whole states, where changes are not known', query: '', options: { knowsDelta: false } },
])
  test(`xdsSource() gives the table of a control plane that sends ${name}, and follows it`, async () => {
    const { plane, port } = await planeOf(options);
    const following = follow(`xds://127.0.0.1:${port}${query}`);
    await following.started;
    const { table } = following.latest();
    assert.equal(destination(following.latest()), V1);
    // Another form is no failure.
    assert.ok(following.states.every(({ reason }) => reason === undefined));
    assert.deepEqual(
      table?.clusters.map(({ name, endpoints }) => [name, endpoints.map(({ id }) => id)]),
      [
        [V1, ['127.0.0.1:1001']],
        [V2, ['127.0.0.1:1002']],
      ],
    );
    plane.set(TYPE_URL.routes, routes(80, 'reviews', V2));
    await following.untilDestination(V2);
    assert.equal(plane.heard[0]?.nodeId?.endsWith('.shop~shop.svc.cluster.local'), true);
    following.stop();
    await plane.close();
  });

test('xdsSource() has no rules before the endpoints of each cluster are there', async () => {
  const { plane, port } = await planeOf();
  plane.set(TYPE_URL.endpoints, endpoints(V2, 1002));
  const following = follow(`xds://127.0.0.1:${port}`);
  // Longer than what changes later would wait.
  await new Promise((done) => setTimeout(done, HOLD_MS + 500));
  plane.set(TYPE_URL.endpoints, endpoints(V1, 1001), endpoints(V2, 1002));
  await following.started;
  const { table } = following.latest();
  assert.deepEqual(
    table?.clusters.map(({ endpoints }) => endpoints.length),
    [1, 1],
  );
  following.stop();
  await plane.close();
});

test('xdsSource() keeps the rules of a control plane that is gone, says why, and goes on when it is back', async () => {
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}`);
  await following.started;
  const before = following.latest();
  await plane.close();
  await following.untilState('disconnected');
  assert.equal(following.latest(), before);
  const { reason, since } = following.states.at(-1)!;
  assert.ok(reason);
  assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000);
  const next = new ControlPlane({ port });
  setAll(next, { ...REVIEWS, routes: [routes(80, 'reviews', V2)] });
  await next.listen();
  await following.untilDestination(V2);
  await following.untilState('connected');
  following.stop();
  await next.close();
});

test('xdsSource() goes back to an older version with a control plane that does', async () => {
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}`);
  await following.started;
  for (let version = 0; version < 5; version++) plane.set(TYPE_URL.routes, routes(80, 'reviews', V2));
  await following.untilDestination(V2);
  await plane.close();
  await following.untilState('disconnected');
  assert.equal(destination(following.latest()), V2);
  // Its versions are lower than those that were sent before.
  const older = new ControlPlane({ port });
  setAll(older, REVIEWS);
  await older.listen();
  await following.untilDestination(V1);
  await following.untilState('connected');
  following.stop();
  await older.close();
});

test('xdsSource() says which cluster is not there while half of a change is, and heals', async () => {
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}`);
  await following.started;
  const added = V2.replace('|v2|', '|v3|');
  const reason = () => following.states.at(-1)?.reason ?? '';
  plane.set(TYPE_URL.routes, routes(80, 'reviews', added));
  await following.until(() => reason().includes(added));
  assert.match(
    reason(),
    /^routes of "reviews:80" lead to the cluster "outbound\|80\|v3\|[^"]+", which is not there, since 20/,
  );
  assert.equal(following.states.at(-1)?.state, 'connected');
  plane.set(TYPE_URL.endpoints, endpoints(V1, 1001), endpoints(V2, 1002), endpoints(added, 1003));
  plane.set(TYPE_URL.cluster, cluster(V1), cluster(V2), cluster(added));
  await following.until(() => reason() === '');
  assert.equal(destination(following.latest()), added);
  following.stop();
  await plane.close();
});

test('xdsSource() of a gRPC client lets only those rules wait whose cluster is not there', async () => {
  const { plane, port } = await planeOf();
  const both = (reviews: string, ratings: string) =>
    plane.set(TYPE_URL.routes, routesByHost(80, { reviews, ratings, other: V2 }));
  const following = follow(`xds://127.0.0.1:${port}?node=grpc`);
  const to = (name: string) => {
    const hosts = following.latest().table?.listeners[0]?.virtualHosts ?? [];
    const action = hosts.find(({ domains }) => domains.includes(name))?.routes[0]?.action;
    return action?.kind === 'forward' ? action.destinations[0]?.cluster : undefined;
  };
  both(V1, V1);
  await following.started;
  // Both clusters are there from now on.
  const isThere = (name: string) =>
    following.latest().table?.clusters.some((each) => each.name === name && each.endpoints.length > 0);
  await following.until(() => to('ratings') === V1 && isThere(V1) === true && isThere(V2) === true);
  const absent = V2.replace('|v2|', '|v3|');
  both(absent, V2);
  await following.until(() => to('ratings') === V2);
  assert.equal(to('reviews'), V1);
  await following.until(() => to('reviews') === absent);
  following.stop();
  await plane.close();
});

/** Passes bytes on to a port, until it is told not to. */
async function pausable(port: number) {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isPaused = false;
  const server = createServer((down) => {
    const up = connect(port, '127.0.0.1');
    const pair = [down, up] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [up, down] as const]) {
      from.on('data', (bytes) => isPaused || to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    pause: () => (isPaused = true),
    resume: () => (isPaused = false),
    close() {
      server.close();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
  };
}

test('xdsSource() finds out a control plane that says nothing any more, and goes on when it does', async () => {
  const { plane, port } = await planeOf();
  const between = await pausable(port);
  const ping = { pingIntervalMs: 60, pingTimeoutMs: 60 };
  const following = follow(`xds://127.0.0.1:${between.port}`, { ping });
  await following.started;
  await following.untilState('connected');
  between.pause();
  await following.untilState('disconnected');
  assert.match(following.states.at(-1)?.reason ?? '', /PING was not answered/);
  between.resume();
  await following.untilState('connected');
  following.stop();
  between.close();
  await plane.close();
});

test('xdsSource() refuses resources with the reason, and takes the others', async () => {
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}`);
  await following.started;
  setAll(plane, {
    listener: [listener(80), listener(81)],
    routes: [badRoutes(81), routes(80, 'reviews', V2)],
  });
  await following.untilDestination(V2);
  const reason = 'virtual_hosts[0].routes[0].match: it says nothing of the path that is understood';
  const told = () => following.states.at(-1)?.refused?.map(({ kind, name, reason }) => [kind, name, reason]);
  await following.until(() => (told()?.length ?? 0) > 0);
  assert.deepEqual(told(), [['RouteConfiguration', '81', reason]]);
  await following.until(() => plane.heard.some(({ refusal }) => refusal !== undefined));
  const { refusal } = plane.heard.find((each) => each.refusal !== undefined)!;
  assert.equal(refusal, `RouteConfiguration "81": ${reason}`);
  assert.match(following.latest().issues[0]?.message ?? '', /Cannot take RouteConfiguration "81" of xds:/);
  following.stop();
  await plane.close();
});

test('xdsSource() says why its cache cannot be written, and goes on without one', {
  skip: process.platform !== 'linux' && 'there is no /proc',
}, async () => {
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}?cache=/proc/below/cache`);
  await following.started;
  await following.until(() => following.states.at(-1)?.reason !== undefined);
  const { state, reason } = following.states.at(-1)!;
  assert.equal(state, 'connected');
  assert.match(reason!, /^the cache in \/proc\/below\/cache cannot be written: ENOENT/);
  following.stop();
  await plane.close();
});

test('xdsSource() says no more of its cache once it can be written again', async () => {
  const { plane, port } = await planeOf();
  const blocked = join(folder, 'blocked');
  writeFileSync(blocked, 'no folder');
  const following = follow(`xds://127.0.0.1:${port}?cache=${join(blocked, 'cache')}`);
  await following.started;
  const reason = () => following.states.at(-1)?.reason;
  await following.until(() => /cannot be written/.test(reason() ?? ''));
  rmSync(blocked);
  plane.set(TYPE_URL.routes, routes(80, 'reviews', V2));
  await following.until(() => reason() === undefined);
  assert.equal(following.states.at(-1)?.state, 'connected');
  following.stop();
  await plane.close();
});

test('xdsSource() goes on with its cache where a restart finds no control plane', async () => {
  const { plane, port } = await planeOf();
  const url = `xds://127.0.0.1:${port}?cache=${join(folder, 'cache')}`;
  const first = follow(url);
  await first.started;
  const { cacheOwner, readCache } = await import('../../../config/xds/cache.ts');
  const kept = (identity: SourceIdentity) =>
    readCache(join(folder, 'cache'), cacheOwner(parseXdsAddress(url), identity));
  while ((await kept(IDENTITY)) === undefined) await new Promise((done) => setTimeout(done, 50));
  assert.equal(
    await kept({ ...IDENTITY, namespace: 'other' }),
    undefined,
    'what was sent to another is not taken',
  );
  first.stop();
  await plane.close();
  const second = follow(url);
  await second.started;
  assert.deepEqual(second.latest().table?.clusters, first.latest().table?.clusters);
  assert.equal(destination(second.latest()), V1);
  second.stop();
});

test('xdsSource() sends the token of a file with each connection', async () => {
  const file = join(folder, 'token');
  writeFileSync(file, 'first\n');
  const { plane, port } = await planeOf();
  const following = follow(`xds://127.0.0.1:${port}?token=${file}`);
  await following.started;
  assert.deepEqual(new Set(plane.heard.map(({ authorization }) => authorization)), new Set(['Bearer first']));
  writeFileSync(file, 'second\n');
  await plane.close();
  const next = new ControlPlane({ port });
  setAll(next, { ...REVIEWS, routes: [routes(80, 'reviews', V2)] });
  await next.listen();
  await following.untilDestination(V2);
  assert.deepEqual(new Set(next.heard.map(({ authorization }) => authorization)), new Set(['Bearer second']));
  following.stop();
  await next.close();
});

test('xdsSource() keeps its rules while its token has expired, and goes on with a new one', async () => {
  const file = join(folder, 'expiring');
  writeFileSync(file, 'old\n');
  const { plane, port } = await planeOf({ authorization: 'Bearer old' });
  const following = follow(`xds://127.0.0.1:${port}?token=${file}`);
  await following.started;
  await plane.close();
  const next = new ControlPlane({ port, authorization: 'Bearer new' });
  setAll(next, { ...REVIEWS, routes: [routes(80, 'reviews', V2)] });
  await next.listen();
  await following.until(() => /authentication failure/.test(following.states.at(-1)?.reason ?? ''));
  const { state, reason } = following.states.at(-1)!;
  assert.equal(state, 'disconnected');
  assert.doesNotMatch(reason!, /Bearer|old/);
  assert.equal(destination(following.latest()), V1);
  writeFileSync(file, 'new\n');
  await following.untilDestination(V2);
  await following.untilState('connected');
  following.stop();
  await next.close();
});

test('xdsSource() says that a token cannot be sent, and not what it is', async () => {
  const file = join(folder, 'two-lines');
  writeFileSync(file, 's3cret\ntoken\n');
  const following = follow(`xds://127.0.0.1:1?token=${file}`);
  await following.untilState('disconnected');
  const reason = `Cannot use the token in "${file}": it is not one line of visible ASCII`;
  assert.equal(following.states.at(-1)?.reason, reason);
  following.stop();
});

test('xdsSource() speaks TLS, and takes only a certificate for the name that is expected', async () => {
  const pem = (name: string) => readFileSync(fixture(name), 'utf8');
  const { plane, port } = await planeOf({ tls: { cert: pem('cert'), key: pem('key') } });
  const query = new URLSearchParams({ ca: fixture('cert'), 'server-name': 'localhost' });
  const following = follow(`xds://127.0.0.1:${port}?${query}`);
  await following.started;
  assert.equal(destination(following.latest()), V1);
  following.stop();
  for (const wrong of [{ ca: fixture('cert'), 'server-name': 'istiod.istio-system' }, { tls: '' }]) {
    const refused = follow(`xds://127.0.0.1:${port}?${new URLSearchParams(wrong)}`);
    await refused.untilState('disconnected');
    assert.match(refused.states.at(-1)?.reason ?? '', /certificate|altname|hostname|name/i);
    refused.stop();
  }
  await plane.close();
});

test('xdsSource() ends, before any rules came, when it is told to', async () => {
  const { plane, port } = await planeOf({ isSilent: true });
  const following = follow(`xds://127.0.0.1:${port}`);
  await following.until(() => true);
  following.stop();
  await following.started;
  assert.equal(following.latest(), undefined);
  await plane.close();
});

test('parseXdsAddress() asks for whole states as a gRPC client, and for changes as a sidecar, unless it is told', () => {
  for (const [query, isStateOfTheWorld] of [
    ['', false],
    ['?mode=sotw', true],
    ['?node=sidecar', false],
    ['?node=grpc', true],
    ['?node=grpc&mode=sotw', true],
    ['?node=grpc&mode=delta', false],
  ] as const)
    assert.equal(parseXdsAddress(`xds://a:1${query}`).isStateOfTheWorld, isStateOfTheWorld, query);
});

test('xdsSource() says of an address that is none what would do', () => {
  for (const [url, reason] of [
    ['xds://', /write it as xds:\/\/HOST:PORT/],
    ['xds://a:0', /"a:0" is not HOST:PORT/],
    ['xds://a:1?token=x', /a token is sent over TLS alone/],
    ['xds://a:1?node=envoy', /node=envoy is none of sidecar, grpc/],
    ['xds://a:1?cash=x', /unknown parameter "cash"/],
  ] as const)
    assert.throws(() => xdsSource(url), reason);
});
