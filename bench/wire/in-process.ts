/**
 * What a unary call of a service in process costs, from its head and body to the end of its answer: on the lean
 * way, and by Connect's own handlers.
 *
 *     bun bench/wire/in-process.ts
 *
 * Prints nanoseconds a call, as a Markdown table: of the quickest of many short rounds, as whatever else the machine
 * does only adds. Calls run one after the other.
 */
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { Greeter, HelloRequestSchema } from '../../gen/api/greeter_pb.ts';
import { leanCalls } from '../../upstream/in-process/lean.ts';
import { createConnectUpstream } from '../../upstream/in-process.ts';
import type { Upstream, UpstreamReceiver } from '../../upstream/upstream.ts';
import { encodeEnvelope } from '../../wire/grpc/envelope.ts';
import { type FieldList, NO_FIELDS, type RequestHead, type Stream } from '../../wire/stream.ts';
import { formatTable, runtimeName } from '../router/measure.ts';

/** Of one round. */
const CALLS = { lean: 500, Connect: 50 };
const ROUNDS = 60;
const WARM_UP_ROUNDS = 40;

const routes = (router: ConnectRouter): void => {
  router.service(Greeter, { sayHello: async ({ name }) => ({ name: `Hello ${name}`, id: 'v1.0.0' }) });
};
const options = { maxMessageBytes: 4 * 1024 * 1024 };
const upstreams = {
  lean: createConnectUpstream(routes, { ...options, shortcut: leanCalls }),
  Connect: createConnectUpstream(routes, options),
};

const message = create(HelloRequestSchema, { name: 'laurence' });
const binary = toBinary(HelloRequestSchema, message);
const json = new TextEncoder().encode(toJsonString(HelloRequestSchema, message));
const path = '/api.Greeter/SayHello';

/** As clients send it: what grpc-go says, what Connect's client says. */
function head(contentType: string, ...more: FieldList): RequestHead {
  const headers: FieldList = [
    ['content-type', contentType],
    ['user-agent', 'bench/1.0'],
    ...more,
    ['x-request-id', '0b6d0d2e-6f4c-4f29-a5a7-6dc4a4c62b2f'],
    ['x-forwarded-proto', 'http'],
  ];
  return { method: 'POST', scheme: 'http', authority: 'greeter:80', path, headers };
}
const requests: Record<string, readonly [RequestHead, Uint8Array]> = {
  gRPC: [head('application/grpc', ['te', 'trailers']), encodeEnvelope(0, binary)],
  'gRPC with a deadline': [
    head('application/grpc', ['te', 'trailers'], ['grpc-timeout', '1S']),
    encodeEnvelope(0, binary),
  ],
  'gRPC-Web': [head('application/grpc-web+proto'), encodeEnvelope(0, binary)],
  'Connect proto': [head('application/proto', ['content-length', `${binary.length}`]), binary],
  'Connect JSON': [head('application/json', ['content-length', `${json.length}`]), json],
};

/** Asks again when it is answered. */
class Caller implements UpstreamReceiver {
  readonly #upstream: Upstream;
  readonly #head: RequestHead;
  readonly #body: Uint8Array;
  #left = 0;
  #stream: Stream | undefined;
  #done: () => void = () => {};

  constructor(upstream: Upstream, head: RequestHead, body: Uint8Array) {
    this.#upstream = upstream;
    this.#head = head;
    this.#body = body;
  }

  run(calls: number): Promise<void> {
    return new Promise((resolve) => {
      this.#left = calls;
      this.#done = resolve;
      this.#ask();
    });
  }

  #ask(): void {
    const stream = this.#upstream.open(this.#head, false, this);
    this.#stream = stream;
    stream.write(this.#body);
    stream.end(NO_FIELDS);
  }

  inform(): void {}
  sent(): void {}
  response(status: number): void {
    if (status !== 200) throw new Error(`The answer has the status ${status}`);
  }
  data(chunk: Uint8Array): void {
    this.#stream!.consumed(chunk.length);
  }
  end(): void {
    if (--this.#left === 0) this.#done();
    else this.#ask();
  }
  reset(reason: string, detail: string): void {
    throw new Error(`${reason}: ${detail}`);
  }
}

const rows: string[][] = [];
for (const [name, [requestHead, body]] of Object.entries(requests)) {
  const ways = (['lean', 'Connect'] as const).map((way) => ({
    caller: new Caller(upstreams[way], requestHead, body),
    calls: CALLS[way],
    quickestNs: Number.POSITIVE_INFINITY,
  }));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++)
    for (const way of ways) {
      const started = performance.now();
      await way.caller.run(way.calls);
      const ns = ((performance.now() - started) * 1e6) / way.calls;
      if (round >= 0) way.quickestNs = Math.min(way.quickestNs, ns);
    }
  rows.push([name, ...ways.map(({ quickestNs }) => quickestNs.toFixed(0))]);
}
console.log(`${runtimeName()}, nanoseconds a call\n`);
console.log(formatTable(['protocol', ...Object.keys(upstreams)], rows));
