import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Http2Stream } from '../../../wire/http2/stream.ts';
import { ERROR_CODE, NO_FIELDS } from '../../../wire/stream.ts';
import {
  ACK,
  END_HEADERS,
  frame,
  hello,
  join,
  latin1,
  PREFACE,
  request,
  requestFrame,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from './frame.ts';
import { Pair, RawClient, RawServer, takeOutput } from './pair.ts';

/** Requests on new streams, from this one on. */
function requestFrames(count: number, firstId = 1): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => requestFrame(firstId + 2 * index));
}

const MAX_CONCURRENT_STREAMS = 3;

function goaway(lastId: number, code = 0): Uint8Array {
  return frame('GOAWAY', 0, 0, [...uint32(lastId), ...uint32(code)]);
}

/** The acknowledgement of the PING that a drain sends. */
const drainPong = frame('PING', ACK, 0, [...uint32(1), ...uint32(0)]);

test('Http2ServerConnection says first what it takes', () => {
  const server = new RawServer();
  assert.equal(server.connection.describe(), 'starting, sends 65535, receives 1048576');
  assert.deepEqual(server.read(), ['SETTINGS', 'WINDOW_UPDATE 0 983041']);
  assert.deepEqual(server.send(hello()), ['SETTINGS ACK']);
  assert.equal(server.connection.describe(), 'open, sends 65535, receives 1048576');
});

test('Http2ServerConnection wakes its owner once for all output until it is flushed', () => {
  const { connection, owner } = new RawServer();
  connection.output.take();
  connection.flushed();
  connection.receive(hello(frame('PING', 0, 0, new Uint8Array(8)), frame('PING', 0, 0, new Uint8Array(8))));
  assert.equal(owner.wakes, 1);
  takeOutput(connection);
  connection.receive(frame('PING', 0, 0, new Uint8Array(8)));
  assert.equal(owner.wakes, 2);
});

test('Http2ServerConnection.drain() serves what was on its way, then what is under way, then closes', () => {
  const server = new RawServer();
  server.send(hello(requestFrame(1)));
  server.connection.drain();
  server.connection.drain();
  assert.deepEqual(server.read(), ['GOAWAY last 2147483647 code 0', 'PING']);
  assert.match(server.connection.describe(), /^draining/);
  // Sent before the GOAWAY came.
  server.send(requestFrame(3));
  assert.equal(server.owner.calls.length, 2);
  // Another's acknowledgement is not that of the drain.
  assert.deepEqual(server.send(frame('PING', ACK, 0, new Uint8Array(8))), []);
  assert.deepEqual(server.send(drainPong), ['GOAWAY last 3 code 0']);
  // Beyond: the client knows that nobody looks at it.
  const late = join(
    requestFrame(5, END_HEADERS, request('POST')),
    frame('DATA', 0, 5, [1, 2, 3]),
    resetFrame(5, 8),
  );
  assert.deepEqual(server.send(late), []);
  assert.equal(server.owner.calls.length, 2);
  for (const { server: stream } of server.owner.calls) stream.respond(200, NO_FIELDS, true);
  assert.deepEqual(server.read(), ['HEADERS 1 END_STREAM :status=200', 'HEADERS 3 END_STREAM :status=200']);
  assert.equal(server.owner.closed, 'Drained');
  assert.match(server.connection.describe(), /^closed, sends 65535, receives 1048576$/);
});

test('Http2ServerConnection.drain() does not wait for a client that answers no PING', () => {
  const server = new RawServer(undefined, { drainGraceMs: 500 });
  server.send(hello());
  server.connection.drain();
  server.read();
  server.connection.tick(499);
  assert.equal(server.owner.closed, undefined);
  server.connection.tick(500);
  assert.deepEqual(server.read(), ['GOAWAY last 0 code 0']);
  assert.equal(server.owner.closed, 'Drained');
});

test('Http2ServerConnection.drain() before the client has said anything still serves what it sends at once', () => {
  const server = new RawServer(({ server }) => server.respond(200, NO_FIELDS, true));
  server.connection.drain();
  assert.deepEqual(server.read(), [
    'SETTINGS',
    'WINDOW_UPDATE 0 983041',
    'GOAWAY last 2147483647 code 0',
    'PING',
  ]);
  assert.deepEqual(server.send(hello(requestFrame(1), drainPong)), [
    'SETTINGS ACK',
    'HEADERS 1 END_STREAM :status=200',
    'GOAWAY last 1 code 0',
  ]);
  assert.equal(server.owner.closed, 'Drained');
});

