/** What connection pools do within their limits, against servers of node:http and node:http2. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { ConnectionPool } from '../../router/index.ts';
import { CircuitBreaker } from '../../router/policy/circuit-breaker.ts';
import { countRequests } from '../../upstream/counted-upstream.ts';
import { createRemoteUpstream } from '../../upstream/remote/index.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { noH2, start } from '../gateway/world.ts';
import { ask, cancel, Exchange, head } from './exchange.ts';

/** A server that holds its answers until they are let go, and counts connections. */
async function holder(context: TestContext, protocol: 'http1' | 'http2') {
  const state = { connections: 0, closed: 0, held: [] as (() => void)[], isHolding: true };
  let changed = Promise.withResolvers<void>();
  const answer = (_request: unknown, response: { end(text: string): unknown }): void => {
    const go = () => void response.end('ok');
    if (state.isHolding) state.held.push(go);
    else go();
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const server =
    protocol === 'http1'
      ? http.createServer(answer)
      : http2.createServer(answer as Parameters<typeof http2.createServer>[0] & object);
  // Connections are the client's to close.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 0;
  server.on('connection', (socket: net.Socket) => {
    state.connections++;
    socket.once('close', () => state.closed++);
  });
  const { port, kill } = await start(server);
  context.after(kill);
  return {
    state,
    port,
    async holds(count: number) {
      while (state.held.length < count) await changed.promise;
    },
    release() {
      state.isHolding = false;
      for (const go of state.held.splice(0)) go();
    },
  };
}

function limited(
  context: TestContext,
  protocol: 'http1' | 'http2',
  port: number,
  limits: Partial<ConnectionPool>,
) {
  const pool = { connectTimeoutMs: 5_000, idleTimeoutMs: 60_000, ...limits };
  const breaker = new CircuitBreaker(pool, undefined);
  const remote = createRemoteUpstream({ kind: 'socket', address: '127.0.0.1', port }, protocol, {
    pool,
    breaker,
  });
  context.after(() => remote.close?.());
  const upstream: Upstream = breaker.countsRequests ? countRequests(remote, breaker.requests) : remote;
  const begin = (): Exchange => new Exchange(upstream, head({ method: 'GET' }), true);
  const beginAll = (count: number): Exchange[] => Array.from({ length: count }, begin);
  return { breaker, upstream, begin, beginAll };
}

const outcomes = (exchanges: readonly Exchange[]): string[] =>
  exchanges.map(({ events }) => (events[0] ?? 'nothing').replace(/:.*/, ''));
const over = (exchanges: readonly Exchange[]) => Promise.all(exchanges.map((each) => each.over));

test('Http1Upstream opens one connection, lets one request wait, and refuses the others', async (context) => {
  const server = await holder(context, 'http1');
  const limits = { maxConnections: 1, http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 };
  const { begin, beginAll, breaker } = limited(context, 'http1', server.port, limits);
  const first = begin();
  await server.holds(1);
  const others = beginAll(5);
  await over(others.slice(1));
  server.release();
  await over([first, others[0]!]);
  assert.deepEqual(outcomes([first, ...others]), [
    'response 200',
    'response 200',
    ...Array.from({ length: 4 }, () => 'reset overflow'),
  ]);
  assert.equal(server.state.connections, 2, 'a connection each, one after the other');
  assert.equal(breaker.pending.overflows, 4);
  assert.equal(breaker.pending.active, 0);
});

test('Http1Upstream gives a connection that becomes free to the request that waited longest', async (context) => {
  const server = await holder(context, 'http1');
  const { beginAll } = limited(context, 'http1', server.port, { maxConnections: 2 });
  const all = beginAll(6);
  await server.holds(2);
  server.release();
  await over(all);
  assert.deepEqual(new Set(outcomes(all)), new Set(['response 200']));
  assert.equal(server.state.connections, 2);
});

test('Http1Upstream forgets a request that was given up while it waited', async (context) => {
  const server = await holder(context, 'http1');
  const limits = { maxConnections: 1, http1MaxPendingRequests: 1 };
  const { begin, breaker } = limited(context, 'http1', server.port, limits);
  const first = begin();
  await server.holds(1);
  cancel(begin());
  assert.equal(breaker.pending.active, 0);
  const third = begin();
  server.release();
  await over([first, third]);
  assert.deepEqual(outcomes([first, third]), ['response 200', 'response 200']);
});

test('Http1Upstream closes a connection after as many requests as it may have', async (context) => {
  const server = await holder(context, 'http1');
  server.release();
  const { upstream } = limited(context, 'http1', server.port, { maxRequestsPerConnection: 2 });
  for (let i = 0; i < 5; i++) assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
  assert.equal(server.state.connections, 3);
});

test('Http1Upstream tells all that wait when no connection can be opened', async (context) => {
  const server = http.createServer();
  const { port, kill } = await start(server);
  await kill();
  const { beginAll, breaker } = limited(context, 'http1', port, {});
  const all = beginAll(3);
  await over(all);
  assert.deepEqual(new Set(outcomes(all)), new Set(['reset remote-connection-failure']));
  assert.equal(breaker.pending.active, 0);
  // The first failure is everybody's; the other connections fail after it.
  while (breaker.connections.active > 0) await setTimeout(1);
});

for (const protocol of ['http1', 'http2'] as const) {
  const skip = protocol === 'http2' && noH2;
  test(`countRequests() refuses ${protocol} requests beyond http2MaxRequests, whatever carries them`, {
    skip,
  }, async (context) => {
    const server = await holder(context, protocol);
    const { beginAll, begin, breaker } = limited(context, protocol, server.port, { http2MaxRequests: 2 });
    const all = beginAll(3);
    await server.holds(2);
    assert.deepEqual(outcomes(all), ['nothing', 'nothing', 'reset overflow']);
    cancel(all[0]!);
    assert.equal(breaker.requests.active, 1);
    const next = begin();
    server.release();
    await over([all[1]!, next]);
    assert.deepEqual(outcomes([next]), ['response 200']);
    assert.deepEqual([breaker.requests.active, breaker.requests.overflows], [0, 1]);
  });
}

test('Http2Upstream puts no more streams on a connection than it may have, and waits at its limit', {
  skip: noH2,
}, async (context) => {
  const server = await holder(context, 'http2');
  const limits = { maxConnections: 1, maxConcurrentStreams: 2, http1MaxPendingRequests: 2 };
  const { begin, beginAll } = limited(context, 'http2', server.port, limits);
  const first = begin();
  await server.holds(1);
  const others = beginAll(4);
  await server.holds(2);
  await others.at(-1)!.over;
  assert.deepEqual(outcomes(others), ['nothing', 'nothing', 'nothing', 'reset overflow']);
  server.release();
  await over([first, ...others]);
  assert.equal(outcomes(others).filter((each) => each === 'response 200').length, 3);
  assert.equal(server.state.connections, 1);
});

test('Http2Upstream opens a new connection after as many requests as one may have', {
  skip: noH2,
}, async (context) => {
  const server = await holder(context, 'http2');
  server.release();
  const { upstream } = limited(context, 'http2', server.port, { maxRequestsPerConnection: 2 });
  for (let i = 0; i < 5; i++) assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
  assert.equal(server.state.connections, 3);
});

test('connect() gives up after the time that is written, TLS included', async (context) => {
  const silent = net.createServer();
  const { port, kill } = await start(silent);
  context.after(kill);
  const pool = { connectTimeoutMs: 50, idleTimeoutMs: 1_000 };
  const tls = { mode: 'SIMPLE', sni: 'a', subjectAltNames: [], insecureSkipVerify: true } as const;
  const address = { kind: 'socket', address: '127.0.0.1', port } as const;
  const exchange = new Exchange(
    createRemoteUpstream(address, 'http1', { pool, tls }),
    head({ method: 'GET' }),
    true,
  );
  await exchange.over;
  assert.equal(
    exchange.events[0],
    `reset connection-timeout: No connection to 127.0.0.1:${port} within 50 ms`,
  );
});

const PROTOCOLS = noH2 ? (['http1'] as const) : (['http1', 'http2'] as const);

test('createRemoteUpstream() closes a connection that has been idle for its time', async (context) => {
  for (const protocol of PROTOCOLS) {
    const server = await holder(context, protocol);
    server.release();
    const { upstream } = limited(context, protocol, server.port, { idleTimeoutMs: 20 });
    assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
    while (server.state.closed === 0) await setTimeout(5);
    assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
    assert.ok(server.state.connections > 1);
  }
});

test('createRemoteUpstream() sends no request over a connection that is as old as one may be', async (context) => {
  for (const protocol of PROTOCOLS) {
    const server = await holder(context, protocol);
    server.release();
    const connectionsWith = async (maxConnectionDurationMs: number): Promise<number> => {
      const before = server.state.connections;
      const { upstream } = limited(context, protocol, server.port, { maxConnectionDurationMs });
      for (let i = 0; i < 3; i++) {
        assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
        await setTimeout(10);
      }
      return server.state.connections - before;
    };
    // One that took long to open may be too old for its first.
    assert.ok((await connectionsWith(1)) >= 3);
    assert.equal(await connectionsWith(3_600_000), 1);
  }
});

/** When the system will probe the silent connection between two ports of this machine, in seconds; undefined: never. */
function probesIn(from: number, to: number): number | undefined {
  const [own, theirs] = [from, to].map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((each) => each.trim().split(/\s+/))
    .find(([, local, remote]) => local?.endsWith(own!) && remote?.endsWith(theirs!));
  // Which timer runs, 2 being the one for probes, and how many hundredths of a second it has to run.
  const [timer, when = ''] = line?.[5]?.split(':') ?? [];
  return timer === '02' ? Number.parseInt(when, 16) / 100 : undefined;
}

test('connect() has the system probe a connection that is silent for the time that is written', {
  skip: !existsSync('/proc/net/tcp') && 'only Linux tells',
}, async (context) => {
  const ports: number[] = [];
  const server = http.createServer((request, response) => {
    ports.push(request.socket.remotePort!);
    response.end('ok');
  });
  server.keepAliveTimeout = 0;
  const { port, kill } = await start(server);
  context.after(kill);
  const { upstream } = limited(context, 'http1', port, { tcpKeepalive: { timeMs: 5_000_000 } });
  assert.equal((await ask(upstream, head({ method: 'GET' }))).text, 'ok');
  // Until the last byte is acknowledged another timer runs.
  while (probesIn(ports[0]!, port) === undefined) await setTimeout(5);
  const seconds = probesIn(ports[0]!, port)!;
  assert.ok(seconds > 4000 && seconds <= 5000, `in ${seconds} s`);
});
