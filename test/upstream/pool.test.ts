import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientTls, Cluster, ClusterEndpoint } from '../../router/index.ts';
import { startClusters } from '../../upstream/cluster.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import { ask, head } from './exchange.ts';

const endpoint = (port: number): ClusterEndpoint => ({
  id: `127.0.0.1:${port}`,
  labels: {},
  weight: 1,
  kind: 'socket',
  address: '127.0.0.1',
  port,
});
const cluster = (name: string, ...ports: number[]): Cluster => ({
  name,
  destination: { host: name, port: 80 },
  protocol: 'http1',
  endpoints: ports.map(endpoint),
  policy: { loadBalancer: { kind: 'ROUND_ROBIN' } },
});

test('UpstreamPool keeps the connections of endpoints that stay and drains those of endpoints that go', () => {
  const opened: number[] = [];
  const closed: number[] = [];
  const pool = new UpstreamPool(() => undefined, {
    connect: (to) => {
      const port = to.kind === 'socket' ? to.port : 0;
      opened.push(port);
      const open = () => assert.fail('nobody asks');
      return { open, close: () => closed.push(port) };
    },
  });
  const chance = () => 0;
  const before = startClusters([cluster('a', 1, 2), cluster('b', 2)], pool, chance);
  pool.prune();
  assert.deepEqual(opened, [], 'nobody has asked for an endpoint');
  for (const each of before.values()) each.pick();
  assert.deepEqual(opened, [1, 2]);
  const after = startClusters([cluster('c', 2, 3)], pool, chance);
  pool.prune();
  assert.deepEqual(opened, [1, 2, 3]);
  assert.deepEqual(closed, [1]);
  const stayed = before.get('b')!.endpoints[0]!;
  stayed.load.active++;
  assert.equal(after.get('c')!.endpoints[0]!.active, 1, 'what is under way counts for all clusters');
  stayed.load.active--;
  assert.equal(stayed.active, 0);
  pool.close();
  assert.deepEqual(closed, [1, 2, 3]);
});

test('UpstreamPool has automatic mutual TLS for those who take it, of a workload that has a certificate', () => {
  const tls = {
    mode: 'ISTIO_MUTUAL',
    isAutomatic: true,
    subjectAltNames: [],
    insecureSkipVerify: false,
  } as const;
  const certificates = () => assert.fail('nobody connects');
  const opened = (hasCertificate: boolean) => {
    const modes: (string | undefined)[] = [];
    const pool = new UpstreamPool(() => undefined, {
      workloadCertificates: () => (hasCertificate ? certificates : undefined),
      connect: (_to, _protocol, settings) => {
        modes.push(settings.tls?.mode);
        return { open: () => assert.fail('nobody asks') };
      },
    });
    const automatic: Cluster = {
      ...cluster('a'),
      endpoints: [{ ...endpoint(1), tlsMode: 'istio' }, endpoint(2), endpoint(1)],
      policy: { ...cluster('a').policy, tls },
    };
    startClusters([automatic], pool, () => 0)
      .get('a')!
      .pick();
    return modes;
  };
  assert.deepEqual(opened(true), ['ISTIO_MUTUAL', undefined, undefined]);
  assert.deepEqual(opened(false), [undefined, undefined]);
});

test('UpstreamPool takes another Pod at an address for another peer where its certificate counts', () => {
  const opened = (tls?: ClientTls) => {
    let count = 0;
    const pool = new UpstreamPool(() => undefined, {
      connect: () => {
        count++;
        return { open: () => assert.fail('nobody asks') };
      },
    });
    const to = (pod: string): Cluster => {
      const { policy } = cluster('a');
      return {
        ...cluster('a'),
        endpoints: [{ id: '1', labels: {}, weight: 1, kind: 'socket', address: '10.0.0.1', port: 1, pod }],
        policy: { ...policy, ...(tls && { tls }) },
      };
    };
    for (const pod of ['shop/a', 'shop/b'])
      startClusters([to(pod)], pool, () => 0)
        .get('a')!
        .pick();
    return count;
  };
  assert.equal(opened(), 1);
  assert.equal(opened({ mode: 'ISTIO_MUTUAL', subjectAltNames: [], insecureSkipVerify: false }), 2);
});

test('startClusters() leaves out an endpoint in process that nobody registered', () => {
  const pool = new UpstreamPool(() => undefined);
  const inProcess: Cluster = {
    ...cluster('a'),
    endpoints: [{ id: 'gone', labels: {}, weight: 1, kind: 'in-process' }],
  };
  const clusters = startClusters([inProcess], pool, () => 0);
  assert.equal(clusters.get('a')!.pick(), undefined);
});

