/** DestinationRules and ServiceEntries carried out, as a client sees it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type GatewayOptions, type RequestOutcome, textSource } from '../../gateway/index.ts';
import { ask, noH2, openGateway, remoteService, start } from './world.ts';

/** Resources without the words that each of them has. */
const resources = (...all: readonly (readonly [kind: string, spec: unknown])[]) =>
  textSource(
    'rules.yaml',
    all
      .map(([kind, spec], index) =>
        JSON.stringify({
          apiVersion: 'networking.istio.io/v1',
          kind,
          metadata: { name: `r${index}`, namespace: 'default' },
          spec,
        }),
      )
      .join('\n---\n'),
  );
const policy = (trafficPolicy: unknown) => resources(['DestinationRule', { host: 'echo', trafficPolicy }]);

const named = (name: string, status = 200) => ({
  host: 'echo',
  port: 80,
  name,
  handler: { fetch: () => new Response(name, { status }) },
});
const abc = ['a', 'b', 'c', 'd', 'e'].map((name) => named(name));

async function open(context: TestContext, options: GatewayOptions) {
  const flags: (string | undefined)[] = [];
  const metrics = { requestEnded: ({ flag }: RequestOutcome) => flags.push(flag) };
  const opened = await openGateway({ ...options, metrics });
  assert.deepEqual(opened.gateway.issues(), []);
  context.after(() => opened.gateway.stop(0));
  return { ...opened, flags };
}

test('listen() sets the cookie that a rule hashes by, and sends its client to the same endpoint from then on', async (context) => {
  const httpCookie = { name: 'user', ttl: '60s', path: '/p' };
  const config = policy({ loadBalancer: { consistentHash: { httpCookie } } });
  const { port } = await open(context, { services: abc, config });
  const first = await ask(port);
  const [cookie] = first.headers['set-cookie'] ?? [];
  assert.match(cookie!, /^user="[0-9a-f]{16}"; Max-Age=60; Path=\/p; HttpOnly$/);
  const headers = ['host', 'echo', 'cookie', cookie!.split(';', 1)[0]!];
  for (let i = 0; i < 10; i++) {
    const again = await ask(port, { headers });
    assert.equal(again.body, first.body);
    assert.equal(again.headers['set-cookie'], undefined);
  }
});

test('listen() gives all requests of a connection the same cookie, and other connections others', async (context) => {
  const config = policy({ loadBalancer: { consistentHash: { httpCookie: { name: 'user', ttl: '0s' } } } });
  const { port } = await open(context, { services: abc, config });
  const cookies = async (agent: http.Agent) => {
    const answers = [await ask(port, { agent }), await ask(port, { agent })];
    agent.destroy();
    return answers.map(({ headers }) => headers['set-cookie']![0]!);
  };
  const [one, same] = await cookies(new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const [other] = await cookies(new http.Agent({ keepAlive: true, maxSockets: 1 }));
  assert.equal(one, same);
  assert.notEqual(one, other);
  assert.match(one!, /^user="[0-9a-f]{16}"; HttpOnly$/, 'a cookie of the session');
});

test('listen() sends requests of one header value to one endpoint in process, by its stable name', async (context) => {
  const config = policy({
    loadBalancer: { consistentHash: { httpHeaderName: 'x-user', maglev: { tableSize: 65_537 } } },
  });
  const first = await open(context, { services: abc, config });
  const second = await open(context, { services: abc.toReversed(), config });
  const bodies = new Set<string>();
  for (let user = 0; user < 20; user++) {
    const headers = ['host', 'echo', 'x-user', `u${user}`];
    const { body } = await ask(first.port, { headers });
    assert.equal((await ask(second.port, { headers })).body, body, 'in another gateway too');
    bodies.add(body);
  }
  assert.equal(bodies.size, 5);
});

test('listen() answers 503 with UO and x-envoy-overloaded beyond a limit of requests', async (context) => {
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  const handler = { fetch: () => isReleased.then(() => new Response('ok')) };
  const config = policy({ connectionPool: { http: { http2MaxRequests: 1 } } });
  const { port, flags, gateway } = await open(context, {
    services: [{ host: 'echo', port: 80, handler }],
    config,
  });
  const running = ask(port);
  while (gateway.clusters()[0]!.circuitBreaker['requests']!.active === 0)
    await new Promise((resolve) => setTimeout(resolve, 1));
  const refused = await ask(port);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['x-envoy-overloaded'], 'true');
  assert.equal(
    refused.body,
    'upstream connect error or disconnect/reset before headers. reset reason: overflow',
  );
  assert.deepEqual(flags, ['UO']);
  release();
  assert.equal((await running).body, 'ok');
  assert.deepEqual(gateway.clusters()[0]!.circuitBreaker['requests'], { active: 0, max: 1, overflows: 1 });
});

