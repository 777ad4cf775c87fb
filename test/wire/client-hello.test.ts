/** Greetings of TLS clients: those of a real one, in pieces and mangled. */
import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { readClientHello } from '../../wire/client-hello.ts';

/** The first bytes of the runtime's own client. */
async function greeting(options: tls.ConnectionOptions): Promise<Uint8Array> {
  const server = net.createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as net.AddressInfo;
  const first = new Promise<Uint8Array>((done) => {
    server.once('connection', (socket) => {
      socket.on('error', () => {});
      let all = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        all = Buffer.concat([all, chunk]);
        if (all.length < 5 || all.length < 5 + all.readUInt16BE(3)) return;
        socket.destroy();
        done(new Uint8Array(all));
      });
    });
  });
  const client = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const bytes = await first;
  client.destroy();
  await new Promise<void>((done) => server.close(() => done()));
  return bytes;
}

/** The same handshake message in records of `size` bytes. */
function inRecords(bytes: Uint8Array, size: number): Uint8Array {
  const message = bytes.subarray(5);
  const records: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(22, 3, 1, part.length >> 8, part.length & 255, ...part);
  }
  return new Uint8Array(records);
}

test('readClientHello() reads the name in lower case, and that there is none', async () => {
  const named = await greeting({ servername: 'Shop.Example' });
  assert.deepEqual(readClientHello(named), { serverName: 'shop.example' });
  assert.deepEqual(readClientHello(await greeting({ servername: '' })), { serverName: undefined });
  assert.deepEqual(readClientHello(await greeting({ servername: 'a.b', maxVersion: 'TLSv1.2' })), {
    serverName: 'a.b',
  });
});

test('readClientHello() waits for all of a greeting, however it is cut', async () => {
  const whole = await greeting({ servername: 'shop.example' });
  for (const bytes of [whole, inRecords(whole, 100), inRecords(whole, 1)]) {
    for (let length = 0; length < bytes.length; length++)
      assert.equal(readClientHello(bytes.subarray(0, length)), undefined, `${length}`);
    assert.deepEqual(readClientHello(bytes), { serverName: 'shop.example' });
  }
});

test('readClientHello() throws a RangeError for anything else', async () => {
  const whole = await greeting({ servername: 'shop.example' });
  const text = (value: string) => new TextEncoder().encode(value);
  for (const bytes of [
    text('GET / HTTP/1.1\r\n'),
    text('PRI * HTTP/2.0'),
    new Uint8Array([22, 2, 0, 0, 1]),
    new Uint8Array([22, 3, 1, 0, 1, 2]),
    new Uint8Array([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]),
  ])
    assert.throws(() => readClientHello(bytes), RangeError);
  // Whatever stands in one of its bytes: a greeting, a refusal, or more to wait for.
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = whole.slice();
      bytes[at] = value;
      try {
        readClientHello(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError, `${at} ${value}: ${error}`);
      }
    }
  }
});

test('readClientHello() gives up on what never becomes a greeting', () => {
  const endless = new Uint8Array(39_996);
  for (let at = 0; at < endless.length; at += 6) endless.set([22, 3, 1, 0, 1, at === 0 ? 1 : 0], at);
  endless.set([22, 3, 1, 0, 1, 0x3f], 12);
  assert.throws(() => readClientHello(endless), RangeError);
});
