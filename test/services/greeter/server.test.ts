import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { Greeter, HelloRequestSchema, UserSchema } from '../../../gen/api/greeter_pb.ts';
import { Health, HealthCheckResponse_ServingStatus } from '../../../gen/grpc/health/v1/health_pb.ts';
import { noH2 } from '../../gateway/world.ts';
import { skipKeepAlive, start, withGreeter, withProgram } from './process.ts';

const json = { 'content-type': 'application/json' };

test('server answers Connect JSON by POST and by GET over HTTP/1.1', async () => {
  await withGreeter(['--version', 'v1'], async (port) => {
    const url = `http://127.0.0.1:${port}/api.Greeter/SayHello`;
    const post = await fetch(url, { method: 'POST', headers: json, body: '{"name":"laurence"}' });
    assert.equal(post.status, 200);
    assert.deepEqual(await post.json(), { name: 'Hello laurence', id: 'v1.0.0' });

    const get = await fetch(
      `${url}?connect=v1&encoding=json&message=${encodeURIComponent('{"name":"laurence"}')}`,
    );
    assert.equal(get.status, 200);
    assert.deepEqual(await get.json(), { name: 'Hello laurence', id: 'v1.0.0' });
  });
});

test('server answers every protocol and HTTP version on one port', { skip: noH2 }, async () => {
  await withGreeter(['--version', 'v2'], async (port) => {
    const baseUrl = `http://127.0.0.1:${port}`;
    const transports: Readonly<Record<string, Transport>> = {
      'Connect proto over HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1' }),
      'Connect proto over h2c': createConnectTransport({ baseUrl, httpVersion: '2' }),
      'Connect JSON over h2c': createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false }),
      'gRPC over h2c': createGrpcTransport({ baseUrl }),
      'gRPC-Web over HTTP/1.1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
      'gRPC-Web over h2c': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    };
    for (const [name, transport] of Object.entries(transports)) {
      const {
        name: greeting,
        id,
        age,
      } = await createClient(Greeter, transport).sayHello({ name: 'laurence' });
      assert.deepEqual({ greeting, id, age }, { greeting: 'Hello laurence', id: 'v2.0.0', age: 0 }, name);
    }
  });
});