test('listen() takes an endpoint out that keeps failing, in process too, and shows it among the clusters', async (context) => {
  const outlierDetection = { consecutive5xxErrors: 2, maxEjectionPercent: 100 };
  const config = policy({ loadBalancer: { simple: 'ROUND_ROBIN' }, outlierDetection });
  const { port, flags, gateway } = await open(context, {
    services: [named('a', 500), named('b', 500)],
    config,
  });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await ask(port)).status);
  assert.deepEqual(statuses, [500, 500, 500, 500, 503]);
  assert.equal(flags.at(-1), 'UH');
  const [cluster] = gateway.clusters();
  assert.deepEqual(
    cluster!.endpoints.map(({ id, health, ejections }) => [id, health, ejections]),
    [
      ['a', 'ejected', 1],
      ['b', 'ejected', 1],
    ],
  );
});

test('listen() takes an endpoint out that refuses connections, and serves from the others', async (context) => {
  const gone = await start(http.createServer());
  await gone.kill();
  const server = await start(http.createServer((_request, response) => void response.end('here')));
  context.after(server.kill);
  const outlierDetection = { consecutive5xxErrors: 1, maxEjectionPercent: 50 };
  const config = policy({ loadBalancer: { simple: 'ROUND_ROBIN' }, outlierDetection });
  const remoteServices = [remoteService('echo', [{ port: gone.port }, { port: server.port }])];
  const { port } = await open(context, { remoteServices, config });
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await ask(port)).status);
  assert.ok(statuses.filter((status) => status === 503).length <= 1, statuses.join());
});

test('listen() does not blame an endpoint for a request that cannot be sent', async (context) => {
  const server = await start(http.createServer((_request, response) => void response.end('here')));
  context.after(server.kill);
  const route = [{ destination: { host: 'echo' } }];
  const http1 = [{ match: [{ uri: { exact: '/odd' } }], rewrite: { uri: 'a b' }, route }, { route }];
  const outlierDetection = { consecutive5xxErrors: 1, maxEjectionPercent: 100 };
  const config = resources(
    ['VirtualService', { hosts: ['echo'], http: http1 }],
    ['DestinationRule', { host: 'echo', trafficPolicy: { outlierDetection } }],
  );
  const remoteServices = [remoteService('echo', [{ port: server.port }])];
  const { port, flags } = await open(context, { remoteServices, config });
  assert.equal((await ask(port, { path: '/odd' })).status, 503);
  assert.equal((await ask(port)).status, 200);
  assert.deepEqual(flags, ['LR', undefined]);
});

test('listen() speaks to an endpoint as its client does where useClientProtocol says so', {
  skip: noH2,
}, async (context) => {
  // node:http2 with `allowHTTP1` needs TLS: two servers on two gateways tell the same.
  const config = policy({ connectionPool: { http: { useClientProtocol: true } } });
  const h1 = await start(http.createServer((_request, response) => void response.end('one')));
  const h2 = await start(http2.createServer((_request, response) => void response.end('two')));
  context.after(h1.kill);
  context.after(h2.kill);
  const one = await open(context, { remoteServices: [remoteService('echo', [{ port: h1.port }])], config });
  assert.equal((await ask(one.port)).body, 'one');
  const two = await open(context, { remoteServices: [remoteService('echo', [{ port: h2.port }])], config });
  const client = http2.connect(`http://127.0.0.1:${two.port}`);
  context.after(() => client.destroy());
  const stream = client.request({ ':path': '/', ':authority': 'echo' });
  let body = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  assert.equal(body, 'two');
});

