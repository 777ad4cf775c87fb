/** What a routed transport does for calls that are answered, in each protocol, against stock servers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Code, type ConnectError, createClient } from '@connectrpc/connect';
import {
  compressionGzip,
  createRoutedTransport,
  createRouting,
  type RoutedTransportOptions,
  textSource,
} from '../../client/index.ts';
import { Echo, echoRoutes } from '../gateway/echo.ts';
import { connectServer, remoteService, type Server } from '../gateway/world.ts';
import { messages, plainRule, read, virtualService, withClient } from './world.ts';

const servers: Record<'http1' | 'http2', Server> = {} as never;
/** What the server has seen of the call that is under way: a busy machine may let a call end before it was. */
let waits = Promise.withResolvers<void>();
let isWaiting = false;
let cancelled = Promise.withResolvers<void>();

before(async () => {
  const watch = {
    waits: () => {
      isWaiting = true;
      waits.resolve();
    },
    cancelled: () => cancelled.resolve(),
  };
  servers.http1 = await connectServer('http1', echoRoutes('one', watch));
  servers.http2 = await connectServer('http2', echoRoutes('two', watch));
});
after(async () => {
  await servers.http1.kill();
  await servers.http2.kill();
});

const at = (kind: 'http1' | 'http2') => [remoteService('echo', [{ port: servers[kind].port }], kind)];

/** How calls travel, and the protocol of the endpoint's port by its name. */
const ways = [
  ['grpc', 'http2'],
  ['grpc-web', 'http2'],
  ['grpc-web', 'http1'],
  ['connect', 'http2'],
  ['connect', 'http1'],
] as const;

for (const [protocol, kind] of ways) {
  const name = kind === 'http2' ? 'two' : 'one';
  test(`createRoutedTransport() carries all kinds of RPC, ${protocol} over ${kind}`, async () => {
    await withClient(
      plainRule(),
      at(kind),
      async (client) => {
        let header: Headers | undefined;
        let trailer: Headers | undefined;
        const { value } = await client.unary(
          { value: 'a' },
          {
            headers: { 'x-ask': 'why' },
            onHeader(seen) {
              header = seen;
            },
            onTrailer(seen) {
              trailer = seen;
            },
          },
        );
        assert.equal(value, `${name}: a`);
        assert.equal(header?.get('x-header'), 'why');
        assert.equal(trailer?.get('x-trailer'), 'seen');
        assert.deepEqual(
          await read(client.serverStream({ value: 'b' })),
          [0, 1, 2].map((each) => `${name}: b ${each}`),
        );
        assert.equal((await client.clientStream(messages('c', 'd'))).value, `${name}: c+d`);
        // connect-node refuses streams in both directions over HTTP/1.1.
        if (kind === 'http2')
          assert.deepEqual(await read(client.bidi(messages('e', 'f'))), [`${name}: e`, `${name}: f`]);
        await assert.rejects(client.unary({ value: 'fail' }), (error: ConnectError) => {
          assert.equal(error.code, Code.NotFound);
          assert.equal(error.rawMessage, 'no such thing: 100%');
          assert.equal(error.metadata.get('x-detail'), 'd');
          return true;
        });
      },
      { protocol },
    );
  });

  test(`createRoutedTransport() ends calls that are cancelled, late or left, ${protocol} over ${kind}`, async () => {
    await withClient(
      plainRule(),
      at(kind),
      async (client) => {
        const serverSees = () => {
          isWaiting = false;
          waits = Promise.withResolvers();
          cancelled = Promise.withResolvers();
          return cancelled.promise;
        };
        const [stop, seen] = [new AbortController(), serverSees()];
        const call = client.unary({ value: 'wait' }, { signal: stop.signal });
        waits.promise.then(() => stop.abort());
        await assert.rejects(call, (error: ConnectError) => error.code === Code.Canceled);
        await seen;

        const seenLate = serverSees();
        for (let timeoutMs = 30; !isWaiting; timeoutMs *= 2)
          await assert.rejects(
            client.unary({ value: 'wait' }, { timeoutMs }),
            (error: ConnectError) => error.code === Code.DeadlineExceeded,
          );
        await seenLate;

        const seenLeft = serverSees();
        const leaving = new AbortController();
        await assert.rejects(
          async () => {
            for await (const { value } of client.serverStream({ value: 'wait' }, { signal: leaving.signal }))
              if (value.endsWith(' 2')) waits.promise.then(() => leaving.abort());
          },
          (error: ConnectError) => error.code === Code.Canceled,
        );
        await seenLeft;
        // A call before it is made.
        await assert.rejects(
          client.unary({ value: 'a' }, { signal: AbortSignal.abort() }),
          (error: ConnectError) => error.code === Code.Canceled,
        );
        assert.equal((await client.unary({ value: 'a' })).value, `${name}: a`);
      },
      { protocol },
    );
  });
}

