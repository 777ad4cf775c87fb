/** Rules at work in a client: the tutorial's steps by saves of its files, endpoints that go and come, chance and hashes. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, Code, type ConnectError, createClient } from '@connectrpc/connect';
import { createRoutedTransport } from '../../client/index.ts';
import { greet } from '../../examples/client/greeter.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { routes as v1 } from '../../services/greeter/v1.ts';
import { routes as v2 } from '../../services/greeter/v2.ts';
import { Echo, echoRoutes } from '../gateway/echo.ts';
import { connectServer, remoteService, type Server } from '../gateway/world.ts';
import { root } from '../program.ts';
import { destinationRule, messages, plainRule, virtualService, withClient } from './world.ts';

const servers: Server[] = [];
const one: { v1: number; v2: number } = { v1: 0, v2: 0 };

before(async () => {
  for (const [name, routes] of [
    ['v1', v1],
    ['v2', v2],
  ] as const) {
    const server = await connectServer('http2', (router) => {
      routes(router);
      echoRoutes(name)(router);
    });
    servers.push(server);
    one[name] = server.port;
  }
});
after(() => Promise.all(servers.map((server) => server.kill())));

/** The example's endpoints at the ports of this test's servers. */
async function endpoints(): Promise<string> {
  const text = await readFile(join(root, 'examples/client/endpoints.yaml'), 'utf8');
  return text.replace('grpc: 20001', `grpc: ${one.v1}`).replace('grpc: 20002', `grpc: ${one.v2}`);
}

const istio = join(root, 'deploy/istio');

async function withTutorial(
  use: (client: Client<typeof Greeter>, save: (scenario: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  await copyFile(join(istio, 'destinationrule.yaml'), join(folder, 'destinationrule.yaml'));
  await writeFile(join(folder, 'endpoints.yaml'), await endpoints());
  const transport = createRoutedTransport({ config: folder, baseUrl: 'xds:///dubbo-go-server:20000' });
  const changes = transport.routing.config;
  const save = async (scenario: string): Promise<void> => {
    const taken = new Promise<void>((done) => {
      const end = changes.subscribe(() => {
        end();
        done();
      });
    });
    await copyFile(join(istio, 'scenarios', `${scenario}.yaml`), join(folder, 'virtualservice.yaml'));
    await taken;
  };
  try {
    await use(createClient(Greeter, transport), save);
  } finally {
    await transport.close();
    await rm(folder, { recursive: true });
  }
}

test("createRoutedTransport() follows the tutorial's steps as its files are saved, and no call fails", async () => {
  await withTutorial(async (client, save) => {
    const id = async (headers: HeadersInit = {}) =>
      (await client.sayHello({ name: 'laurence' }, { headers })).id;
    const share = async (calls: number) => {
      const ids = await Promise.all(Array.from({ length: calls }, () => id()));
      return ids.filter((each) => each === 'v2.0.0').length / calls;
    };
    const even = await share(200);
    assert.ok(even > 0.3 && even < 0.7, `v2 gets ${even} without a rule`);

    let isOver = false;
    let calls = 0;
    const steady = (async () => {
      while (!isOver) {
        await id();
        calls++;
        await new Promise((done) => setTimeout(done, 3));
      }
    })();
    // A stream keeps the endpoint that it began with.
    const stream = client.sayHelloStream(
      (async function* () {
        for (const name of ['a', 'b', 'c']) {
          yield { name };
          if (name !== 'c') await save(name === 'a' ? 'all-v1' : 'user-admin');
        }
      })(),
    );
    const ids = new Set<string>();
    for await (const user of stream) {
      ids.add(user.id);
    }
    assert.equal(ids.size, 1);

    assert.equal(await id({ user: 'admin' }), 'v2.0.0');
    assert.equal(await id({ USER: 'admin2' }), 'v1.0.0');
    assert.equal(await share(50), 0);
    await save('all-v1');
    assert.equal(await id({ user: 'admin' }), 'v1.0.0');
    await save('canary-90-10');
    const canary = await share(400);
    // Five standard deviations.
    assert.ok(canary > 0.025 && canary < 0.175, `v2 gets ${canary} of 10 %`);
    isOver = true;
    await steady;
    assert.ok(calls > 20, `${calls} calls were made meanwhile`);
  });
});

test('greet() of the example is answered by v1, and as an admin by v2', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  const file = join(folder, 'endpoints.yaml');
  await writeFile(file, await endpoints());
  assert.deepEqual(await greet([istio, file]), ['v1.0.0', 'v2.0.0']);
  await rm(folder, { recursive: true });
});

test('createRoutedTransport() says that an endpoint has gone, and finds it again', async () => {
  let server = await connectServer('http2', echoRoutes('a'));
  const services = [remoteService('echo', [{ port: server.port }], 'http2')];
  await withClient(plainRule(), services, async (client) => {
    const ask = async () => (await client.unary({ value: 'x' })).value;
    assert.equal(await ask(), 'a: x');
    const waiting = client.unary({ value: 'wait' });
    const isUnavailable = (error: ConnectError) => error.code === Code.Unavailable;
    const broken = assert.rejects(waiting, isUnavailable);
    await new Promise((done) => setTimeout(done, 20));
    await server.kill();
    await broken;
    await assert.rejects(ask(), isUnavailable);
    server = await connectServer('http2', echoRoutes('b'), server.port);
    assert.equal(await ask(), 'b: x');
    await server.kill();
  });
});

test('createRoutedTransport() tells of an answer that breaks off in its middle', async () => {
  const server = await connectServer('http2', echoRoutes('a'));
  await withClient(plainRule(), [remoteService('echo', [{ port: server.port }], 'http2')], async (client) => {
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const { value } of client.serverStream({ value: 'wait' })) {
          seen.push(value);
          if (seen.length === 3) void server.kill();
        }
      },
      (error: ConnectError) => error.code === Code.Unavailable,
    );
    assert.equal(seen.length, 3);
  });
});

