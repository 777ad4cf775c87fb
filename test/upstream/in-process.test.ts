/** Services and programs in process, asked by stock clients and as the gateway asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import type { CommonTransportOptions, UniversalClientFn } from '@connectrpc/connect/protocol';
import { createTransport as connectTransport } from '@connectrpc/connect/protocol-connect';
import { createTransport as grpcTransport } from '@connectrpc/connect/protocol-grpc';
import { createTransport as grpcWebTransport } from '@connectrpc/connect/protocol-grpc-web';
import { gzip } from '../../upstream/compression.ts';
import { leanCalls } from '../../upstream/in-process/lean.ts';
import { createConnectUpstream } from '../../upstream/in-process.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { encodeEnvelope } from '../../wire/grpc/envelope.ts';
import { NO_FIELDS } from '../../wire/stream.ts';
import { Echo, echoRoutes } from '../gateway/echo.ts';
import { ask, cancel, Exchange, head, utf8 } from './exchange.ts';

const MAX_BYTES = 1 << 20;
const text = (value: string) => encodeEnvelope(0, new Uint8Array([10, value.length, ...utf8(value)]));

/** Lets everything that is under way in this process come to its end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A stock client's way to an upstream. */
function clientOf(upstream: Upstream): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    const { protocol, host, pathname, search } = new URL(url);
    const request = head({
      scheme: protocol.slice(0, -1),
      authority: host,
      path: pathname + search,
      method,
      headers: [...header],
    });
    const exchange = new Exchange(upstream, request, body === undefined, false);
    signal?.addEventListener('abort', () => cancel(exchange));
    void (async () => {
      let written = 0;
      for await (const chunk of body ?? []) {
        exchange.stream.write(chunk);
        written += chunk.length;
        await exchange.until(() => exchange.sentBytes >= written);
      }
      exchange.stream.end(NO_FIELDS);
    })().catch(() => cancel(exchange));
    const gone = new Promise<never>((_, fail) => {
      signal?.addEventListener('abort', () => fail(signal.reason));
    });
    gone.catch(() => {});
    await Promise.race([exchange.until(() => exchange.events.length > 0), gone]);
    const trailer = new Headers();
    const [first] = exchange.events;
    if (!first!.startsWith('response')) throw new Error(first);
    async function* pieces() {
      while (true) {
        await Promise.race([
          exchange.until(
            () => exchange.bytes.length > 0 || !/^(response \d+|data)$/.test(exchange.events.at(-1)!),
          ),
          gone,
        ]);
        const chunk = new Uint8Array(exchange.bytes.splice(0));
        if (chunk.length > 0) {
          exchange.stream.consumed(chunk.length);
          yield chunk;
        } else if (exchange.events.at(-1)!.startsWith('reset')) throw new Error(exchange.events.at(-1));
        else break;
      }
      for (const [name, value] of exchange.trailers) trailer.append(name, value);
    }
    const status = Number(/\d+/.exec(first!));
    return { status, header: new Headers(exchange.headers as [string, string][]), body: pieces(), trailer };
  };
}

const common = {
  baseUrl: 'http://echo',
  interceptors: [],
  acceptCompression: [gzip],
  sendCompression: null,
  compressMinBytes: 10,
  readMaxBytes: MAX_BYTES,
  writeMaxBytes: MAX_BYTES,
} as const;
type Make = (options: CommonTransportOptions & { httpClient: UniversalClientFn }) => Transport;
const transports: Record<string, [Make, Partial<CommonTransportOptions>]> = {
  gRPC: [grpcTransport, { useBinaryFormat: true }],
  'gRPC with JSON': [grpcTransport, { useBinaryFormat: false }],
  'gRPC with gzip': [grpcTransport, { useBinaryFormat: true, sendCompression: gzip }],
  'gRPC-Web': [grpcWebTransport, { useBinaryFormat: true }],
  'gRPC-Web with gzip': [grpcWebTransport, { useBinaryFormat: true, sendCompression: gzip }],
  'Connect proto': [connectTransport, { useBinaryFormat: true }],
  'Connect JSON': [connectTransport, { useBinaryFormat: false }],
  'Connect with gzip': [connectTransport, { useBinaryFormat: true, sendCompression: gzip }],
  'Connect with GET': [connectTransport, { useBinaryFormat: false, useHttpGet: true } as object],
};

async function* texts(...values: string[]) {
  for (const value of values) yield { value };
}