test('Http2ServerConnection goes on with what is under way when the client goes away, and with what it still sends', () => {
  const server = new RawServer();
  server.send(hello(requestFrame(1), goaway(0)));
  assert.equal(server.owner.closed, undefined);
  server.send(requestFrame(3));
  assert.equal(server.owner.calls.length, 2);
  server.connection.drain();
  assert.deepEqual(server.read(), ['GOAWAY last 2147483647 code 0', 'PING']);
  for (const { server: stream } of server.owner.calls) stream.respond(200, NO_FIELDS, true);
  assert.equal(server.owner.closed, 'Drained');
});

test('Http2ClientConnection tells streams beyond GOAWAY that nobody looked at them', () => {
  const client = new RawClient();
  const first = client.open();
  const second = client.open();
  const third = client.open();
  client.read();
  client.send(settings(), goaway(0x7fff_ffff));
  assert.equal(client.connection.room, 0);
  assert.deepEqual(second.told.log, []);
  client.send(goaway(1));
  for (const { told } of [second, third])
    assert.deepEqual(told.log, [
      'reset remote-refused-stream-reset: The peer went away before it looked at the stream',
    ]);
  assert.throws(() => client.open(), /no room/);
  client.send(frame('HEADERS', END_HEADERS | 1, 1, [0x88]));
  assert.deepEqual(first.told.log, ['response 200 [] ended']);
  assert.equal(client.owner.closed, 'Drained');
});

test('Http2Connection tells streams of their end before its owner of its own', () => {
  const client = new RawClient();
  const order: string[] = [];
  client.owner.close = () => order.push('close');
  const { told } = client.open();
  told.response = () => order.push('response');
  client.connection.drain();
  client.send(settings(), frame('HEADERS', END_HEADERS | 1, 1, [0x88]));
  assert.deepEqual(order, ['response', 'close']);
});

test('Http2ClientConnection.drain() closes at once when nothing is under way', () => {
  const client = new RawClient();
  client.connection.drain();
  assert.equal(client.owner.closed, 'Drained');
  assert.equal(client.connection.room, 0);
  client.connection.drain();
});

test('Http2ClientConnection.room follows what the server takes', () => {
  const client = new RawClient();
  assert.equal(client.connection.room, 100);
  client.send(settings([MAX_CONCURRENT_STREAMS, 2]));
  assert.equal(client.connection.room, 2);
  const { stream } = client.open();
  client.open();
  assert.equal(client.connection.room, 0);
  assert.throws(() => client.open(), RangeError);
  stream.reset(ERROR_CODE.CANCEL);
  assert.equal(client.connection.room, 1);
  client.send(settings([MAX_CONCURRENT_STREAMS, 0]));
  assert.equal(client.connection.room, 0);
});

test('Http2ClientConnection uses stream ids up to the last one and then drains', () => {
  const pair = new Pair({
    firstStreamId: 0x7fff_fffd,
    serve: ({ server }) => server.respond(200, NO_FIELDS, true),
  });
  const opened = [pair.open(), pair.open()];
  assert.equal(pair.client.room, 0);
  pair.run();
  for (const { told } of opened) assert.deepEqual(told.log, ['response 200 [] ended']);
  assert.ok(pair.frames.includes('< HEADERS 2147483647 END_STREAM :status=200'));
  assert.equal(pair.clientOwner.closed, 'Drained');
  // The server drains as ever, though no id is left.
  pair.server.drain();
  assert.deepEqual(pair.owner.closed, undefined);
  pair.server.tick(1000);
  assert.equal(pair.owner.closed, 'Drained');
});

test('Http2Connection.inputEnded() tells every stream and the owner', () => {
  const pair = new Pair();
  const { told } = pair.open({ method: 'POST' }, false);
  pair.run();
  pair.client.inputEnded();
  pair.server.inputEnded();
  pair.server.inputEnded();
  assert.deepEqual(told.log, ['reset connection-termination: The connection was closed']);
  assert.equal(pair.owner.calls[0]!.log.at(-1), 'reset connection-termination: The connection was closed');
  assert.deepEqual(
    [pair.clientOwner.closed, pair.owner.closed],
    Array(2).fill('The peer closed the connection'),
  );
  assert.equal(pair.server.output.length, 0);
});

