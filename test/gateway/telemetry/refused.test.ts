import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { test } from 'node:test';
import { createGateway, type RequestOutcome } from '../../../gateway/index.ts';

test('createGateway() counts what its HTTP/1.1 engine refuses, and lets go of it', async () => {
  const outcomes: RequestOutcome[] = [];
  const gateway = createGateway({ metrics: { requestEnded: (outcome) => void outcomes.push(outcome) } });
  const { port } = await gateway.listen({ port: 0 });
  for (const line of ['x y: z', `x: ${'x'.repeat(70_000)}`]) {
    const socket = net
      .connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume();
    socket.once('end', () => socket.end());
    socket.write(`GET / HTTP/1.1\r\nhost: up\r\n${line}\r\n\r\n`);
    await once(socket, 'close');
  }
  assert.equal(await gateway.stop(0), 0);
  assert.deepEqual(
    outcomes.map(({ status, flag, details, host, responseBytes }) => [
      status,
      flag,
      details,
      host,
      responseBytes,
    ]),
    [
      [400, 'DPE', 'http1.codec_error', undefined, 11],
      [431, 'DPE', 'http1.headers_too_large', undefined, 31],
    ],
  );
});
