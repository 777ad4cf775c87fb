import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import { listen } from '../../gateway/listener/index.ts';

test('listen() loses one call to a fault of its owner, and says so', async () => {
  const warned: string[] = [];
  const listening = await listen(
    { port: 0, hostname: '127.0.0.1' },
    () => {
      throw new Error('a fault of ours');
    },
    (message) => warned.push(message),
  );
  const answer = await new Promise<string>((done, fail) => {
    const socket = net.connect(listening.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', fail);
    socket.on('close', () => done(text));
    socket.write('GET /x HTTP/1.1\r\nhost: a\r\n\r\n');
  });
  assert.match(answer, /^HTTP\/1\.1 500 /);
  assert.match(warned.join(), /Cannot answer GET \/x: [\s\S]*a fault of ours/);
  await listening.close(0);
});