test('Http2Connection sends nothing after its GOAWAY, whatever its streams are asked', () => {
  const server = new RawServer((call) => {
    call.reset = () => {
      for (const each of server.owner.calls) {
        each.server.respond(500, NO_FIELDS, false);
        each.server.write(latin1('late'));
        each.server.end(NO_FIELDS);
        each.server.consumed(1_000_000);
        each.server.reset(8);
      }
    };
  });
  server.send(hello(requestFrame(1), requestFrame(3)));
  assert.deepEqual(server.send(frame('PING', 0, 1, new Uint8Array(8))), ['GOAWAY last 3 code 1']);
  assert.deepEqual(server.send(requestFrame(5)), []);
  server.connection.drain();
  server.connection.tick(1e9);
  assert.deepEqual(server.read(), []);
});

test('Http2ServerConnection closes a connection that says nothing, or says it byte by byte', () => {
  for (const bytes of [[], [...PREFACE].slice(0, 20), [...PREFACE, 0, 0, 0, 4]]) {
    const server = new RawServer();
    server.read();
    bytes.forEach((byte, index) => {
      server.connection.tick(index * 300);
      server.connection.receive(Uint8Array.of(byte));
    });
    server.connection.tick(9_999);
    assert.equal(server.owner.closed, undefined);
    server.connection.tick(10_000);
    assert.equal(server.owner.closed, 'Nothing was said in time');
  }
});

test('Http2ServerConnection closes a connection whose frame or header block does not come to its end', () => {
  const part = requestFrame(1).subarray(0, 12);
  for (const [bytes, detail] of [
    [part, 'A frame was not finished in time'],
    [Uint8Array.of(0, 0), 'A frame was not finished in time'],
    [requestFrame(1, 0), 'A header block was not finished in time'],
  ] as const) {
    const server = new RawServer();
    server.send(hello());
    server.connection.tick(5000);
    server.send(bytes);
    server.connection.tick(14_999);
    assert.equal(server.owner.closed, undefined);
    server.connection.tick(15_000);
    assert.deepEqual([server.read(), server.owner.closed], [['GOAWAY last 0 code 11'], detail]);
  }
  const slow = new RawServer();
  slow.send(
    hello(
      requestFrame(1, END_HEADERS, request('POST')),
      frame('DATA', 0, 1, new Uint8Array(100)).subarray(0, 50),
    ),
  );
  slow.connection.tick(60_000);
  assert.equal(slow.owner.closed, undefined);
});

test('Http2Connection makes room for no more than the largest frame, whatever its first bytes say', () => {
  const server = new RawServer();
  server.send(hello());
  assert.deepEqual(server.send(Uint8Array.of(0xff, 0xff, 0xff)), ['GOAWAY last 0 code 6']);
});

test('Http2ServerConnection closes an idle connection, and no other', () => {
  const server = new RawServer(undefined, { idleTimeoutMs: 60_000, streamIdleTimeoutMs: 1e9 });
  server.send(hello(requestFrame(1)));
  server.connection.tick(59_000);
  server.connection.tick(120_000);
  assert.equal(server.owner.closed, undefined);
  server.owner.calls[0]!.server.respond(200, NO_FIELDS, true);
  server.read();
  server.connection.tick(179_999);
  assert.equal(server.owner.closed, undefined);
  server.connection.tick(180_000);
  assert.deepEqual([server.read(), server.owner.closed], [['GOAWAY last 1 code 0'], 'Idle']);
});

test('Http2Connection ends a stream that does not move, or whose peer opens no window', () => {
  const idle = new RawServer(undefined, { streamIdleTimeoutMs: 60_000 });
  idle.send(hello(requestFrame(1)));
  idle.connection.tick(60_000);
  assert.deepEqual(idle.read(), ['RST_STREAM 1 code 8']);
  assert.equal(idle.owner.calls[0]!.log.at(-1), 'reset local-reset: Nothing moved in time');

  const stuck = new RawServer(({ server }) => {
    server.respond(200, NO_FIELDS, false);
    server.write(new Uint8Array(100_000));
  });
  stuck.send(hello(requestFrame(1, END_HEADERS, request('POST'))));
  // What it sends meanwhile does not help it.
  stuck.connection.tick(200_000);
  stuck.send(frame('DATA', 0, 1, [1]), windowUpdate(0, 1));
  stuck.connection.tick(299_999);
  assert.deepEqual(stuck.read(), []);
  stuck.connection.tick(300_000);
  assert.deepEqual(stuck.read(), ['RST_STREAM 1 code 8']);
  assert.equal(stuck.owner.calls[0]!.log.at(-1), 'reset local-reset: The peer opened no window in time');
});

