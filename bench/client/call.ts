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
import { compressionGzip, createRoutedTransport, textSource } from '../../client/index.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { start } from '../../test/program.ts';
import { ClientCall, headOf } from '../../upstream/client-call.ts';
import { createRemoteUpstream } from '../../upstream/remote/index.ts';
import type { UpstreamReceiver } from '../../upstream/upstream.ts';
import type { Stream } from '../../wire/stream.ts';
import { formatTable, median, runtimeName } from '../router/measure.ts';

const ROUNDS = Number(process.argv[2] ?? 200);
/** Few, so that some rounds are not disturbed by whatever else the machine does. */
const CALLS = 100;
const WARM_UP = 150;
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
// Compilers work on threads of this process, until they have nothing more to do.
for (let round = -WARM_UP; round < ROUNDS; round++)
  for (let turn = 0; turn < measured.length; turn++) {
    // Nobody always comes after the same one.
    const { client, taken } = measured[(turn + Math.abs(round)) % measured.length]!;
    const each = await microseconds(client);
    if (round >= 0) taken.push(each);
  }
/** What a tenth of the rounds stay below: the rest of the machine only ever adds to a round. */
const least = (taken: readonly number[]): number =>
  taken.toSorted((a, b) => a - b)[Math.floor(taken.length / 10)]!;
const [first, second] = measured;
console.log(`${runtimeName()}, ${ROUNDS} rounds of ${CALLS} unary gRPC calls, ${IN_FLIGHT} in flight\n`);
console.log(
  formatTable(
    ['client', 'CPU µs a call, least tenth', 'median'],
    measured.map(({ name, taken }) => [name, least(taken).toFixed(1), median(taken).toFixed(1)]),
  ),
);
console.log(`\nRouting adds ${(least(first!.taken) - least(second!.taken)).toFixed(1)} µs.`);
await routed.close();
server.kill('SIGKILL');
process.exit(0);