/** By what is asked of TLS. */
const TLS = [
  { name: 'TLS by the endpoint’s own name', tls: {} },
  { name: 'the endpoint’s own name written out', tls: { sni: '127.0.0.1', subjectAltNames: ['127.0.0.1'] } },
  { name: 'another name as SNI', tls: { sni: 'a.example' }, isRefused: true },
  {
    name: 'another name in the certificate',
    tls: { subjectAltNames: ['a.example'] },
    isRefused: true,
  },
  { name: 'an authority', tls: { caCertificates: '/ca.pem' }, isRefused: true },
  { name: 'an authority in a secret', tls: { rootSecret: 'ca' }, isRefused: true },
  { name: 'a client certificate', tls: { mode: 'MUTUAL' as const }, isRefused: true },
  { name: 'a workload certificate', tls: { mode: 'ISTIO_MUTUAL' as const }, isRefused: true },
];

test("UpstreamPool with nothing but fetch takes TLS by the endpoint's own name, and refuses all else", async (t) => {
  for (const { name, tls, isRefused = false } of TLS)
    await t.test(name, async () => {
      const asked: string[] = [];
      const { fetch } = globalThis;
      globalThis.fetch = Object.assign(
        async (request: Request | URL | string) => {
          asked.push(request instanceof Request ? request.url : `${request}`);
          return new Response('by fetch');
        },
        { preconnect() {} },
      );
      const pool = new UpstreamPool(() => undefined);
      const own = { mode: 'SIMPLE' as const, subjectAltNames: [], insecureSkipVerify: false, ...tls };
      const plain = cluster('a', 1);
      const one: Cluster = { ...plain, policy: { ...plain.policy, tls: own } };
      const picked = startClusters([one], pool, () => 0)
        .get('a')!
        .pick();
      assert.ok(picked);
      const { events, text } = await ask(picked.upstream, head({ method: 'GET' })).finally(() => {
        // Not by the runner's mock, which Deno leaves in place for the tests that follow.
        globalThis.fetch = fetch;
      });
      if (isRefused) {
        assert.match(events[0]!, /fetch knows no such tls settings/);
        assert.deepEqual(asked, []);
      } else assert.equal(text, 'by fetch');
      pool.close();
    });
});

test('UpstreamPool with nothing but fetch keeps to limits of requests, and knows none of connections', async () => {
  const asked: ((answer: Response) => void)[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = Object.assign(() => new Promise<Response>((answer) => asked.push(answer)), {
    preconnect() {},
  });
  try {
    const pool = new UpstreamPool(() => undefined);
    const plain = cluster('a', 1);
    const connectionPool = {
      maxConnections: 1,
      http1MaxPendingRequests: 1,
      http2MaxRequests: 4,
      maxRequestsPerConnection: 1,
      connectTimeoutMs: 1,
      idleTimeoutMs: 1,
    };
    const one: Cluster = { ...plain, policy: { ...plain.policy, connectionPool } };
    const { upstream } = startClusters([one], pool, () => 0)
      .get('a')!
      .pick()!;
    const calls = Array.from({ length: 5 }, () => ask(upstream, head({ method: 'GET' })));
    assert.match((await calls[4]!).events[0]!, /^reset overflow: 4 requests are under way/);
    assert.equal(asked.length, 4);
    for (const answer of asked) answer(new Response('by fetch'));
    assert.deepEqual(
      (await Promise.all(calls.slice(0, 4))).map(({ text }) => text),
      ['by fetch', 'by fetch', 'by fetch', 'by fetch'],
    );
    pool.close();
  } finally {
    globalThis.fetch = fetch;
  }
});

test('UpstreamPool with nothing but fetch leaves names of endpoints to it', async () => {
  const asked: string[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = Object.assign(
    async (request: Request | URL | string) => {
      asked.push(`${request}`);
      return new Response('by fetch');
    },
    { preconnect() {} },
  );
  const pool = new UpstreamPool(() => undefined);
  const endpoints = [{ ...endpoint(80), address: 'db.example' } as ClusterEndpoint];
  const one: Cluster = { ...cluster('a'), resolution: 'DNS', endpoints };
  const running = startClusters([one], pool, () => 0).get('a')!;
  assert.equal(running.endpoints.length, 1);
  await ask(running.pick()!.upstream, head({ method: 'GET' })).finally(() => {
    globalThis.fetch = fetch;
  });
  assert.deepEqual(asked, ['http://db.example:80/']);
  pool.close();
});
