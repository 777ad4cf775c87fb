/** Retries, faults, mirrors and timeouts end to end: through `fetch` as on an edge, and through listeners to real upstreams. */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { createGateway, type RequestOutcome, textSource } from '../../gateway/index.ts';
import { ask, openGateway, remoteService, type Server, start } from './world.ts';

/** One rule for host `echo`, `http` in YAML's flow style. */
const rules = (http: string) =>
  textSource(
    'vs.yaml',
    `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: echo }\nspec: { hosts: [echo], http: ${http} }\n`,
  );

/** A service in this process that notes what it is asked. */
function service(host: string, answer: (asked: number) => Response | Promise<Response>) {
  const asked: { body: string; attempt: string | null }[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const attempt = request.headers.get('x-envoy-attempt-count');
    asked.push({ body: await request.text(), attempt });
    return answer(asked.length);
  };
  return { asked, registered: { host, port: 80, handler: { fetch } } };
}

const post = (body: string) => new Request('http://echo/', { method: 'POST', body });

async function until(holds: () => boolean): Promise<void> {
  for (let count = 0; !holds() && count < 500; count++) await new Promise((done) => setTimeout(done, 5));
  assert.ok(holds());
}

test('fetch() retries a service in process with the same body, and says which try it is', async () => {
  const { asked, registered } = service(
    'echo',
    (count) => new Response(`${count}`, { status: count < 3 ? 503 : 200 }),
  );
  const gateway = createGateway({
    services: [registered],
    config: rules(
      '[{ retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }, route: [{ destination: { host: echo } }] }]',
    ),
  });
  const answer = await gateway.fetch(post('hello'));
  assert.deepEqual([answer.status, await answer.text()], [200, '3']);
  assert.deepEqual(
    asked,
    ['1', '2', '3'].map((attempt) => ({ body: 'hello', attempt })),
  );
  await gateway.stop(0);
});

test('fetch() delays and aborts as the rule says', async () => {
  const { asked, registered } = service('echo', () => new Response('ok'));
  const fault =
    'delay: { fixedDelay: 50ms, percentage: { value: 100 } }, abort: { httpStatus: 418, percentage: { value: 100 } }';
  const gateway = createGateway({
    services: [registered],
    config: rules(`[{ fault: { ${fault} }, route: [{ destination: { host: echo } }] }]`),
  });
  await gateway.ready();
  const startedMs = performance.now();
  const answer = await gateway.fetch(post('hello'));
  assert.ok(performance.now() - startedMs >= 45);
  assert.deepEqual([answer.status, await answer.text()], [418, 'fault filter abort']);
  assert.deepEqual(asked, []);
  await gateway.stop(0);
});

test('fetch() sends a copy to the mirror, which neither answers nor fails the call', async () => {
  const main = service('echo', () => new Response('main'));
  const copy = service('copy', () => new Response('copy', { status: 500 }));
  const gateway = createGateway({
    services: [main.registered, copy.registered],
    config: rules('[{ mirror: { host: copy }, route: [{ destination: { host: echo } }] }]'),
  });
  const answer = await gateway.fetch(post('hello'));
  assert.deepEqual([answer.status, await answer.text()], [200, 'main']);
  await until(() => copy.asked.length === 1);
  assert.deepEqual(copy.asked[0], { body: 'hello', attempt: '1' });
  await gateway.stop(0);
});

/** A stock server that answers by the number of the request. */
async function upstream(
  answer: (count: number, response: http.ServerResponse, request: http.IncomingMessage) => void,
): Promise<Server & { bodies: number[] }> {
  const bodies: number[] = [];
  let count = 0;
  const server = http.createServer((request, response) => {
    const index = count++;
    bodies[index] = 0;
    request.on('data', (chunk: Uint8Array) => {
      bodies[index]! += chunk.length;
    });
    request.on('end', () => answer(index, response, request));
    request.on('error', () => {});
  });
  return { ...(await start(server)), bodies };
}

const RETRY =
  '[{ retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }, route: [{ destination: { host: echo } }] }]';

test('listen() passes a body through whole that is too large for a retry, and asks once', async () => {
  const server = await upstream((_count, response) => response.writeHead(503).end('no'));
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [server])],
    config: rules(RETRY),
  });
  for (const [size, tries] of [
    [3 * 1024 * 1024, 1],
    [512 * 1024, 3],
  ] as const) {
    server.bodies.length = 0;
    const before = server.bodies.length;
    const answer = await ask(port, {
      method: 'POST',
      headers: ['host', 'echo', 'content-length', `${size}`],
      body: new Uint8Array(size),
    });
    assert.equal(answer.status, 503);
    const bodies = server.bodies.slice(before).filter((bytes) => bytes !== undefined);
    assert.deepEqual(bodies, Array(tries).fill(size));
  }
  await gateway.stop(0);
  await server.kill();
});