test('server sends grpc-status as a trailer after the message', { skip: noH2 }, async () => {
  await withGreeter([], async (port) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    try {
      const message = toBinary(HelloRequestSchema, create(HelloRequestSchema, { name: 'laurence' }));
      const stream = session.request({
        ':method': 'POST',
        ':path': '/api.Greeter/SayHello',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
      const [headers, trailers, body] = await new Promise<
        [http2.IncomingHttpHeaders, http2.IncomingHttpHeaders, Buffer]
      >((resolve, reject) => {
        let response: http2.IncomingHttpHeaders = {};
        let trailer: http2.IncomingHttpHeaders = {};
        const chunks: Buffer[] = [];
        stream.on('response', (received) => {
          response = received;
        });
        stream.on('trailers', (received) => {
          trailer = received;
        });
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', reject);
        stream.on('end', () => resolve([response, trailer, Buffer.concat(chunks)]));
      });
      assert.match(headers['content-type'] ?? '', /^application\/grpc(\+proto)?$/);
      assert.equal(headers['grpc-status'], undefined);
      assert.equal(String(trailers['grpc-status']), '0');
      const user = toBinary(UserSchema, create(UserSchema, { name: 'Hello laurence', id: 'v1.0.0' }));
      assert.deepEqual([...body], [0, 0, 0, 0, user.length, ...user]);
    } finally {
      session.destroy();
    }
  });
});

test('SayHelloStream answers each request before it has the next', { skip: noH2 }, async () => {
  await withGreeter([], async (port) => {
    const client = createClient(Greeter, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
    const input = createInput();
    const answers = client.sayHelloStream(input.messages)[Symbol.asyncIterator]();
    for (const name of ['a', 'b', 'c']) {
      input.send({ name });
      const { value } = await answers.next();
      assert.deepEqual([value?.name, value?.id], [`Hello ${name}`, 'v1.0.0']);
    }
    input.end();
    assert.equal((await answers.next()).done, true);
  });
});

test('server answers an unknown method with UNIMPLEMENTED', { skip: noH2 }, async () => {
  await withGreeter([], async (port) => {
    const baseUrl = `http://127.0.0.1:${port}`;
    const redirected = createGrpcTransport({
      baseUrl,
      interceptors: [(next) => (request) => next({ ...request, url: `${baseUrl}/api.Greeter/Nothing` })],
    });
    await assert.rejects(
      createClient(Greeter, redirected).sayHello({}),
      (error) => ConnectError.from(error).code === Code.Unimplemented,
    );
  });
});

test('server answers two HTTP/1.1 requests on one connection', { skip: skipKeepAlive }, async () => {
  await withGreeter([], async (port) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const localPorts: (number | undefined)[] = [];
    for (let i = 0; i < 2; i += 1) {
      await new Promise<void>((resolve, reject) => {
        const request = http.request(
          { port, host: '127.0.0.1', path: '/api.Greeter/SayHello', method: 'POST', headers: json, agent },
          (response) => {
            localPorts.push(response.socket.localPort);
            response.resume().on('end', resolve);
          },
        );
        request.on('error', reject).end('{}');
      });
    }
    agent.destroy();
    assert.equal(localPorts.length, 2);
    assert.equal(localPorts[0], localPorts[1]);
  });
});

test('server tells HTTP/1.1 from h2c when the first bytes come one at a time', async () => {
  await withGreeter([], async (port) => {
    const http1 = await sendBytewise(port, 'POST /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    assert.match(http1.toString('latin1'), /^HTTP\/1\.1 404 /);
    // RFC 9113, 3.4: the server's preface is a SETTINGS frame, type 4 on stream 0.
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]).toString('latin1');
    const http2Answer = await sendBytewise(port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`);
    assert.equal(http2Answer[3], 4);
    assert.equal(http2Answer.readUInt32BE(5), 0);
  });
});

test('server refuses a version that does not exist with exit code 2', async () => {
  await withProgram(start('greeter/server.ts', ['--version', 'v3']), async (program) => {
    assert.equal(await program.exit, 2);
    assert.match(program.stderr(), /'v3' is invalid\. Allowed choices are v1, v2\./);
  });
});

test('server takes its options from the environment too', async () => {
  const env = { GREETER_VERSION: 'v2', GREETER_LISTEN_HOST: '127.0.0.1', GREETER_LISTEN_PORT: '0' };
  await withProgram(start('greeter/server.ts', [], env), async (program) => {
    await program.line(/^[^\t]+\tINFO\tgreeter v2 listens on 127\.0\.0\.1:[1-9]\d*: /);
  });
});

test('server says in its first line what it speaks', async () => {
  await withGreeter([], async (_, program) => {
    const http1 = skipKeepAlive === false ? 'HTTP/1.1' : 'HTTP/1.1 without keep-alive (Deno)';
    const [, said] = await program.line(/^[^\n]*listens on [^\s]+: ([^\n]*)\n/);
    assert.equal(said, `${http1} and h2c; Connect, gRPC, gRPC-Web`);
  });
});

test('server that cannot have its port says which and exits 1', async () => {
  await withGreeter([], async (port) => {
    const args = ['--host', '127.0.0.1', '--port', String(port)];
    await withProgram(start('greeter/server.ts', args), async (second) => {
      assert.equal(await second.exit, 1);
      assert.match(
        second.stdout(),
        new RegExp(
          `\tERROR\tcannot listen on 127\\.0\\.0\\.1:${port}: another program has this port; .*--port`,
        ),
      );
      assert.doesNotMatch(second.stdout() + second.stderr(), /\n\s+at /);
    });
  });
});

test('SIGTERM lets a running stream finish, ends a watch and refuses new connections', {
  skip: noH2,
}, async () => {
  await withGreeter([], async (port, program) => {
    const baseUrl = `http://127.0.0.1:${port}`;
    const input = createInput();
    const answers = createClient(Greeter, createGrpcTransport({ baseUrl }))
      .sayHelloStream(input.messages)
      [Symbol.asyncIterator]();
    input.send({ name: 'before' });
    assert.equal((await answers.next()).value?.name, 'Hello before');
    const watch = createClient(Health, createGrpcTransport({ baseUrl }))
      .watch({ service: 'api.Greeter' })
      [Symbol.asyncIterator]();
    assert.equal((await watch.next()).value?.status, HealthCheckResponse_ServingStatus.SERVING);

    program.kill('SIGTERM');
    assert.equal((await watch.next()).value?.status, HealthCheckResponse_ServingStatus.NOT_SERVING);
    assert.equal((await watch.next()).done, true);
    await program.line(/\tINFO\tSIGTERM: /);
    await assert.rejects(fetch(baseUrl), 'a new connection is refused');

    input.send({ name: 'after' });
    assert.equal((await answers.next()).value?.name, 'Hello after');
    input.end();
    assert.equal((await answers.next()).done, true);
    assert.equal(await program.exit, 0);
    assert.doesNotMatch(program.stdout(), /cut off/);
  });
});

test('SIGTERM closes an idle connection at once', { skip: noH2 }, async () => {
  await withGreeter([], async (port, program) => {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise<void>((resolve) =>
      socket.on('data', () => resolve()).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
    );
    const session = http2.connect(`http://127.0.0.1:${port}`);
    await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    const goaway = new Promise<number>((resolve) => session.once('goaway', resolve));
    program.kill('SIGTERM');
    assert.equal(await goaway, http2.constants.NGHTTP2_NO_ERROR);
    assert.equal(await program.exit, 0);
    socket.destroy();
    session.destroy();
  });
});

test('--drain-limit cuts off a stream that does not end, and says so', { skip: noH2 }, async () => {
  await withGreeter(['--drain-limit', '200ms'], async (port, program) => {
    const input = createInput();
    const answers = createClient(Greeter, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))
      .sayHelloStream(input.messages)
      [Symbol.asyncIterator]();
    input.send({ name: 'x' });
    await answers.next();
    program.kill('SIGINT');
    await assert.rejects(answers.next());
    assert.equal(await program.exit, 0);
    assert.match(program.stdout(), /\tWARN\tcalls cut off: 1\n/);
    assert.equal(program.stderr(), '');
  });
});

