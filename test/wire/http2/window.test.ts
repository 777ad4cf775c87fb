import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FIELDS } from '../../../wire/stream.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  hello,
  latin1,
  PADDED,
  PRIORITY,
  request,
  requestFrame,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from './frame.ts';
import { type Call, Pair, RawServer, RESTED } from './pair.ts';

const HEADER_TABLE_SIZE = 1;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;

/** Answers with so many bytes. */
function body(count: number): (call: Call) => void {
  return ({ server }) => {
    server.respond(200, NO_FIELDS, false);
    server.write(new Uint8Array(count));
    server.end(NO_FIELDS);
  };
}

/** Lengths of the DATA frames among these. */
function dataOf(frames: readonly string[]): number[] {
  return frames.filter((each) => each.startsWith('DATA')).map((each) => Number(/(\d+) bytes/.exec(each)![1]));
}

test('Http2Connection passes a body of several windows on as fast as it is consumed', () => {
  const pair = new Pair({ serve: body(3_000_000) });
  const { told } = pair.open();
  pair.run();
  assert.equal(told.receivedBytes, 3_000_000);
  assert.equal(told.log.at(-1), 'end []');
  assert.equal(pair.owner.calls[0]!.sentBytes, 3_000_000);
  assert.match(pair.client.describe(), new RegExp(`${RESTED}$`));
});

test('Http2Connection holds no more than a stream window for a receiver that consumes nothing', () => {
  const pair = new Pair({ serve: body(3_000_000) });
  const { told, stream } = pair.open();
  told.consumes = false;
  pair.run();
  assert.equal(told.receivedBytes, 65_536);
  assert.equal(pair.server.output.length, 0);
  assert.equal(pair.owner.calls[0]!.sentBytes, 65_536);
  // Half of it consumed opens the window by that much, and a byte less does not.
  stream.consumed(32_767);
  pair.run();
  assert.equal(told.receivedBytes, 65_536);
  stream.consumed(1);
  pair.run();
  assert.equal(told.receivedBytes, 65_536 + 32_768);
  // More than was received is not given back.
  stream.consumed(1_000_000);
  assert.match(pair.client.describe(), /receives 1048576,/);
  told.consumes = true;
  pair.run();
  assert.equal(told.receivedBytes, 3_000_000);
  assert.match(pair.client.describe(), new RegExp(`${RESTED}$`));
});

test('Http2Connection holds no more than its own window for all streams together', () => {
  const pair = new Pair({ serve: body(100_000), clientLimits: { connectionWindowBytes: 150_000 } });
  const opened = Array.from({ length: 5 }, () => pair.open());
  for (const { told } of opened) told.consumes = false;
  pair.run();
  const received = (): number => opened.reduce((sum, { told }) => sum + told.receivedBytes, 0);
  assert.equal(received(), 150_000);
  // A stream that is given up gives back what it held.
  opened[0]!.stream.reset(8);
  opened[1]!.stream.reset(8);
  for (const { told, stream } of opened.slice(2)) {
    told.consumes = true;
    stream.consumed(told.receivedBytes);
  }
  pair.run();
  for (const { told } of opened.slice(2)) assert.equal(told.receivedBytes, 100_000);
  assert.match(pair.client.describe(), /receives 150000$/);
});

test('Http2Connection lets streams that wait for a window send in turns', () => {
  const server = new RawServer(body(200_000));
  server.send(
    hello(settings([INITIAL_WINDOW_SIZE, 1 << 20]), requestFrame(1), requestFrame(3), requestFrame(5)),
  );
  const later = server.send(windowUpdate(0, 160_000));
  const bytesBy = (id: number): number =>
    dataOf(later.filter((each) => each.startsWith(`DATA ${id} `))).reduce((a, b) => a + b, 0);
  for (const id of [1, 3, 5]) assert.ok(bytesBy(id) > 30_000, `stream ${id}: ${bytesBy(id)}`);
});

test('Http2Connection counts padding against both windows and gives it back at once', () => {
  const server = new RawServer((call) => {
    call.consumes = false;
  });
  server.send(hello(requestFrame(1, END_HEADERS, request('POST'))));
  const padded = frame('DATA', PADDED, 1, [200, ...latin1('hello'), ...new Uint8Array(200)]);
  const answers: string[] = [];
  for (let index = 0; index < 200; index++) answers.push(...server.send(padded));
  const [call] = server.owner.calls;
  assert.equal(call!.receivedBytes, 1000);
  // 200 frames of 206 bytes, of which 1,000 bytes are held: the rest was credited.
  assert.deepEqual(answers, ['WINDOW_UPDATE 1 32964']);
  assert.match(server.connection.describe(), new RegExp(`receives ${1_048_576 - 1000},`));
  call!.server.consumed(1000);
  call!.server.respond(200, NO_FIELDS, true);
  server.send(frame('DATA', PADDED | END_STREAM, 1, [0]));
  assert.equal(call!.log.at(-1), 'end []');
  assert.match(server.connection.describe(), new RegExp(`${RESTED}$`));
});

test('Http2ServerConnection reads padding and priority of HEADERS', () => {
  const server = new RawServer();
  const payload = [3, ...uint32(0), 16, ...block(request('GET', '/padded')), 0, 0, 0];
  server.send(hello(frame('HEADERS', END_HEADERS | END_STREAM | PADDED | PRIORITY, 1, payload)));
  assert.deepEqual(server.owner.calls[0]!.log, ['request GET a /padded [] ended']);
});

