import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FIELDS } from '../../../wire/stream.ts';
import {
  ACK,
  block,
  END_HEADERS,
  frame,
  hello,
  join,
  latin1,
  request,
  requestFrame,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from './frame.ts';
import { type Call, RawClient, RawServer } from './pair.ts';

const ping = frame('PING', 0, 0, new Uint8Array(8));
const answerOk = ({ server }: Call): void => server.respond(200, NO_FIELDS, true);
/** Answers with more than any window lets out. */
const largeBody = ({ server }: Call): void => {
  server.respond(200, NO_FIELDS, false);
  server.write(new Uint8Array(1 << 20));
};

interface Flood {
  readonly name: string;
  readonly serve?: (call: Call) => void;
  readonly first?: readonly Uint8Array[];
  /** What is sent again and again; `id` is of a stream that is new each time. */
  readonly again: (id: number, turn: number) => Uint8Array;
  /** How often that may be done within a tick. */
  readonly allowed: number;
}

const floods: readonly Flood[] = [
  {
    name: 'resets of requests (CVE-2023-44487)',
    again: (id) => join(requestFrame(id), resetFrame(id, 8)),
    allowed: 500,
  },
  {
    name: 'resets of requests that were answered',
    serve: answerOk,
    again: (id) => join(requestFrame(id), resetFrame(id, 8)),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by an empty WINDOW_UPDATE (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), windowUpdate(id, 0)),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by a window too large (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), windowUpdate(id, 0x7fff_ffff)),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by DATA after the end (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), frame('DATA', 0, id, [1])),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by HEADERS after the end (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), requestFrame(id)),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by PRIORITY of another length (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), frame('PRIORITY', 0, id, [0])),
    allowed: 500,
  },
  {
    name: 'streams made to be reset by PRIORITY on themselves (CVE-2025-8671)',
    again: (id) => join(requestFrame(id), frame('PRIORITY', 0, id, [...uint32(id), 0])),
    allowed: 500,
  },
  { name: 'malformed requests', again: (id) => requestFrame(id, 5, request('GET', '')), allowed: 500 },
  {
    name: 'requests beyond the streams allowed',
    first: Array.from({ length: 100 }, (_, index) => requestFrame(2 * index + 1)),
    again: (id) => requestFrame(id),
    allowed: 500,
  },
  { name: 'PING frames (CVE-2019-9512)', again: () => ping, allowed: 10_000 },
  { name: 'SETTINGS frames (CVE-2019-9515)', again: () => settings(), allowed: 99 },
  { name: 'acknowledgements of SETTINGS', again: () => frame('SETTINGS', ACK), allowed: 1000 },
  { name: 'acknowledgements of PING', again: () => frame('PING', ACK, 0, new Uint8Array(8)), allowed: 1000 },
  {
    name: 'empty DATA frames (CVE-2019-9518)',
    first: [requestFrame(1, END_HEADERS, request('POST'))],
    again: () => frame('DATA', 0, 1),
    allowed: 1000,
  },
  {
    name: 'padding without DATA',
    first: [requestFrame(1, END_HEADERS, request('POST'))],
    again: () => frame('DATA', 8, 1, [3, 0, 0, 0]),
    allowed: 1000,
  },
  {
    name: 'empty DATA for a stream that was reset',
    first: [requestFrame(1, END_HEADERS, request('POST')), windowUpdate(1, 0)],
    again: () => frame('DATA', 0, 1, []),
    allowed: 1000,
  },
  {
    name: 'PRIORITY frames (CVE-2019-9513)',
    again: (id) => frame('PRIORITY', 0, id, [0, 0, 0, 0, 0]),
    allowed: 1000,
  },
  { name: 'frames of unknown types', again: () => frame(0xbe, 0, 0, [1]), allowed: 1000 },
  { name: 'WINDOW_UPDATE frames', again: () => windowUpdate(0, 1), allowed: 1000 },
  {
    name: 'a window opened by the byte (CVE-2019-9511)',
    serve: largeBody,
    first: [settings([4, 0]), requestFrame(1)],
    again: () => windowUpdate(1, 1),
    allowed: 1001,
  },
  {
    name: "the connection's window opened by the byte",
    serve: largeBody,
    first: [settings([4, 1 << 20]), requestFrame(1)],
    again: () => windowUpdate(0, 1),
    allowed: 1001,
  },
  {
    name: 'CONTINUATION frames (VU#421644)',
    first: [requestFrame(1, 0)],
    again: () => frame('CONTINUATION', 0, 1, [0x82]),
    allowed: 32,
  },
  {
    name: 'empty CONTINUATION frames (VU#421644)',
    first: [requestFrame(1, 0)],
    again: () => frame('CONTINUATION', 0, 1),
    allowed: 32,
  },
  {
    name: 'large CONTINUATION frames (VU#421644)',
    first: [requestFrame(1, 0)],
    again: () => frame('CONTINUATION', 0, 1, new Uint8Array(16_000)),
    allowed: 4,
  },
];

