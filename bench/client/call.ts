/**
 * What routing costs a client: CPU time of this process for a unary call that the rules route, and for the same call of
 * the same client straight to the endpoint's address. Rounds of both alternate; the server is a process of its own,
 * whose time does not count.
 *
 *     bun bench/client/call.ts [ROUNDS]
 */
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import type { UniversalClientFn } from '@connectrpc/connect/protocol';
import { createTransport } from '@connectrpc/connect/protocol-grpc';
import { createGrpcTransport as createNodeGrpcTransport } from '@connectrpc/connect-node';
import { ClientCall, headOf } from '../../client/call.ts';
import { compressionGzip, createRoutedTransport, textSource } from '../../client/index.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { start } from '../../test/program.ts';
import { createRemoteUpstream } from '../../upstream/remote/index.ts';
import type { UpstreamReceiver } from '../../upstream/upstream.ts';
import type { Stream } from '../../wire/stream.ts';
import { formatTable, median, runtimeName } from '../router/measure.ts';

const ROUNDS = Number(process.argv[2] ?? 60);
const CALLS = 500;
const IN_FLIGHT = 8;

/** The tutorial's rules, with both versions at the one endpoint. */
const rules = (port: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
    - match: [{ headers: { user: { exact: admin } } }]
      route: [{ destination: { host: greeter, subset: v2 } }]
    - route:
        - { destination: { host: greeter, subset: v1 }, weight: 90 }
        - { destination: { host: greeter, subset: v2 }, weight: 10 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: greeter }
spec:
  hosts: [greeter.default.svc.cluster.local]
  ports: [{ number: 80, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints:
    - { address: 127.0.0.1, ports: { grpc: ${port} }, labels: { version: v1 } }
    - { address: 127.0.0.1, ports: { grpc: ${port} }, labels: { version: v2 } }
`;

/** The HTTP client of the routed transport, without its rules. */
function straightTo(port: number): UniversalClientFn {
  const upstream = createRemoteUpstream({ kind: 'socket', address: '127.0.0.1', port }, 'http2');
  return (request) => {
    const call = new ClientCall();
    return call.send(headOf(request), request, (head, hasEnded) => {
      const receiver: UpstreamReceiver = {
        inform() {},
        response: (status, headers, ended) => call.respond(status, headers, ended),
        data: (chunk) => call.write(chunk),
        end: (trailers) => call.end(trailers),
        reset: () => call.reset(),
        sent: (bytes) => call.consumed(bytes),
      };
      const stream: Stream = upstream.open(head, hasEnded, receiver);
      return {
        data: (chunk) => stream.write(chunk),
        end: (trailers) => stream.end(trailers),
        reset: () => stream.reset(8),
        sent: (bytes) => stream.consumed(bytes),
      };
    });
  };
}

const server = start('services/greeter/server.ts', ['--host', '127.0.0.1', '--port', '0']);
const port = Number((await server.line(/listens on 127\.0\.0\.1:(\d+)/))[1]);
const routed = createRoutedTransport({
  config: textSource('rules.yaml', rules(port)),
  baseUrl: 'http://greeter',
});
await routed.ready();
const address = `http://127.0.0.1:${port}`;
const straight = createTransport({
  baseUrl: address,
  httpClient: straightTo(port),
  useBinaryFormat: true,
  interceptors: [],
  acceptCompression: [compressionGzip],
  sendCompression: null,
  compressMinBytes: 1024,
  readMaxBytes: 0xffffffff,
  writeMaxBytes: 0xffffffff,
});
const subjects: readonly (readonly [name: string, transport: Transport])[] = [
  ['routed', routed],
  ['the same client, straight to the address', straight],
  ['connect-node, straight to the address', createNodeGrpcTransport({ baseUrl: address })],
];

async function microseconds(client: Client<typeof Greeter>): Promise<number> {
  let left = CALLS;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await client.sayHello({ name: 'laurence' });
  };
  const started = process.cpuUsage();
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  const { user, system } = process.cpuUsage(started);
  return (user + system) / CALLS;
}

const measured = subjects.map(([name, transport]) => ({
  name,
  client: createClient(Greeter, transport),
  taken: [] as number[],
}));
for (let round = -10; round < ROUNDS; round++)
  for (let turn = 0; turn < measured.length; turn++) {
    // Nobody always comes after the same one.
    const { client, taken } = measured[(turn + Math.abs(round)) % measured.length]!;
    const each = await microseconds(client);
    if (round >= 0) taken.push(each);
  }
const [first, second] = measured;
const more = first!.taken.map((each, round) => each - second!.taken[round]!);
console.log(`${runtimeName()}, ${ROUNDS} rounds of ${CALLS} unary gRPC calls, ${IN_FLIGHT} in flight\n`);
console.log(
  formatTable(
    ['client', 'CPU µs a call, median', 'quickest round'],
    measured.map(({ name, taken }) => [name, median(taken).toFixed(1), Math.min(...taken).toFixed(1)]),
  ),
);
const least = Math.min(...first!.taken) - Math.min(...second!.taken);
console.log(
  `\nRouting adds ${median(more).toFixed(1)} µs (median of the rounds' differences; quickest rounds: ${least.toFixed(1)}).`,
);
await routed.close();
server.kill('SIGKILL');
process.exit(0);