test('Http2Connection takes INITIAL_WINDOW_SIZE up and down for streams under way', () => {
  const server = new RawServer(body(100_000));
  const first = server.send(hello(settings([INITIAL_WINDOW_SIZE, 10]), requestFrame(1)));
  assert.deepEqual(dataOf(first), [10]);
  // To less than was sent: the window is below nothing, and what is added only fills it up.
  assert.deepEqual(dataOf(server.send(settings([INITIAL_WINDOW_SIZE, 4]))), []);
  assert.deepEqual(dataOf(server.send(windowUpdate(1, 6))), []);
  assert.deepEqual(dataOf(server.send(windowUpdate(1, 1))), [1]);
  assert.deepEqual(dataOf(server.send(settings([INITIAL_WINDOW_SIZE, 24]))), [20]);
  assert.deepEqual(dataOf(server.send(settings([INITIAL_WINDOW_SIZE, 0], [INITIAL_WINDOW_SIZE, 25]))), [1]);
});

test('Http2Connection sends nothing of a body into a window of nothing, and its end without one', () => {
  const server = new RawServer(body(5));
  const frames = server.send(hello(settings([INITIAL_WINDOW_SIZE, 0]), requestFrame(1)));
  assert.deepEqual(frames.slice(-1), ['HEADERS 1 :status=200']);
  assert.deepEqual(server.send(windowUpdate(1, 5)), ['DATA 1 END_STREAM 5 bytes']);
  server.owner.serve = body(0);
  assert.equal(server.send(requestFrame(3)).at(-1), 'DATA 3 END_STREAM 0 bytes');
});

test('Http2Connection shrinks its header table as the peer says, also in passing', () => {
  const server = new RawServer(({ server }) => server.respond(200, [['x-repeated', 'value']], true));
  server.send(hello(requestFrame(1), requestFrame(3)));
  // Lowest and last are announced (RFC 7541, 4.2).
  server.send(settings([HEADER_TABLE_SIZE, 0], [HEADER_TABLE_SIZE, 4096]));
  server.connection.receive(requestFrame(5));
  const output = server.connection.output.take();
  // Size updates to 0 and to 4096, each at the start of the block.
  assert.deepEqual([...output.subarray(9, 13)], [0x20, 0x3f, 0xe1, 0x1f]);
});

test('Http2Connection sends frames of 16,384 bytes whatever larger ones the peer takes', () => {
  const server = new RawServer(body(50_000));
  const frames = server.send(hello(settings([MAX_FRAME_SIZE, 1_000_000]), requestFrame(1)));
  assert.deepEqual(dataOf(frames), [16_384, 16_384, 16_384, 848]);
});

test('Http2Connection stops filling output that is not taken, and goes on when it is', () => {
  const server = new RawServer();
  server.send(
    hello(
      settings([INITIAL_WINDOW_SIZE, 0x7fff_ffff]),
      windowUpdate(0, 0x7fff_ffff - 65_535),
      requestFrame(1),
    ),
  );
  const [call] = server.owner.calls;
  call!.server.respond(200, NO_FIELDS, false);
  for (let index = 0; index < 100; index++) call!.server.write(new Uint8Array(16_384));
  const waiting = server.connection.output.length;
  assert.ok(waiting <= 256 * 1024 + 9, `${waiting}`);
  assert.ok(call!.sentBytes <= 256 * 1024);
  call!.server.end(NO_FIELDS);
  assert.equal(
    dataOf(server.read()).reduce((a, b) => a + b, 0),
    100 * 16_384,
  );
  assert.equal(call!.sentBytes, 100 * 16_384);
  assert.equal(server.connection.streamCount, 0);
});

test('Http2Connection sends nothing more of a stream that was reset while it waited', () => {
  const server = new RawServer(body(100_000));
  server.send(hello(requestFrame(1)));
  server.send(resetFrame(1, 8));
  assert.deepEqual(server.send(windowUpdate(0, 100_000), windowUpdate(1, 100_000)), []);
  assert.deepEqual(
    server.owner.calls[0]!.log.at(-1),
    'reset remote-reset: The peer reset the stream with code 8',
  );
});

test('Http2Connection ends a stream or the connection for DATA beyond their windows', () => {
  const server = new RawServer((call) => {
    call.consumes = false;
  });
  server.send(hello(settings(), frame('SETTINGS', 1), requestFrame(1, END_HEADERS, request('POST'))));
  const full = frame('DATA', 0, 1, new Uint8Array(16_384));
  assert.deepEqual(server.send(full, full, full, full), []);
  assert.deepEqual(server.send(frame('DATA', 0, 1, [1])), ['RST_STREAM 1 code 3']);
  assert.match(server.connection.describe(), new RegExp(`^open, sends 65535, ${RESTED}$`));

  const small = new RawServer(
    (call) => {
      call.consumes = false;
    },
    { connectionWindowBytes: 65_535, streamWindowBytes: 65_535 },
  );
  small.send(
    hello(requestFrame(1, END_HEADERS, request('POST')), requestFrame(3, END_HEADERS, request('POST'))),
  );
  small.send(full, full, full, frame('DATA', 0, 1, new Uint8Array(16_383)));
  assert.deepEqual(small.send(frame('DATA', 0, 3, [1])), ['GOAWAY last 3 code 3']);
  assert.equal(small.owner.closed, 'More DATA than the connection may carry');
});
