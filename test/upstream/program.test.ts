/** Programs that answer web requests, in process and by `fetch`. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { createFetchUpstream } from '../../upstream/fetch.ts';
import { createFetchProgramUpstream, createInProcessUpstream } from '../../upstream/in-process.ts';
import { NO_FIELDS } from '../../wire/stream.ts';
import { ask, cancel, Exchange, head, utf8 } from './exchange.ts';

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

const app = new Hono()
  .all('/about', ({ req }) =>
    req.text().then((body) => Response.json([req.method, req.url, req.header('x-a'), body])),
  )
  .all(
    '/echo',
    ({ req }) =>
      new Response(req.raw.body, {
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      }),
  )
  .all('/nothing', () => new Response(null, { status: 204 }))
  .all('/ignores', () => new Response('no', { status: 403 }))
  .onError((error) => {
    throw error;
  });

const inProcess = createInProcessUpstream(app, { maxMessageBytes: 1000 });

test('createFetchProgramUpstream() asks a Hono app', async () => {
  const request = head({
    path: '/about?a=b',
    headers: [
      ['x-a', '1'],
      ['x-a', '2'],
    ],
  });
  const answer = await ask(inProcess, request, [utf8('bo'), utf8('dy')]);
  assert.deepEqual(JSON.parse(answer.text), ['POST', 'http://echo/about?a=b', '1, 2', 'body']);
  assert.deepEqual(answer.events, ['response 200', 'data', 'end']);
  assert.equal(answer.sentBytes, 4);
});

test('createFetchProgramUpstream() gives repeated headers one by one', async () => {
  const { headers } = await ask(inProcess, head({ path: '/echo' }), [utf8('x')]);
  assert.deepEqual(
    headers.filter(([name]) => name === 'set-cookie'),
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  );
});

test('createFetchProgramUpstream() knows answers without a body', async () => {
  for (const [method, path, want] of [
    ['POST', '/nothing', ['response 204 and end']],
    ['HEAD', '/about', ['response 200 and end']],
  ] as const)
    assert.deepEqual((await ask(inProcess, head({ method, path }))).events, want);
});

test('createFetchProgramUpstream() throws the body of a GET away, which a web request cannot have', async () => {
  const go = Promise.withResolvers<void>();
  const waiting = createFetchProgramUpstream({
    fetch: async (request) => {
      await go.promise;
      return app.fetch(request);
    },
  });
  const exchange = new Exchange(waiting, head({ method: 'GET', path: '/about' }), false);
  exchange.stream.write(utf8('body'));
  assert.equal(exchange.sentBytes, 4, 'nobody waits for it');
  go.resolve();
  await exchange.over;
  assert.deepEqual(JSON.parse(exchange.text), ['GET', 'http://echo/about', null, '']);
});

test('createFetchProgramUpstream() passes pieces both ways as they come', async () => {
  const exchange = new Exchange(inProcess, head({ path: '/echo' }), false);
  for (const piece of ['one', 'two', 'three']) {
    exchange.stream.write(utf8(piece));
    await exchange.until(() => exchange.text.endsWith(piece));
  }
  exchange.stream.end(NO_FIELDS);
  await exchange.over;
  assert.equal(exchange.text, 'onetwothree');
  assert.equal(exchange.sentBytes, exchange.bytes.length);
});

test('createFetchProgramUpstream() holds back a sender whose receiver is slow', async () => {
  const exchange = new Exchange(inProcess, head({ path: '/echo' }), false, false);
  for (let i = 0; i < 100; i++) exchange.stream.write(new Uint8Array(10_000));
  await exchange.until(() => exchange.bytes.length >= 64 * 1024);
  await settle();
  const held = exchange.bytes.length;
  // What is held back and what streams in between hold for themselves.
  assert.ok(held <= 80_000 && exchange.sentBytes <= 120_000, `${held}, ${exchange.sentBytes}`);
  exchange.stream.consumed(held);
  await exchange.until(() => exchange.bytes.length > held);
  cancel(exchange);
});

test('createFetchProgramUpstream() credits what the program does not read', async () => {
  const exchange = new Exchange(inProcess, head({ path: '/ignores' }), false);
  exchange.stream.write(utf8('abc'));
  await exchange.over;
  exchange.stream.write(utf8('def'));
  assert.deepEqual(exchange.events, ['response 403', 'data', 'end']);
  assert.equal(exchange.sentBytes, 6);
});

test('createFetchProgramUpstream() says what a program threw', async () => {
  const failing = createFetchProgramUpstream({
    fetch: () => {
      throw new TypeError('no luck');
    },
  });
  const { events } = await ask(failing, head(), []);
  assert.deepEqual(events, ['reset remote-reset: The program in process failed: TypeError: no luck']);
});

test('createFetchProgramUpstream() breaks off an answer that fails amid its body', async () => {
  const failing = createFetchProgramUpstream({
    fetch: () => {
      let count = 0;
      const body = new ReadableStream({
        pull(controller) {
          if (count++ === 0) controller.enqueue(utf8('begun'));
          else controller.error(new Error('no luck'));
        },
      });
      return new Response(body);
    },
  });
  const { events } = await ask(failing, head(), []);
  assert.deepEqual(events, [
    'response 200',
    'data',
    'reset remote-reset: The program in process failed: Error: no luck',
  ]);
});

test('createFetchProgramUpstream() tells a program that its caller has gone', async () => {
  const cancelled = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<unknown>();
  const waiting = createFetchProgramUpstream({
    fetch: (request) => {
      request.signal.addEventListener('abort', () => aborted.resolve());
      request.text().catch((error) => failed.resolve(error));
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(utf8('x')),
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    },
  });
  const exchange = new Exchange(waiting, head(), false, false);
  exchange.stream.write(utf8('a'));
  await exchange.until(() => exchange.bytes.length > 0);
  cancel(exchange);
  const length = exchange.bytes.length;
  await Promise.all([cancelled.promise, aborted.promise, failed.promise]);
  await settle();
  assert.deepEqual(exchange.events, ['response 200', 'data']);
  assert.equal(exchange.bytes.length, length);
});

/** A server that says what it was asked. */
async function serve(): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/moved') return response.writeHead(302, { location: '/about' }).end();
      const { method, url, headers } = request;
      const body = gzipSync(
        JSON.stringify([
          method,
          url,
          headers['x-forwarded-host'],
          headers['x-a'],
          Buffer.concat(chunks).toString(),
        ]),
      );
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length, 'x-b': 'c' })
        .end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

