/** Every protocol and kind of RPC, through the gateway, to every kind of endpoint, with stock clients and servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Echo, echoRoutes } from './echo.ts';
import { connectServer, noH2, openGateway, remoteService, transports } from './world.ts';

const upstreams = ['in process', 'remote http1', 'remote http2'] as const;

async function world(upstream: (typeof upstreams)[number], watch = {}) {
  if (upstream === 'in process') {
    const opened = await openGateway({
      services: [{ host: 'echo', port: 80, handler: echoRoutes('v1', watch) }],
      defaultHost: 'echo',
    });
    return { ...opened, close: () => opened.gateway.stop(0) };
  }
  const protocol = upstream === 'remote http1' ? 'http1' : 'http2';
  const server = await connectServer(protocol, echoRoutes('v1', watch));
  const opened = await openGateway({
    remoteServices: [remoteService('echo', [{ port: server.port }], protocol)],
    defaultHost: 'echo',
  });
  return { ...opened, close: () => opened.gateway.stop(0).then(() => server.kill()) };
}

async function* texts(...values: string[]) {
  for (const value of values) yield { value };
}

for (const upstream of upstreams) {
  for (const [name, transport] of Object.entries(transports)) {
    // Trailers of HTTP/1.1 are no part of the gRPC protocol, and Bun's client has none.
    if (name.startsWith('gRPC over') && upstream === 'remote http1') continue;
    test(`listen() carries all kinds of RPC by ${name} to an endpoint ${upstream}`, async () => {
      const { baseUrl, close } = await world(upstream);
      const client = createClient(Echo, transport(baseUrl));
      try {
        let trailer: string | null = null;
        let header: string | null = null;
        const answer = await client.unary(
          { value: 'a' },
          {
            headers: { 'x-ask': 'why' },
            onHeader: (headers) => {
              header = headers.get('x-header');
            },
            onTrailer: (trailers) => {
              trailer = trailers.get('x-trailer');
            },
          },
        );
        assert.equal(answer.value, 'v1: a');
        assert.deepEqual({ header, trailer }, { header: 'why', trailer: 'seen' });

        const streamed: string[] = [];
        for await (const { value } of client.serverStream({ value: 's' })) streamed.push(value);
        assert.deepEqual(streamed, ['v1: s 0', 'v1: s 1', 'v1: s 2']);

        assert.equal((await client.clientStream(texts('x', 'y'))).value, 'v1: x+y');

        // Stock servers refuse bidi over HTTP/1.1, as Connect does not have it there.
        if (upstream !== 'remote http1') {
          const echoed: string[] = [];
          for await (const { value } of client.bidi(texts('x', 'y'))) echoed.push(value);
          assert.deepEqual(echoed, ['v1: x', 'v1: y']);
        }

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
      } finally {
        await close();
      }
    });
  }
}

for (const upstream of ['in process', 'remote http2'] as const) {
  test(`listen() carries bidi gRPC both ways at once to an endpoint ${upstream}`, {
    skip: noH2,
  }, async () => {
    const { baseUrl, close } = await world(upstream);
    const client = createClient(Echo, createGrpcTransport({ baseUrl }));
    // Each question waits for the answer to the one before: half duplex would never end.
    let answered = Promise.withResolvers<void>();
    async function* questions() {
      for (const value of ['1', '2', '3']) {
        yield { value };
        await answered.promise;
        answered = Promise.withResolvers<void>();
      }
    }
    const answers: string[] = [];
    for await (const { value } of client.bidi(questions())) {
      answers.push(value);
      answered.resolve();
    }
    assert.deepEqual(answers, ['v1: 1', 'v1: 2', 'v1: 3']);
    await close();
  });
}

for (const upstream of upstreams) {
  for (const [name, transport] of Object.entries(transports)) {
    if (name.includes('GET') || (name.startsWith('gRPC over') && upstream === 'remote http1')) continue;
    test(`listen() tells an endpoint ${upstream} that a client of ${name} has cancelled`, async () => {
      const told = Promise.withResolvers<void>();
      const { baseUrl, close } = await world(upstream, { cancelled: () => told.resolve() });
      const client = createClient(Echo, transport(baseUrl));
      const cancel = new AbortController();
      await assert.rejects(async () => {
        let count = 0;
        for await (const _ of client.serverStream({ value: 'wait' }, { signal: cancel.signal }))
          if (++count === 3) cancel.abort();
      }, ConnectError);
      await told.promise;
      await close();
    });
  }
}
