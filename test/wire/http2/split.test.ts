import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import { NO_FIELDS } from '../../../wire/stream.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  encoded,
  frame,
  hello,
  join,
  latin1,
  PADDED,
  request,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from './frame.ts';
import { RawClient, RawServer } from './pair.ts';

/** A client's whole life: every kind of frame, tables in use, an end by GOAWAY. */
function clientBytes(): Uint8Array {
  const encoder = new HpackEncoder();
  const head = (path: string): Uint8Array =>
    encoded(
      request('POST', path, [
        ['x-repeated', 'a value'],
        ['user-agent', 'test/1.0'],
      ]),
      encoder,
    );
  const split = head('/split');
  return hello(
    frame('SETTINGS', ACK),
    frame('HEADERS', END_HEADERS, 1, head('/first')),
    frame('DATA', 0, 1, latin1('some bytes')),
    frame('HEADERS', END_STREAM, 3, split.subarray(0, 7)),
    frame('CONTINUATION', 0, 3, split.subarray(7, 9)),
    frame('CONTINUATION', END_HEADERS, 3, split.subarray(9)),
    frame('DATA', PADDED, 1, [3, ...latin1('padded'), 0, 0, 0]),
    frame('PING', 0, 0, latin1('12345678')),
    settings([4, 10], [3, 7]),
    frame('HEADERS', END_HEADERS | END_STREAM, 5, head('/third')),
    windowUpdate(5, 100),
    frame('PRIORITY', 0, 9, [0, 0, 0, 1, 2]),
    frame(0xee, 0, 0, latin1('unknown')),
    frame('HEADERS', END_HEADERS, 7, head('/fourth')),
    resetFrame(7, 8),
    frame('HEADERS', END_HEADERS | END_STREAM, 1, encoded([['x-trailer', 'y']], encoder)),
    frame('GOAWAY', 0, 0, [...uint32(0), ...uint32(0), ...latin1('bye')]),
  );
}

function served(pieces: readonly Uint8Array[]): unknown {
  const server = new RawServer(({ server: stream }) => {
    stream.respond(200, [['x', 'y']], false);
    stream.write(latin1('an answer that is longer than the window'));
  });
  for (const piece of pieces) server.connection.receive(piece.slice());
  return {
    frames: server.read(),
    told: server.owner.calls.map(({ log }) => log),
    state: server.connection.describe(),
  };
}

function serverBytes(): Uint8Array {
  const encoder = new HpackEncoder();
  const head = (status: string): Uint8Array =>
    encoded(
      [
        [':status', status],
        ['x-repeated', 'a value'],
      ],
      encoder,
    );
  return join(
    settings([3, 50]),
    frame('SETTINGS', ACK),
    windowUpdate(0, 1000),
    frame('HEADERS', END_HEADERS, 1, head('103')),
    frame('HEADERS', END_HEADERS, 1, head('200')),
    frame('DATA', 0, 1, latin1('some bytes')),
    frame('PING', 0, 0, latin1('12345678')),
    frame('DATA', END_STREAM, 1, latin1('more')),
    resetFrame(3, 7),
    frame('HEADERS', 0, 5, head('404').subarray(0, 1)),
    frame('CONTINUATION', END_HEADERS, 5, []),
    frame('HEADERS', END_HEADERS | END_STREAM, 5, encoded([['grpc-status', '0']], encoder)),
    frame('GOAWAY', 0, 0, [...uint32(5), ...uint32(0)]),
  );
}

function asked(pieces: readonly Uint8Array[]): unknown {
  const client = new RawClient();
  const opened = Array.from({ length: 4 }, () => client.open());
  for (const piece of pieces) client.connection.receive(piece.slice());
  return {
    frames: client.read(),
    told: opened.map(({ told }) => told.log),
    state: client.connection.describe(),
    closed: client.owner.closed,
  };
}

for (const [name, bytes, run] of [
  ['Http2ServerConnection', clientBytes(), served],
  ['Http2ClientConnection', serverBytes(), asked],
] as const) {
  test(`${name}.receive() tells the same however its input is cut`, () => {
    const want = run([bytes]);
    assert.doesNotMatch(JSON.stringify(want), /GOAWAY/);
    for (let at = 1; at < bytes.length; at++)
      assert.deepEqual(run([bytes.subarray(0, at), bytes.subarray(at)]), want, `cut at ${at}`);
    for (const size of [1, 2, 3, 5, 8, 13]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      assert.deepEqual(run(pieces), want, `in pieces of ${size}`);
    }
  });
}

/** A small generator with a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('Http2Connection.receive() never throws, and holds little, whatever frames come', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = random(seed);
    const below = (bound: number): number => Math.floor(chance() * bound);
    const server = new RawServer(({ server: stream }) => {
      stream.respond(200, NO_FIELDS, false);
      stream.write(new Uint8Array(below(100_000)));
      if (below(2) === 0) stream.end(NO_FIELDS);
    });
    const client = new RawClient();
    for (let index = 0; index < 4; index++) client.open({ method: 'POST' }, index % 2 === 0);
    server.connection.receive(hello());
    client.connection.receive(settings());
    const encoder = new HpackEncoder();
    for (let index = 0; index < 60; index++) {
      const id = below(12);
      const payload = [
        () => encoded(request('POST', '/', [['x', `${below(4)}`]]), encoder),
        () => encoded([[':status', `${100 + below(5) * 100}`]], encoder),
        () => uint32(below(1 << 17)),
        () => Array.from({ length: below(40) }, () => below(256)),
        () => settings([below(9), below(1 << 17)]).subarray(9),
        () => new Uint8Array(below(2) * 8),
      ][below(6)]!();
      const bytes = frame(below(11), [0, 1, 4, 5, 8, 12, 32, 255][below(8)], id, payload);
      const mangled = below(30) === 0 ? bytes.subarray(below(bytes.length)) : bytes;
      server.connection.receive(mangled.slice());
      client.connection.receive(mangled.slice());
      if (below(10) === 0) server.connection.tick(index * 1000);
      assert.ok(server.connection.output.length <= 4 * 1024 * 1024);
    }
    server.connection.inputEnded();
    client.connection.inputEnded();
    assert.equal(server.connection.streamCount + client.connection.streamCount, 0);
    assert.notEqual(server.owner.closed, undefined);
    for (const { log } of server.owner.calls) {
      const ends = log.filter((each) => /^(reset|end)/.test(each) || / ended$/.test(each));
      assert.ok(ends.length <= 2, log.join('\n'));
      assert.ok(
        log.findIndex((each) => each.startsWith('reset')) % log.length === log.length - 1 ||
          !log.some((each) => each.startsWith('reset')),
        log.join('\n'),
      );
    }
  }
});