for (const { name, serve, first = [], again, allowed } of floods) {
  test(`Http2ServerConnection stands ${name}, up to a limit for each tick`, () => {
    const server = new RawServer(serve);
    server.send(hello(...first));
    let turn = 0;
    for (; server.owner.closed === undefined && turn <= allowed; turn++) {
      const answers = server.send(again(1001 + 2 * turn, turn));
      if (turn < allowed)
        assert.equal(
          answers.some((each) => each.startsWith('GOAWAY')),
          false,
          `${turn}: ${answers}`,
        );
      else assert.match(answers.at(-1)!, /^GOAWAY last \d+ code 11$/);
    }
    assert.equal(turn, allowed + 1);
    assert.equal(server.connection.streamCount, 0);
    for (const call of server.owner.calls) if (!serve) assert.match(call.log.at(-1)!, /^reset/);
  });

  if (allowed <= 32 && name.includes('CONTINUATION')) continue;
  test(`Http2ServerConnection counts ${name} anew with each tick`, () => {
    const server = new RawServer(serve);
    server.send(hello(...first));
    for (let turn = 0; turn < 2 * allowed; turn++) {
      if (turn === Math.floor(allowed / 2) || turn === allowed) server.connection.tick(turn);
      server.send(again(1001 + 2 * turn, turn));
    }
    assert.equal(server.owner.closed, undefined);
  });
}

test('Http2ServerConnection takes a WINDOW_UPDATE for each of many small messages', () => {
  const server = new RawServer();
  server.send(hello(requestFrame(1, END_HEADERS, request('POST'))));
  const [call] = server.owner.calls;
  call!.server.respond(200, NO_FIELDS, false);
  for (let index = 0; index < 20_000; index++) {
    call!.server.write(latin1('small'));
    server.send(windowUpdate(1, 5), windowUpdate(0, 5));
  }
  assert.equal(server.owner.closed, undefined);
});

test('Http2ServerConnection spends little on a header list that is small when coded and large when decoded', () => {
  const server = new RawServer();
  server.send(hello());
  // One entry of 4,000 bytes goes into the table, and is named 16,000 times in each of four frames.
  const insert = join([0x40, 1, 0x78], [127, 0xa1, 0x1e], latin1('y'.repeat(4000)));
  const bomb = new Uint8Array(16_000).fill(0x80 | 62);
  const head = block(request());
  const answers = server.send(
    frame('HEADERS', 1, 1, join(head, insert)),
    frame('CONTINUATION', 0, 1, bomb),
    frame('CONTINUATION', 0, 1, bomb),
    frame('CONTINUATION', END_HEADERS, 1, bomb),
  );
  assert.deepEqual(answers, ['GOAWAY last 1 code 11']);
  assert.equal(server.owner.calls.length, 0);
  const smaller = new RawServer();
  smaller.send(hello());
  const some = frame('HEADERS', 5, 1, join(head, insert, bomb.subarray(0, 50)));
  assert.deepEqual(smaller.send(some), ['HEADERS 1 END_STREAM :status=431']);
});

test('Http2ClientConnection stands a server that resets each request after its answer', () => {
  const client = new RawClient();
  client.send(settings());
  for (let id = 1; id < 4000; id += 2) {
    const { told, stream } = client.open({ method: 'POST' }, false);
    client.read();
    client.send(frame('HEADERS', 5, id, [0x88]), resetFrame(id, 0));
    stream.reset(0);
    assert.equal(told.log[0], 'response 200 [] ended');
  }
  assert.equal(client.owner.closed, undefined);
});

test('Http2ClientConnection ends a connection that floods it with informational answers', () => {
  const client = new RawClient();
  client.send(settings());
  const { told } = client.open();
  client.read();
  for (let index = 0; index < 1000; index++) client.send(frame('HEADERS', 4, 1, block([[':status', '103']])));
  assert.equal(client.owner.closed, undefined);
  assert.deepEqual(client.send(frame('HEADERS', 4, 1, block([[':status', '103']]))), [
    'GOAWAY last 0 code 11',
  ]);
  assert.equal(told.log.length, 1001);
});

test('Http2ServerConnection goes on when a window full of small DATA was on its way to a stream that it reset', () => {
  const server = new RawServer();
  server.send(hello(requestFrame(1, END_HEADERS, request('POST')), windowUpdate(1, 0)));
  for (let count = 0; count < 5000; count++)
    assert.deepEqual(
      server.send(frame('DATA', 0, 1, [1])).filter((each) => each.startsWith('GOAWAY')),
      [],
    );
  assert.equal(server.owner.closed, undefined);
});