test('createFetchProgramUpstream() tells copies of a request that its caller has gone, and whom they are sent to', async () => {
  const gone: string[] = [];
  const asked = Promise.withResolvers<void>();
  const hung = createServer((request) => {
    request.socket.on('close', () => gone.push('endpoint'));
    asked.resolve();
  });
  await new Promise<void>((done) => hung.listen(0, '127.0.0.1', done));
  const { port } = hung.address() as AddressInfo;
  const program = createFetchProgramUpstream({
    async fetch(request) {
      assert.ok(request instanceof Request);
      const copies = {
        clone: request.clone(),
        copy: new Request('http://other/', { signal: request.signal }),
      };
      for (const [name, { signal }] of Object.entries(copies))
        signal.addEventListener('abort', () => gone.push(name));
      return fetch(`http://127.0.0.1:${port}`, { signal: request.signal });
    },
  });
  const exchange = new Exchange(program, head({ method: 'GET' }), true);
  await asked.promise;
  exchange.stream.reset(8);
  while (gone.length < 3) await settle();
  assert.deepEqual(gone.sort(), ['clone', 'copy', 'endpoint']);
  hung.close();
});

test('createFetchUpstream() asks an endpoint, with the authority beside the address', async () => {
  const server = await serve();
  const upstream = createFetchUpstream('127.0.0.1', server.port);
  const request = head({ path: '/about?a=b', authority: 'reviews:80', headers: [['x-a', '1']] });
  const answer = await ask(upstream, request, [utf8('bo'), utf8('dy')]);
  assert.deepEqual(JSON.parse(answer.text), ['POST', '/about?a=b', 'reviews:80', '1', 'body']);
  assert.deepEqual(answer.events, ['response 200', 'data', 'end']);
  assert.deepEqual(
    answer.headers.filter(([name]) => /^(x-b|content-)/.test(name)),
    [['x-b', 'c']],
    'the body is inflated',
  );
  const moved = await ask(upstream, head({ method: 'GET', path: '/moved' }));
  assert.equal(moved.headers.find(([name]) => name === 'location')?.[1], '/about');
  assert.match(moved.events[0]!, /^response 302/);
  server.close();
});

test('createFetchUpstream() says that there is no endpoint', async () => {
  const server = await serve();
  server.close();
  const { events } = await ask(createFetchUpstream('127.0.0.1', server.port), head({ method: 'GET' }));
  assert.equal(events.length, 1);
  assert.match(events[0]!, /^reset remote-connection-failure: /);
});

test('createFetchUpstream() does not take a request that was received for one that was refused', async () => {
  const server = createServer((request) => {
    request.resume().on('end', () => request.socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const { events } = await ask(createFetchUpstream('127.0.0.1', port), head({}), [utf8('body')]);
  server.close();
  assert.equal(events.length, 1);
  assert.match(events[0]!, /^reset connection-termination: /);
});