for (const [name, [make, options]] of Object.entries(transports)) {
  const world = (watch = {}) => {
    const upstream = createConnectUpstream(echoRoutes('v1', watch), {
      maxMessageBytes: MAX_BYTES,
      shortcut: leanCalls,
    });
    const httpClient = clientOf(upstream);
    const transport = make({ ...common, ...options, httpClient } as Parameters<Make>[0]);
    return createClient(Echo, transport);
  };

  test(`createConnectUpstream() carries all kinds of RPC by ${name}`, async () => {
    const client = world();
    const seen: Record<string, string | null> = {};
    const answer = await client.unary(
      { value: 'a'.repeat(2000) },
      {
        headers: { 'x-ask': 'why' },
        onHeader: (headers) => {
          seen['header'] = headers.get('x-header');
        },
        onTrailer: (trailers) => {
          seen['trailer'] = trailers.get('x-trailer');
        },
      },
    );
    assert.equal(answer.value, `v1: ${'a'.repeat(2000)}`);
    assert.deepEqual(seen, { header: 'why', trailer: 'seen' });

    const streamed: string[] = [];
    for await (const { value } of client.serverStream({ value: 's' })) streamed.push(value);
    assert.deepEqual(streamed, ['v1: s 0', 'v1: s 1', 'v1: s 2']);
    assert.equal((await client.clientStream(texts('x', 'y'))).value, 'v1: x+y');

    // Each question waits for the answer to the one before: half duplex would never end.
    let answered = Promise.withResolvers<void>();
    async function* questions() {
      for (const value of ['1', '2', '3']) {
        yield { value };
        await answered.promise;
        answered = Promise.withResolvers();
      }
    }
    const answers: string[] = [];
    for await (const { value } of client.bidi(questions())) {
      answers.push(value);
      answered.resolve();
    }
    assert.deepEqual(answers, ['v1: 1', 'v1: 2', 'v1: 3']);

    const begun: string[] = [];
    await assert.rejects(async () => {
      for await (const { value } of client.serverStream({ value: 'fail' })) begun.push(value);
    }, ConnectError);
    assert.equal(begun.length, 3);
    await assert.rejects(client.unary({ value: 'fail' }), (error: ConnectError) => {
      assert.equal(error.code, Code.NotFound);
      assert.equal(error.rawMessage, 'no such thing: 100%');
      assert.equal(error.metadata.get('x-detail'), 'd');
      return true;
    });
  });

  test(`createConnectUpstream() tells a handler that its client of ${name} has cancelled`, async () => {
    const told = Promise.withResolvers<void>();
    const client = world({ cancelled: () => told.resolve() });
    const abort = new AbortController();
    await assert.rejects(async () => {
      let count = 0;
      for await (const _ of client.serverStream({ value: 'wait' }, { signal: abort.signal }))
        if (++count === 3) abort.abort();
    }, ConnectError);
    await told.promise;
  });
}

test('createConnectUpstream() asks no more of a handler while 64 KiB of its answer lie unread', async () => {
  let yielded = 0;
  let hasReturned = false;
  const upstream = createConnectUpstream(
    (router) =>
      router.service(Echo, {
        async *serverStream() {
          try {
            for (; yielded < 1000; yielded++) yield { value: 'x'.repeat(10_000) };
          } finally {
            hasReturned = true;
          }
        },
      }),
    { maxMessageBytes: MAX_BYTES, shortcut: leanCalls },
  );
  const request = head({ path: '/test.Echo/ServerStream', headers: [['content-type', 'application/grpc']] });
  const exchange = new Exchange(upstream, request, false, false);
  exchange.stream.write(text('a'));
  exchange.stream.end(NO_FIELDS);
  await exchange.until(() => exchange.bytes.length >= 64 * 1024);
  await settle();
  const held = exchange.bytes.length;
  assert.ok(held < 64 * 1024 + 10_100, `${held} bytes`);
  assert.ok(yielded <= 9, `${yielded} messages`);
  exchange.stream.consumed(20_000);
  await exchange.until(() => exchange.bytes.length > held);
  await settle();
  assert.ok(exchange.bytes.length < held + 20_000 + 10_100, `${exchange.bytes.length} bytes`);
  cancel(exchange);
  await settle();
  assert.equal(hasReturned, true);
  assert.deepEqual(exchange.events, ['response 200', 'data']);
});