test('createRoutedTransport() speaks gRPC over HTTP/2 whatever the name of the port', async () => {
  const { port } = servers.http2;
  await withClient(plainRule(), [remoteService('echo', [{ port }], 'http1')], async (client) => {
    assert.equal((await client.unary({ value: 'a' })).value, 'two: a');
  });
});

test('createRoutedTransport() sends and takes large messages, compressed and plain', async () => {
  // Not to be compressed to nothing.
  let large = '';
  for (let index = 0; large.length < 1_200_000; index++) large += `${index * 7919} `;
  for (const sendCompression of [null, compressionGzip])
    await withClient(
      plainRule(),
      at('http2'),
      async (client) => {
        assert.equal((await client.unary({ value: large })).value, `two: ${large}`);
        assert.equal((await client.clientStream(messages(large, large))).value.length, large.length * 2 + 6);
        const lengths = (await read(client.bidi(messages(large, large)))).map(({ length }) => length);
        assert.deepEqual(lengths, [large.length + 5, large.length + 5]);
      },
      { sendCompression },
    );
});

test('createRoutedTransport() stops reading a stream of requests that nobody takes', async () => {
  const slow = await connectServer('http2', (router) =>
    router.service(Echo, { clientStream: () => new Promise(() => {}) }),
  );
  try {
    await withClient(plainRule(), [remoteService('echo', [{ port: slow.port }], 'http2')], async (client) => {
      let sent = 0;
      const value = 'x'.repeat(16_384);
      async function* endless() {
        for (;;) {
          sent++;
          yield { value };
        }
      }
      const call = client.clientStream(endless(), { timeoutMs: 300 });
      await assert.rejects(call, (error: ConnectError) => error.code === Code.DeadlineExceeded);
      const atEnd = sent;
      assert.ok(atEnd < 100, `${atEnd} messages of 16 KiB were taken from the sender`);
      await new Promise((done) => setTimeout(done, 20));
      assert.ok(sent <= atEnd + 1, 'messages are taken after the call has ended');
    });
  } finally {
    await slow.kill();
  }
});

test('createRoutedTransport() uses GET, JSON and interceptors where Connect does', async () => {
  const server = await connectServer('http1', (router) =>
    router.service(Echo, {
      unary: (_, { requestMethod, requestHeader, url }) => ({
        value: `${requestMethod} ${requestHeader.get('x-by')} ${new URL(url).searchParams.get('encoding')}`,
      }),
    }),
  );
  const options = {
    protocol: 'connect',
    useHttpGet: true,
    useBinaryFormat: false,
    interceptors: [
      (next) => (request) => {
        request.header.set('x-by', 'interceptor');
        return next(request);
      },
    ],
  } satisfies Partial<RoutedTransportOptions>;
  await withClient(
    plainRule(),
    [remoteService('echo', [{ port: server.port }])],
    async (client) => {
      assert.equal((await client.unary({ value: 'a' })).value, 'GET interceptor json');
    },
    options,
  );
  await server.kill();
});

test("createRoutedTransport() routes by the call's headers, its path and the caller's labels", async () => {
  const rules = virtualService(`[
    { match: [{ headers: { user: { exact: admin } } }], route: [{ destination: { host: two } }] },
    { match: [{ uri: { prefix: /test.Echo/ClientStream } }], route: [{ destination: { host: two } }] },
    { match: [{ sourceLabels: { app: batch }, sourceNamespace: default }], route: [{ destination: { host: two } }] },
    { route: [{ destination: { host: one } }] }
  ]`);
  const services = [
    remoteService('one', [{ port: servers.http1.port }]),
    remoteService('two', [{ port: servers.http2.port }], 'http2'),
    remoteService('echo', []),
  ];
  const answered = async (options: object, headers: HeadersInit = {}) => {
    let name = '';
    await withClient(
      rules,
      services,
      async (client) => {
        name = (await client.unary({ value: '' }, { headers })).value;
        if (name === 'one: ') assert.equal((await client.clientStream(messages('a'))).value, 'two: a');
      },
      { protocol: 'connect', ...options },
    );
    return name;
  };
  assert.equal(await answered({}), 'one: ');
  assert.equal(await answered({}, { user: 'admin' }), 'two: ');
  assert.equal(await answered({}, { User: 'admin2' }), 'one: ');
  assert.equal(await answered({ labels: { app: 'batch' } }), 'two: ');
  assert.equal(await answered({ labels: { app: 'shop' } }), 'one: ');
});