test('Http2Connection gives a connection up whose output is not taken', () => {
  const server = new RawServer();
  server.send(hello(requestFrame(1)));
  server.connection.tick(1000);
  server.owner.calls[0]!.server.respond(200, NO_FIELDS, false);
  server.connection.tick(300_999);
  assert.equal(server.owner.closed, undefined);
  server.connection.tick(301_000);
  assert.equal(server.owner.closed, 'Output was not taken in time');
  assert.equal(server.owner.calls[0]!.log.at(-1), 'reset local-reset: Output was not taken in time');
  assert.equal(server.connection.output.length, 0);
});

test('Http2Connection gives a connection up whose output piles up', () => {
  const server = new RawServer();
  server.send(hello(), ...requestFrames(100));
  for (const { server: stream } of server.owner.calls) {
    assert.equal(server.owner.closed, undefined);
    stream.respond(200, [['x', 'y'.repeat(50_000)]], true);
    if (server.owner.closed !== undefined) break;
    assert.ok(server.connection.output.length <= 4 * 1024 * 1024);
  }
  assert.equal(server.owner.closed, 'Output is not read');
  assert.equal(server.connection.output.length, 0);
});

test('Http2ServerConnection begins no more requests while answers are not read', () => {
  const server = new RawServer(({ server }) => server.respond(200, [['x', 'y'.repeat(50_000)]], true));
  server.send(hello());
  server.connection.receive(join(...requestFrames(20)));
  for (let turn = 0; turn < 5; turn++) server.connection.turned();
  assert.equal(server.owner.calls.length, 6, 'as many answers as are more than 256 KiB');
  const { wakes } = server.owner;
  for (let turn = 0; turn < 5; turn++) server.connection.turned();
  assert.equal(server.owner.wakes, wakes, 'no turn is asked for in which nothing can be done');
  server.connection.output.shift(1);
  server.connection.flushed();
  assert.equal(server.owner.wakes, wakes + 1);
  server.read();
  assert.equal(server.owner.calls.length, 20);
});

test('Http2ServerConnection begins 40 requests a turn, and takes no more input while many wait', () => {
  const pauses: boolean[] = [];
  const server = new RawServer(({ server }) => server.respond(200, NO_FIELDS, true));
  server.owner.pauseInput = (isPaused) => void pauses.push(isPaused);
  server.send(hello());
  const counts: number[] = [];
  server.connection.receive(join(...requestFrames(3000)));
  server.connection.receive(join(...requestFrames(1, 6001)));
  while (counts.at(-1) !== server.owner.calls.length) {
    counts.push(server.owner.calls.length);
    server.connection.output.take();
    server.connection.flushed();
    server.connection.turned();
  }
  assert.deepEqual(counts.slice(0, 3), [40, 80, 120]);
  assert.equal(server.owner.calls.length, 3001);
  assert.deepEqual(
    server.owner.calls.map(({ server }) => (server as Http2Stream).id),
    Array.from({ length: 3001 }, (_, index) => 2 * index + 1),
  );
  assert.deepEqual(pauses, [true, false]);
});

test('Http2ServerConnection deals with few resets a turn', () => {
  const server = new RawServer();
  server.send(hello());
  const pairs = Array.from({ length: 100 }, (_, at) => [requestFrame(2 * at + 1), resetFrame(2 * at + 1, 8)]);
  server.connection.receive(join(...pairs.flat()));
  assert.equal(server.owner.calls.length, 7);
  for (let turn = 2; turn < 4; turn++) {
    server.connection.turned();
    assert.equal(server.owner.calls.length, 7 * turn);
  }
});

test('Http2ClientConnection asks a silent server by PING, and gives it up without an answer', () => {
  const client = new RawClient({ pingAfterMs: 300_000 });
  client.send(settings());
  const { told } = client.open();
  client.read();
  client.connection.tick(299_999);
  assert.deepEqual(client.read(), []);
  client.connection.tick(300_000);
  assert.deepEqual(client.read(), ['PING']);
  client.send(frame('PING', ACK, 0, new Uint8Array(8)));
  client.connection.tick(599_999);
  assert.deepEqual(client.read(), []);
  client.connection.tick(600_000);
  assert.deepEqual(client.read(), ['PING']);
  client.connection.tick(620_000);
  assert.equal(client.owner.closed, 'A PING was not answered in time');
  assert.deepEqual(told.log, ['reset connection-termination: A PING was not answered in time']);
});

test('Http2Connection answers PING with its bytes', () => {
  const server = new RawServer();
  server.send(hello());
  server.connection.receive(frame('PING', 0, 0, latin1('12345678')));
  assert.deepEqual([...server.connection.output.take()], [...frame('PING', ACK, 0, latin1('12345678'))]);
});