test('createRoutedTransport() draws weights by the chance it is given', async () => {
  const rules = [
    virtualService(
      '[{ route: [{ destination: { host: echo, subset: v1 }, weight: 99 }, { destination: { host: echo, subset: v2 }, weight: 1 }] }]',
    ),
    destinationRule('subsets: [{ name: v1, labels: { v: v1 } }, { name: v2, labels: { v: v2 } }]'),
  ];
  const services = versions();
  for (const [draw, name] of [
    [98, 'v1: x'],
    [99, 'v2: x'],
  ] as const)
    await withClient(
      rules,
      services,
      async (client) => assert.equal((await client.unary({ value: 'x' })).value, name),
      { random: (bound, purpose) => (purpose === 'weight' ? draw : bound - 1) },
    );
});

test('createRoutedTransport() hashes calls by their headers', async () => {
  const policy = 'trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } }';
  await withClient([plainRule(), destinationRule(policy)], versions(), async (client) => {
    const ask = async (user: string) =>
      (await client.unary({ value: '' }, { headers: { 'x-user': user } })).value;
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    const first = await Promise.all(users.map(ask));
    assert.deepEqual(new Set(first), new Set(['v1: ', 'v2: ']));
    assert.deepEqual(await Promise.all(users.map(ask)), first);
  });
});

test('createRoutedTransport() tries other endpoints, and takes out the one that fails', async () => {
  const gone = await connectServer('http2', echoRoutes('gone'));
  await gone.kill();
  const services = [remoteService('echo', [{ port: gone.port }, { port: one.v1 }], 'http2')];
  const policy =
    'trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 1, interval: 10s, baseEjectionTime: 60s, maxEjectionPercent: 100 } }';
  await withClient(
    [plainRule('retries: { attempts: 2, retryOn: connect-failure }'), destinationRule(policy)],
    services,
    async (client) => {
      for (let call = 0; call < 6; call++) assert.equal((await client.unary({ value: '' })).value, 'v1: ');
      assert.equal((await client.clientStream(messages('a', 'b'))).value, 'v1: a+b');
    },
  );
});

test('createRoutedTransport() sends copies to a mirror', async () => {
  const copied = Promise.withResolvers<string>();
  const mirror = await connectServer('http2', (router) =>
    router.service(Echo, {
      unary: ({ value }, { requestHeader }) => {
        copied.resolve(`${value} of ${requestHeader.get('x-by')}`);
        return {};
      },
    }),
  );
  const services = [...versions(), remoteService('mirror', [{ port: mirror.port }], 'http2')];
  await withClient(plainRule('mirror: { host: mirror }'), services, async (client) => {
    assert.match((await client.unary({ value: 'x' }, { headers: { 'x-by': 'me' } })).value, /^v[12]: x$/);
    assert.equal(await copied.promise, 'x of me');
  });
  await mirror.kill();
});

function versions() {
  return [
    remoteService(
      'echo',
      [
        { port: one.v1, labels: { v: 'v1' } },
        { port: one.v2, labels: { v: 'v2' } },
      ],
      'http2',
    ),
  ];
}