test('createConnectUpstream() credits what a handler has read, and no more', async () => {
  const go = Promise.withResolvers<void>();
  const upstream = createConnectUpstream(
    (router) =>
      router.service(Echo, {
        async clientStream(requests) {
          await go.promise;
          let count = 0;
          for await (const _ of requests) count++;
          return { value: `${count}` };
        },
      }),
    { maxMessageBytes: MAX_BYTES, shortcut: leanCalls },
  );
  const request = head({ path: '/test.Echo/ClientStream', headers: [['content-type', 'application/grpc']] });
  const exchange = new Exchange(upstream, request, false);
  const piece = text('abc');
  for (let i = 0; i < 10; i++) exchange.stream.write(piece);
  await settle();
  assert.equal(exchange.sentBytes, 0);
  go.resolve();
  await exchange.until(() => exchange.sentBytes > 0);
  exchange.stream.end(NO_FIELDS);
  await exchange.over;
  assert.equal(exchange.sentBytes, 10 * piece.length);
  assert.deepEqual(exchange.events, ['response 200', 'data', 'end']);
});

test('createConnectUpstream() credits at once what nobody reads after an early answer', async () => {
  const upstream = createConnectUpstream(
    (router) =>
      router.service(Echo, {
        async clientStream() {
          throw new ConnectError('no', Code.PermissionDenied);
        },
      }),
    { maxMessageBytes: MAX_BYTES, shortcut: leanCalls },
  );
  const request = head({ path: '/test.Echo/ClientStream', headers: [['content-type', 'application/grpc']] });
  const exchange = new Exchange(upstream, request, false);
  exchange.stream.write(text('abc'));
  await exchange.over;
  assert.deepEqual(exchange.events, ['response 200', 'end']);
  assert.equal(exchange.sentBytes, 10);
  exchange.stream.write(text('abc'));
  assert.equal(exchange.sentBytes, 20);
  assert.deepEqual(
    exchange.trailers.find(([name]) => name === 'grpc-status'),
    ['grpc-status', '7'],
  );
});

test('createConnectUpstream() answers for a method that there is not in the words of who asks', async () => {
  const upstream = createConnectUpstream(echoRoutes('v1'), {
    maxMessageBytes: MAX_BYTES,
    shortcut: leanCalls,
  });
  const path = '/test.Echo/None?x=1';
  const grpc = await ask(upstream, head({ path, headers: [['content-type', 'application/grpc+proto']] }), [
    text('a'),
  ]);
  assert.deepEqual(grpc.events, ['response 200 and end']);
  assert.deepEqual(grpc.headers, [
    ['content-type', 'application/grpc+proto'],
    ['grpc-status', '12'],
    ['grpc-message', 'No method test.Echo/None'],
  ]);
  assert.equal(grpc.sentBytes, 8);
  const connect = await ask(upstream, head({ path, headers: [['content-type', 'application/json']] }), [
    utf8('{}'),
  ]);
  assert.deepEqual(connect.events, ['response 404', 'data', 'end']);
  assert.equal(connect.text, '{"code":"unimplemented","message":"No method test.Echo/None"}');
});

test('createConnectUpstream() tells of a method of HTTP that it does not take which it does', async () => {
  const upstream = createConnectUpstream(echoRoutes('v1'), {
    maxMessageBytes: MAX_BYTES,
    shortcut: leanCalls,
  });
  const cases: readonly (readonly [path: string, allow: string])[] = [
    ['/test.Echo/ServerStream', 'POST'],
    ['/test.Echo/Unary', 'POST, GET'],
  ];
  for (const [path, allow] of cases) {
    const { events, headers } = await ask(upstream, head({ method: 'DELETE', path }), []);
    assert.deepEqual(events, ['response 405 and end'], path);
    assert.deepEqual(headers, [['allow', allow]], path);
  }
});

test('createConnectUpstream() says what failed when a handler comes to no answer', async () => {
  const upstream = createConnectUpstream(
    (router) =>
      router.service(Echo, {
        async *serverStream() {
          yield { value: 'first' };
          throw new ConnectError('\ud800', Code.Internal);
        },
      }),
    { maxMessageBytes: MAX_BYTES, shortcut: leanCalls },
  );
  const request = head({ path: '/test.Echo/ServerStream', headers: [['content-type', 'application/grpc']] });
  const { events } = await ask(upstream, request, [text('a')]);
  assert.deepEqual(events.slice(0, 2), ['response 200', 'data']);
  assert.match(events[2]!, /^reset remote-reset: The service in process failed: URIError/);
});