test('listen() asks no further upstream for a client who has left while a retry waits', async () => {
  let asked = 0;
  const server = await upstream((_count, response) => {
    asked++;
    response.writeHead(503).end();
  });
  const outcomes: RequestOutcome[] = [];
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [server])],
    config: rules(
      '[{ retries: { attempts: 5, retryOn: 5xx, backoff: 10s }, route: [{ destination: { host: echo } }] }]',
    ),
    random: (bound) => bound - 1,
    metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
  });
  const request = http.get({ host: '127.0.0.1', port, headers: { host: 'echo' } });
  request.on('error', () => {});
  await until(() => asked === 1);
  await new Promise((done) => setTimeout(done, 20));
  request.destroy();
  await until(() => outcomes.length === 1);
  assert.equal(outcomes[0]!.flag, 'DC');
  assert.equal(asked, 1);
  assert.deepEqual(
    gateway.clusters().flatMap(({ endpoints }) => endpoints.map(({ active }) => active)),
    [0],
  );
  await gateway.stop(0);
  await server.kill();
});

/** At a time; few enough for a busy machine to answer in time those that are to be answered. */
const CALLS = 40;

test('listen() ends every call of many to an upstream that fails in all ways, and asks once where nothing may be retried', {
  timeout: 60_000,
}, async () => {
  const tries = new Map<string, number>();
  const server = await upstream((_count, response, request) => {
    const id = `${request.headers['x-id']}`;
    tries.set(id, (tries.get(id) ?? 0) + 1);
    switch (Number(id) % 5) {
      case 0:
        return response.end('fine');
      case 1:
        return request.socket.destroy();
      case 2:
        return response.writeHead(503).end('no');
      case 3:
        response.writeHead(200, { 'content-length': '10' });
        response.write('half');
        return setTimeout(() => request.socket.destroy(), 5);
      default:
        return; // never answers
    }
  });
  const outcomes: RequestOutcome[] = [];
  const { gateway, port } = await openGateway({
    remoteServices: [remoteService('echo', [server])],
    config: rules(
      `[{ match: [{ uri: { prefix: /again } }], timeout: 9s, retries: { attempts: 2, retryOn: 5xx, perTryTimeout: 2s, backoff: 1ms }, route: [{ destination: { host: echo } }] },
        { timeout: 3s, route: [{ destination: { host: echo } }] }]`,
    ),
    metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
  });
  const call = async (id: number, path: string): Promise<string> => {
    try {
      const { status } = await ask(port, { path, headers: ['host', 'echo', 'x-id', `${id}`] });
      return `${status}`;
    } catch {
      return 'broken off';
    }
  };
  const once = await Promise.all(Array.from({ length: CALLS }, (_, id) => call(id, '/once')));
  assert.deepEqual([...new Set(once.map((status, id) => `${id % 5}: ${status}`))].sort(), [
    '0: 200',
    '1: 503',
    '2: 503',
    '3: broken off',
    '4: 504',
  ]);
  assert.deepEqual(new Set(tries.values()), new Set([1]));
  tries.clear();
  const again = await Promise.all(Array.from({ length: CALLS }, (_, id) => call(id, '/again')));
  assert.deepEqual(
    [...new Set(again.map((status, id) => `${id % 5}: ${status} ${tries.get(`${id}`)}`))].sort(),
    ['0: 200 1', '1: 503 3', '2: 503 3', '3: broken off 1', '4: 504 3'],
  );
  await until(() => outcomes.length === 2 * CALLS);
  const flags = (from: number) =>
    [...new Set(outcomes.slice(from, from + CALLS).map(({ flag }) => flag ?? '-'))].sort();
  assert.deepEqual(flags(0), ['-', 'UC', 'UPE', 'UT']);
  assert.deepEqual(flags(CALLS), ['-', 'UPE', 'URX', 'URX,UC', 'URX,UT']);
  assert.deepEqual(
    gateway.clusters().flatMap(({ endpoints }) => endpoints.map(({ active }) => active)),
    [0],
  );
  await gateway.stop(0);
  await server.kill();
});