test('createRouting() is shared by transports of several services, whose hosts the URLs name', async () => {
  const routing = createRouting({
    config: [textSource('a.yaml', plainRule()), textSource('b.yaml', '')],
    services: [...at('http2'), remoteService('other', [{ port: servers.http1.port }])],
  });
  const to = (baseUrl: string) =>
    createClient(Echo, createRoutedTransport({ routing, baseUrl, protocol: 'connect' })).unary({
      value: 'a',
    });
  assert.equal((await to('http://echo')).value, 'two: a');
  assert.equal((await to('xds:///echo:80')).value, 'two: a');
  assert.equal((await to('http://other.default.svc.cluster.local:80')).value, 'one: a');
  assert.equal((await to('http://other.default')).value, 'one: a');
  assert.deepEqual(
    routing.clusters().flatMap(({ endpoints }) => endpoints.map(({ address }) => address)).length,
    2,
  );
  await routing.close();
  await assert.rejects(to('http://echo'), (error: ConnectError) => {
    assert.equal(error.code, Code.Unavailable);
    return /closed/.test(error.message);
  });
});

test('createRoutedTransport() waits for the first rules, and tries a source again that could not start', async () => {
  let attempts = 0;
  const transport = createRoutedTransport({
    baseUrl: 'http://echo',
    services: at('http2'),
    config: {
      name: 'late',
      async start(onSnapshot) {
        if (++attempts === 1) throw new Error('not there yet');
        await new Promise((done) => setTimeout(done, 10));
        onSnapshot({ resources: [], issues: [], refused: [], unreadable: [] });
      },
    },
  });
  const client = createClient(Echo, transport);
  await assert.rejects(client.unary({ value: 'a' }), (error: ConnectError) => {
    assert.equal(error.code, Code.Unavailable);
    return error.rawMessage === 'Cannot load the rules: not there yet';
  });
  assert.equal((await client.unary({ value: 'a' })).value, 'two: a');
  await transport.close();
});

test('createRoutedTransport() tells a call that waits for rules when it is closed', async () => {
  const transport = createRoutedTransport({
    baseUrl: 'http://echo',
    config: {
      name: 'plane',
      start: (_onSnapshot, signal) =>
        new Promise((done) => signal.addEventListener('abort', () => done(), { once: true })),
    },
  });
  const call = createClient(Echo, transport).unary({ value: 'a' });
  const told = assert.rejects(call, (error: ConnectError) => {
    assert.deepEqual(
      [error.code, error.rawMessage],
      [Code.Unavailable, 'Cannot call: the transport is closed'],
    );
    return true;
  });
  // The source has to be asked before it is stopped.
  await new Promise((done) => setTimeout(done, 0));
  await transport.close();
  await told;
});

test('createRoutedTransport() lets no call wait for rules beyond its time, and says who is away', async () => {
  const told: string[] = [];
  const transport = createRoutedTransport({
    baseUrl: 'xds:///echo:80',
    config: {
      name: 'plane',
      start: (_onSnapshot, _signal, onState) => {
        onState?.({ state: 'disconnected', since: '', reason: 'connect ECONNREFUSED' });
        return new Promise(() => {});
      },
    },
    log: (_level, message) => told.push(message),
  });
  const client = createClient(Echo, transport);
  await assert.rejects(
    client.unary({ value: 'a' }, { timeoutMs: 20 }),
    (error: ConnectError) => error.code === Code.DeadlineExceeded,
  );
  await assert.rejects(
    client.unary({ value: 'a' }, { signal: AbortSignal.abort() }),
    (error: ConnectError) => error.code === Code.Canceled,
  );
  assert.deepEqual(told, ['plane is disconnected: connect ECONNREFUSED']);
  await transport.close();
});
