/**
 * What a request of HTTP/1.1 and its answer cost in the engines, without sockets, by how much of the head is new.
 *
 *     bun bench/wire/http1.ts
 *     node bench/wire/http1.ts
 *
 * The request is a Connect call in JSON as Node's client sends it: eleven fields, 330 bytes, and a body of 17.
 * `same head`: it repeats. `unique id`: an x-request-id of 36 characters differs each time. `unique all`: the path
 * too. A server's exchange is a request read, body and all, and an answer of five fields and 30 bytes written; a client's is
 * the same from the other side; `proxied` is both, the heads handed on as they are.
 */
import { Http1ClientConnection } from '../../wire/http1/client.ts';
import { Http1ServerConnection } from '../../wire/http1/server.ts';
import {
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ResponseReceiver,
  type ServerEvents,
  type ServerStream,
  type Stream,
  type StreamReceiver,
} from '../../wire/stream.ts';
import { formatTable, nanoseconds, runtimeName } from '../router/measure.ts';

const COUNT = 1024;
const ENCODER = new TextEncoder();
const BODY = ENCODER.encode('{"name":"lauren"}');
const ANSWER = ENCODER.encode('{"greeting":"Hello, lauren!!"}');

function requestText(call: number, isPathUnique: boolean, isIdUnique: boolean): string {
  const id = (isIdUnique ? call : 1).toString(16).padStart(12, '0');
  return (
    `POST /greeter.v1.GreeterService/Greet${isPathUnique ? `?${call + 100_000}` : ''} HTTP/1.1\r\n` +
    'Host: greeter.default.svc.cluster.local\r\n' +
    'Content-Type: application/json\r\n' +
    'Connect-Protocol-Version: 1\r\n' +
    'User-Agent: connect-es/2.2.0\r\n' +
    'Connect-Timeout-Ms: 10000\r\n' +
    'Accept-Encoding: gzip, br\r\n' +
    'Accept: */*\r\n' +
    `X-Request-Id: 7f0c9d1e-3b5a-4c8d-9e2f-${id}\r\n` +
    'Connection: keep-alive\r\n' +
    'Content-Length: 17\r\n\r\n{"name":"lauren"}'
  );
}

const requests = (isPathUnique: boolean, isIdUnique: boolean) =>
  Array.from({ length: COUNT }, (_, call) => ENCODER.encode(requestText(call, isPathUnique, isIdUnique)));

const answerFields: FieldList = [
  ['content-type', 'application/json'],
  ['content-length', String(ANSWER.length)],
  ['date', 'Tue, 24 Nov 2026 23:05:00 GMT'],
  ['server', 'istio-envoy'],
  ['x-envoy-upstream-service-time', '1'],
];
const answer = (() => {
  const head = answerFields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return ENCODER.encode(`HTTP/1.1 200 OK\r\n${head}\r\n${'x'.repeat(ANSWER.length)}`);
})();

/** Answers at the end of each request. */
class Answering implements ServerEvents, StreamReceiver {
  stream: ServerStream | undefined;
  request(stream: ServerStream): StreamReceiver {
    this.stream = stream;
    return this;
  }
  data(chunk: Uint8Array): void {
    this.stream!.consumed(chunk.length);
  }
  end(): void {
    this.stream!.respond(200, answerFields, false);
    this.stream!.write(ANSWER);
    this.stream!.end(NO_FIELDS);
  }
  reset(): void {}
  sent(): void {}
  wake(): void {}
  pauseInput(): void {}
  close(): void {}
}

/** Hands requests on to a client, and its answers back. */
class Proxying extends Answering implements ResponseReceiver {
  readonly client = new Http1ClientConnection(this);
  upstream: Stream | undefined;
  override request(stream: ServerStream, head?: RequestHead, hasEnded?: boolean): StreamReceiver {
    this.stream = stream;
    this.upstream = this.client.open(head!, hasEnded!, this);
    return new ToUpstream(this.upstream);
  }
  inform(): void {}
  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.stream!.respond(status, headers, hasEnded);
  }
  override data(chunk: Uint8Array): void {
    this.stream!.write(chunk);
    this.upstream!.consumed(chunk.length);
  }
  override end(): void {
    this.stream!.end(NO_FIELDS);
  }
}

class ToUpstream implements StreamReceiver {
  readonly #upstream: Stream;
  constructor(upstream: Stream) {
    this.#upstream = upstream;
  }
  data(chunk: Uint8Array): void {
    this.#upstream.write(chunk);
  }
  end(trailers: FieldList): void {
    this.#upstream.end(trailers);
  }
  reset(): void {}
  sent(): void {}
}

function sent(connection: Http1ServerConnection | Http1ClientConnection): void {
  connection.output.shift(connection.output.length);
  connection.flushed();
}

function serve(chunks: readonly Uint8Array[]): number {
  const server = new Http1ServerConnection(new Answering(), { scheme: 'http', nowMs: 0 });
  return nanoseconds((call) => {
    server.receive(chunks[call % COUNT]!);
    sent(server);
  });
}

function proxy(chunks: readonly Uint8Array[]): number {
  const events = new Proxying();
  const server = new Http1ServerConnection(events, { scheme: 'http', nowMs: 0 });
  return nanoseconds((call) => {
    server.receive(chunks[call % COUNT]!);
    sent(events.client);
    events.client.receive(answer);
    sent(server);
  });
}

function ask(): number {
  const events = new Proxying();
  events.stream = { respond() {}, write() {}, end() {}, inform() {}, consumed() {}, reset() {} };
  const client = events.client;
  const head: RequestHead = {
    method: 'POST',
    scheme: 'http',
    authority: 'greeter.default.svc.cluster.local',
    path: '/greeter.v1.GreeterService/Greet',
    headers: requestText(1, false, false)
      .split('\r\n')
      .slice(2, -2)
      .map((line) => line.toLowerCase().split(': ') as [string, string]),
  };
  return nanoseconds(() => {
    const stream = client.open(head, false, events);
    events.upstream = stream;
    stream.write(BODY);
    stream.end(NO_FIELDS);
    sent(client);
    client.receive(answer);
  });
}

const rows: [string, number][] = [
  ['server, same head', serve(requests(false, false))],
  ['server, unique id', serve(requests(false, true))],
  ['server, unique all', serve(requests(true, true))],
  ['client', ask()],
  ['proxied, same head', proxy(requests(false, false))],
  ['proxied, unique all', proxy(requests(true, true))],
];
console.log(
  formatTable(
    ['exchange', `ns on ${runtimeName()}`],
    rows.map(([name, ns]) => [name, ns.toFixed(0)]),
  ),
);
