/** Timeouts, retries, faults and mirrors in workerd, asked by stock clients of Connect and gRPC-Web. */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { after, before, test } from 'node:test';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { routes } from '../../services/greeter/v1.ts';
import { type Server, start } from '../gateway/world.ts';
import { bundle, startWorker, type Worker } from './worker.ts';

const rulesOf = (main: number, copy: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter.example]
  http:
    - match: [{ headers: { x-policy: { exact: retries } } }]
      retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { x-policy: { exact: timeout } } }]
      timeout: 2s
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { x-policy: { exact: per-try } } }]
      retries: { attempts: 2, retryOn: 5xx, perTryTimeout: 3s, backoff: 1ms }
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { x-policy: { exact: abort } } }]
      fault: { abort: { httpStatus: 429, percentage: { value: 100 } } }
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { x-policy: { exact: delay } } }]
      fault: { delay: { fixedDelay: 60ms, percentage: { value: 100 } } }
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { x-policy: { exact: mirror } } }]
      mirror: { host: copy.example }
      route: [{ destination: { host: greeter.example } }]
    - route: [{ destination: { host: greeter.example } }]
${[
  ['greeter', main],
  ['copy', copy],
]
  .map(
    ([name, port]) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
`,
  )
  .join('')}`;

/** A stock greeter that fails as often as a request says, breaks off, or is slow to answer; counts what it is asked. */
async function openGreeter(): Promise<Server & { asked: Map<string, number> }> {
  const asked = new Map<string, number>();
  const greet = connectNodeAdapter({ routes });
  const server = http.createServer((request, response) => {
    const id = `${request.headers['x-id']}`;
    const tries = (asked.get(id) ?? 0) + 1;
    asked.set(id, tries);
    if (tries <= Number(request.headers['x-fails'] ?? 0)) {
      request.resume();
      response.writeHead(503).end();
    } else if (tries <= Number(request.headers['x-breaks'] ?? 0)) {
      request.resume().on('end', () => request.socket.resetAndDestroy());
    } else if (tries <= Number(request.headers['x-hangs'] ?? 0)) request.resume();
    else greet(request, response);
  });
  return Object.assign(await start(server), { asked });
}

interface PolicyCase {
  readonly policy: string;
  readonly headers?: Record<string, string>;
  /** The id of who answers, or the code of the error. */
  readonly want: string | Code;
  readonly tries: number;
}

const CASES: readonly PolicyCase[] = [
  { policy: 'none', want: 'v1.0.0', tries: 1 },
  { policy: 'none', headers: { 'x-fails': '1' }, want: Code.Unavailable, tries: 1 },
  // What an endpoint has got is not sent again unless a rule says so: Istio's default is for what was refused.
  { policy: 'none', headers: { 'x-breaks': '9' }, want: Code.Unavailable, tries: 1 },
  { policy: 'retries', headers: { 'x-breaks': '1' }, want: 'v1.0.0', tries: 2 },
  { policy: 'retries', headers: { 'x-fails': '2' }, want: 'v1.0.0', tries: 3 },
  { policy: 'retries', headers: { 'x-fails': '9' }, want: Code.Unavailable, tries: 3 },
  { policy: 'timeout', headers: { 'x-hangs': '9' }, want: Code.Unavailable, tries: 1 },
  { policy: 'per-try', headers: { 'x-hangs': '1' }, want: 'v1.0.0', tries: 2 },
  { policy: 'abort', want: Code.Unavailable, tries: 0 },
  { policy: 'delay', want: 'v1.0.0', tries: 1 },
  { policy: 'mirror', want: 'v1.0.0', tries: 1 },
];

let worker: Worker;
let main: Awaited<ReturnType<typeof openGreeter>>;
let copy: Awaited<ReturnType<typeof openGreeter>>;

before(async () => {
  [main, copy] = [await openGreeter(), await openGreeter()];
  worker = await startWorker(bundle('test/edge/policy-worker.ts'), { RULES: rulesOf(main.port, copy.port) });
});

after(async () => {
  await worker.dispose();
  await Promise.all([main.kill(), copy.kill()]);
});

async function outcomeOf(
  client: Client<typeof Greeter>,
  headers: Record<string, string>,
): Promise<string | Code> {
  try {
    return (await client.sayHello({ name: 'laurence' }, { headers })).id;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

const TRANSPORTS: readonly (readonly [name: string, open: (baseUrl: string) => Transport])[] = [
  ['Connect', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  ['gRPC-Web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
];

for (const [name, open] of TRANSPORTS)
  test(`createGateway() carries out the policies of a rule in workerd for ${name}`, async () => {
    const client = createClient(Greeter, open(worker.url));
    const carryOut = async ({ policy, headers, want, tries }: PolicyCase, index: number): Promise<void> => {
      const id = `${name}-${index}`;
      const startedMs = performance.now();
      const outcome = await outcomeOf(client, { 'x-policy': policy, 'x-id': id, ...headers });
      const passedMs = performance.now() - startedMs;
      const about = `${policy} ${JSON.stringify(headers ?? {})}`;
      assert.deepEqual([outcome, main.asked.get(id) ?? 0], [want, tries], about);
      if (policy === 'delay') assert.ok(passedMs >= 55, `${passedMs} ms`);
      if (policy !== 'mirror') return;
      while (!copy.asked.has(id)) await new Promise((done) => setTimeout(done, 5));
      assert.equal(copy.asked.get(id), 1);
    };
    // At once, as times have to be so long that a busy machine keeps them.
    await Promise.all(CASES.map(carryOut));
  });