test('listen() looks names of a ServiceEntry up, and goes where a request says without endpoints', async (context) => {
  const server = await start(http.createServer(({ headers }, response) => void response.end(headers.host)));
  context.after(server.kill);
  const ports = [{ number: server.port, name: 'http', protocol: 'HTTP' }];
  const config = resources(
    [
      'ServiceEntry',
      { hosts: ['db.example'], ports, resolution: 'DNS', endpoints: [{ address: 'localhost' }] },
    ],
    ['ServiceEntry', { hosts: ['localhost.test'], ports, resolution: 'NONE' }],
  );
  const { gateway } = await open(context, { config });
  const { port } = await gateway.listen({ port: 0, servicePort: server.port });
  for (let i = 0; i < 3; i++)
    assert.equal((await ask(port, { headers: ['host', 'db.example'] })).body, 'db.example');
  const addresses = () =>
    gateway
      .clusters()
      .find(({ host }) => host === 'db.example')!
      .endpoints.map(({ address }) => address);
  while (addresses()[0] === `localhost:${server.port}`)
    await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(addresses(), [`127.0.0.1:${server.port}`]);
  assert.equal((await ask(port, { headers: ['host', 'db.example'] })).body, 'db.example');
  // Nobody has this name: what is dialled is the service's host and port, whatever port the request says.
  assert.equal((await ask(port, { headers: ['host', 'localhost.test:1'] })).status, 503);
  const original = gateway.clusters().find(({ host }) => host === 'localhost.test')!;
  assert.deepEqual(
    original.endpoints.map(({ address }) => address),
    [`localhost.test:${server.port}`],
  );
});

test('listen() dials the port that an endpoint has, else the target port, of a WorkloadEntry too', async (context) => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => start(http.createServer((_, response) => void response.end(name)))),
  );
  for (const { kill } of [one!, two!]) context.after(kill);
  const ports = (targetPort?: number) => [{ number: 80, name: 'http', protocol: 'HTTP', targetPort }];
  const own = { address: '127.0.0.1', ports: { http: two!.port } };
  const { port } = await open(context, {
    config: resources(
      [
        'ServiceEntry',
        {
          hosts: ['target.example'],
          ports: ports(one!.port),
          resolution: 'STATIC',
          endpoints: [{ address: '127.0.0.1' }],
        },
      ],
      [
        'ServiceEntry',
        { hosts: ['own.example'], ports: ports(one!.port), resolution: 'STATIC', endpoints: [own] },
      ],
      [
        'ServiceEntry',
        {
          hosts: ['workload.example'],
          ports: ports(one!.port),
          resolution: 'STATIC',
          workloadSelector: { labels: { app: 'workload' } },
        },
      ],
      ['WorkloadEntry', { ...own, labels: { app: 'workload' } }],
    ),
  });
  const bodyOf = async (host: string) => (await ask(port, { headers: ['host', host] })).body;
  assert.equal(await bodyOf('target.example'), 'one');
  assert.equal(await bodyOf('own.example'), 'two');
  assert.equal(await bodyOf('workload.example'), 'two');
});

test('listen() counts gRPC that fails in its head as the failure that HTTP has for it', {
  skip: noH2,
}, async (context) => {
  const headers = { 'content-type': 'application/grpc', 'grpc-status': '4' };
  const handler = { fetch: () => new Response(null, { headers }) };
  const outlierDetection = { consecutiveGatewayErrors: 2, consecutive5xxErrors: 0, maxEjectionPercent: 100 };
  const config = policy({ outlierDetection });
  const { port, flags } = await open(context, { services: [{ host: 'echo', port: 80, handler }], config });
  const client = http2.connect(`http://127.0.0.1:${port}`);
  context.after(() => client.destroy());
  const statuses: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const request = { ':method': 'POST', ':path': '/a.B/C', ':authority': 'echo', te: 'trailers' };
    const stream = client.request({ ...request, 'content-type': 'application/grpc' });
    stream.end();
    const [answer] = await once(stream, 'response');
    statuses.push(answer['grpc-status']);
    stream.resume();
    await once(stream, 'close');
  }
  // 4 is no word of Istio's default retryOn, so that each call is one try.
  assert.deepEqual(statuses, ['4', '4', '14']);
  assert.deepEqual(flags, [undefined, undefined, 'UH']);
});