test('a second signal stops the server at once with exit code 1', { skip: noH2 }, async () => {
  await withGreeter([], async (port, program) => {
    const input = createInput();
    const answers = createClient(Greeter, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))
      .sayHelloStream(input.messages)
      [Symbol.asyncIterator]();
    input.send({ name: 'x' });
    await answers.next();
    program.kill('SIGTERM');
    await program.line(/\tINFO\tSIGTERM: /);
    program.kill('SIGTERM');
    assert.equal(await program.exit, 1);
    await assert.rejects(answers.next());
  });
});

/** A stream of requests that is written to while it is read. */
function createInput() {
  const queue: { name: string }[] = [];
  let ended = false;
  let wake = () => {};
  return {
    send(message: { name: string }) {
      queue.push(message);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    messages: (async function* () {
      for (;;) {
        const message = queue.shift();
        if (message !== undefined) yield message;
        else if (ended) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    })(),
  };
}

/** Sends each byte in a packet of its own, and returns the first bytes that come back. */
function sendBytewise(port: number, text: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 9) return;
      socket.destroy();
      resolve(received);
    });
    const bytes = Buffer.from(text, 'latin1');
    const sendFrom = (offset: number) => {
      if (offset === bytes.length || socket.destroyed) return;
      socket.write(bytes.subarray(offset, offset + 1), () => setImmediate(() => sendFrom(offset + 1)));
    };
    socket.on('connect', () => sendFrom(0));
  });
}
