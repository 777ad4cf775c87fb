/** Bodies larger than any HTTP/2 window, both ways, one after the other on one connection. */
import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import { test } from 'node:test';
import { textSource } from '../../gateway/index.ts';
import { noH2, openGateway } from './world.ts';

const MIB = 1024 * 1024;
/** In MB: node's own peers hold a whole body that is written at once, and refuse streams above 10. */
const ROOMY = { maxSessionMemory: 200 };

/** Posts a body over h2 and resolves with the number of bytes answered. */
function post(session: http2.ClientHttp2Session, path: string, body: Uint8Array): Promise<number> {
  return new Promise((done, failed) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ':authority': 'big' });
    let bytes = 0;
    stream.on('data', (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
    });
    stream.on('error', failed).on('end', () => done(bytes));
    stream.end(body);
  });
}

/** An h2c server that answers with as many bytes as it was sent. */
async function mirror(): Promise<{ readonly port: number; close(): void }> {
  const server = http2.createServer(ROOMY);
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  await new Promise<void>((open) => server.listen(0, '127.0.0.1', open));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

test('listen() carries bodies above every window to an h2c endpoint and back', { skip: noH2 }, async () => {
  const { port, close } = await mirror();
  const { gateway, baseUrl } = await openGateway({
    config: textSource(
      'se.yaml',
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: big }
spec:
  hosts: [big]
  ports: [{ number: 80, name: http2, protocol: HTTP2 }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http2: ${port} } }]
`,
    ),
    defaultHost: 'big',
  });
  const session = http2.connect(baseUrl, ROOMY);
  session.on('error', () => {});
  try {
    for (const size of [70_000, MIB, 3 * MIB, 20 * MIB, 3 * MIB])
      assert.equal(await post(session, '/', new Uint8Array(size)), size);
  } finally {
    session.destroy();
    await gateway.stop(0);
    close();
  }
});

test('listen() answers a body above the limit over h2 and goes on with the same connection', {
  skip: noH2,
}, async () => {
  const { echoRoutes } = await import('./echo.ts');
  const { gateway, baseUrl } = await openGateway({
    services: [{ host: 'big', port: 80, handler: echoRoutes('v1') }],
    defaultHost: 'big',
    maxBodyBytes: 100_000,
  });
  const session = http2.connect(baseUrl, ROOMY);
  session.on('error', () => {});
  const status = (bytes: number) =>
    new Promise<number>((done, failed) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/test.Echo/Unary',
        'content-type': 'application/json',
      });
      stream.on('error', failed).on('response', (headers) => done(Number(headers[':status'])));
      stream.resume();
      stream.end(JSON.stringify('a'.repeat(bytes)));
    });
  for (const [bytes, wanted] of [
    [90_000, 200],
    [200_000, 413],
    [90_000, 200],
  ] as const)
    assert.equal(await status(bytes), wanted);
  session.destroy();
  await gateway.stop(0);
});
