import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODE, type FieldList, NO_FIELDS } from '../../../wire/stream.ts';
import { latin1 } from './frame.ts';
import { type Call, Pair, RESTED } from './pair.ts';

/** After a scenario nothing is open, and every byte received was given back. */
function assertAtRest(pair: Pair): void {
  pair.run();
  assert.equal(pair.client.streamCount, 0);
  assert.equal(pair.server.streamCount, 0);
  assert.match(pair.client.describe(), new RegExp(`${RESTED}$`));
  assert.match(pair.server.describe(), new RegExp(`${RESTED}$`));
}

function answerOk(call: Call): void {
  call.server.respond(200, [['a', 'b']], false);
  call.server.write(latin1('hello'));
  call.server.end([['grpc-status', '0']]);
}

test('Http2ServerConnection and Http2ClientConnection carry a request and its answer with trailers', () => {
  const pair = new Pair({ serve: answerOk });
  const { told } = pair.open({ headers: [['x', 'y']] });
  pair.run();
  assert.deepEqual(pair.owner.calls[0]!.log, ['request GET a / [x: y] ended']);
  assert.deepEqual(told.log, ['response 200 [a: b]', 'data 5', 'end [grpc-status: 0]']);
  assertAtRest(pair);
});

test('Http2Stream.write() says what has left, also of what is written as the request comes', () => {
  const pair = new Pair({
    serve({ server }) {
      server.respond(200, NO_FIELDS, false);
      server.write(latin1('hello'));
    },
  });
  const { stream, told } = pair.open({ method: 'POST' }, false);
  stream.write(latin1('one'));
  pair.run();
  const [call] = pair.owner.calls;
  assert.equal(call!.sentBytes, 5);
  assert.equal(told.sentBytes, 3);
  call!.server.write(latin1('world'));
  assert.equal(call!.sentBytes, 10);
});

test('Http2Stream.end() marks the last DATA frame that has not left, and else sends one of its own', () => {
  const pair = new Pair({
    serve({ server }) {
      server.respond(200, NO_FIELDS, false);
      server.write(latin1('hello'));
      server.end(NO_FIELDS);
    },
  });
  pair.open();
  pair.run();
  assert.ok(pair.frames.includes('< DATA 1 END_STREAM 5 bytes'), pair.frames.join('\n'));
  const { stream } = pair.open({ method: 'POST' }, false);
  pair.run();
  stream.write(latin1('request'));
  pair.run();
  stream.end(NO_FIELDS);
  pair.run();
  assert.deepEqual(pair.frames.slice(-2), ['> DATA 3 7 bytes', '> DATA 3 END_STREAM 0 bytes']);
  assert.equal(pair.owner.calls[1]!.log.at(-1), 'end []');
  assertAtRest(pair);
});

test('Http2Stream.end() marks no frame of another stream', () => {
  const pair = new Pair();
  const first = pair.open({ method: 'POST' }, false).stream;
  const second = pair.open({ method: 'POST' }, false).stream;
  pair.run();
  first.write(latin1('first'));
  second.write(latin1('second'));
  first.end(NO_FIELDS);
  second.end(NO_FIELDS);
  pair.run();
  assert.deepEqual(
    pair.owner.calls.map(({ log }) => log.slice(1)),
    [
      ['data 5', 'end []'],
      ['data 6', 'end []'],
    ],
  );
});

test('Http2ServerConnection carries informational answers before the one', () => {
  const pair = new Pair({
    serve({ server }) {
      server.inform(103, [['link', '</a.css>']]);
      server.inform(103, NO_FIELDS);
      server.respond(204, NO_FIELDS, true);
      server.inform(103, [['too', 'late']]);
    },
  });
  const { told } = pair.open();
  assertAtRest(pair);
  assert.deepEqual(told.log, ['inform 103 [link: </a.css>]', 'inform 103 []', 'response 204 [] ended']);
});

test('Http2ClientConnection carries a body and its trailers', () => {
  const pair = new Pair({ serve: ({ server }) => server.respond(200, NO_FIELDS, true) });
  const { stream, told } = pair.open({ method: 'POST' }, false);
  stream.write(latin1('one'));
  stream.write(latin1('three'));
  stream.end([['x', 'y']]);
  pair.run();
  // The answer came before the end, so the rest went to nobody.
  assert.deepEqual(told.log, ['response 200 [] ended']);
  assertAtRest(pair);
  pair.owner.serve = () => {};
  const later = pair.open({ method: 'POST' }, false);
  later.stream.write(latin1('one'));
  later.stream.end([['x', 'y']]);
  pair.run();
  assert.deepEqual(pair.owner.calls[1]!.log.slice(1), ['data 3', 'end [x: y]']);
  pair.owner.calls[1]!.server.respond(200, NO_FIELDS, true);
  assertAtRest(pair);
});

test('Http2ServerConnection opens a WebSocket by extended CONNECT, told as HTTP/1.1 tells it', () => {
  const pair = new Pair({
    serve: ({ server }) => server.respond(101, [['sec-websocket-protocol', 'p']], false),
  });
  const { stream, told } = pair.open({ path: '/chat', upgrade: 'websocket' }, false);
  pair.run();
  assert.deepEqual(pair.owner.calls[0]!.log, ['request GET a /chat [] upgrade websocket']);
  assert.match(
    pair.frames.join('\n'),
    /> HEADERS 1 :method=CONNECT :scheme=http :authority=a :path=\/chat :protocol=websocket/,
  );
  assert.match(pair.frames.join('\n'), /< HEADERS 1 :status=200/);
  assert.deepEqual(told.log, ['response 101 [sec-websocket-protocol: p]']);
  stream.write(latin1('ping'));
  pair.owner.calls[0]!.server.write(latin1('pong'));
  pair.run();
  assert.equal(told.log.at(-1), 'data 4');
  stream.end(NO_FIELDS);
  pair.run();
  pair.owner.calls[0]!.server.end(NO_FIELDS);
  assertAtRest(pair);
});

test('Http2ServerConnection refuses a tunnel with an ordinary answer', () => {
  const pair = new Pair({ serve: ({ server }) => server.respond(403, [['content-length', '0']], true) });
  const { stream, told } = pair.open({ path: '/chat', upgrade: 'websocket' }, false);
  pair.run();
  assert.deepEqual(told.log, ['response 403 [content-length: 0] ended']);
  stream.reset(ERROR_CODE.NO_ERROR);
  assertAtRest(pair);
});

test('Http2ClientConnection takes a HEAD answer with content-length and no body', () => {
  const pair = new Pair({ serve: ({ server }) => server.respond(200, [['content-length', '7']], true) });
  const { told } = pair.open({ method: 'HEAD' });
  assertAtRest(pair);
  assert.deepEqual(told.log, ['response 200 [content-length: 7] ended']);
});

test('Http2ClientConnection breaks a stream off whose HEAD, 204 or 304 has a body', () => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    const pair = new Pair({
      serve({ server }) {
        server.respond(status, NO_FIELDS, false);
        server.write(latin1('body'));
        server.end(NO_FIELDS);
      },
    });
    const { told } = pair.open({ method });
    assertAtRest(pair);
    assert.equal(
      told.log.at(-1),
      'reset protocol-error: The body is not as long as content-length says',
      `${method} ${status}`,
    );
  }
});

test('Http2Stream.state follows both directions', () => {
  const pair = new Pair();
  const states = (): string =>
    `${pair.client.describe().split(', ')[3] ?? 'none'} / ${pair.server.describe().split(', ')[3] ?? 'none'}`;
  const { stream } = pair.open({ method: 'POST' }, false);
  pair.run();
  assert.equal(states(), '1 open / 1 open');
  stream.end(NO_FIELDS);
  pair.run();
  assert.equal(states(), '1 half-closed (local) / 1 half-closed (remote)');
  const [call] = pair.owner.calls;
  call!.server.respond(200, NO_FIELDS, true);
  pair.run();
  assert.equal(states(), 'none / none');
  const early = pair.open({ method: 'POST' }, false);
  pair.run();
  pair.owner.calls[1]!.server.respond(200, NO_FIELDS, true);
  pair.run();
  assert.equal(states(), '3 half-closed (remote) / 3 half-closed (local)');
  early.stream.end(NO_FIELDS);
  pair.run();
  assert.equal(states(), 'none / none');
});

/** Moments at which either side may give a stream up. */
const moments: Readonly<Record<string, (pair: Pair, call: Call) => void>> = {
  'before an answer': () => {},
  'after the head': (_, { server }) => server.respond(200, NO_FIELDS, false),
  'within the body': (_, { server }) => {
    server.respond(200, NO_FIELDS, false);
    server.write(new Uint8Array(200_000));
  },
};

for (const [moment, prepare] of Object.entries(moments)) {
  for (const hasEnded of [true, false]) {
    const title = `${moment}, of a request that ${hasEnded ? 'has ended' : 'goes on'}`;
    test(`Http2Stream.reset() by the client tells the server alone, ${title}`, () => {
      const pair = new Pair();
      const { stream, told } = pair.open({ method: 'POST' }, hasEnded);
      told.consumes = false;
      if (!hasEnded) stream.write(new Uint8Array(100_000));
      pair.toServer();
      pair.owner.calls[0]!.consumes = false;
      prepare(pair, pair.owner.calls[0]!);
      pair.run();
      const before = told.log.length;
      stream.reset(ERROR_CODE.CANCEL);
      stream.reset(ERROR_CODE.CANCEL);
      stream.write(latin1('too late'));
      stream.end(NO_FIELDS);
      assertAtRest(pair);
      assert.equal(told.log.length, before);
      assert.equal(
        pair.owner.calls[0]!.log.at(-1),
        'reset remote-reset: The peer reset the stream with code 8',
      );
      assert.equal(pair.frames.filter((each) => each.includes('RST_STREAM')).join(), '> RST_STREAM 1 code 8');
    });

    test(`Http2Stream.reset() by the server tells the client alone, ${title}`, () => {
      const pair = new Pair();
      const { stream, told } = pair.open({ method: 'POST' }, hasEnded);
      told.consumes = false;
      if (!hasEnded) stream.write(new Uint8Array(100_000));
      pair.toServer();
      const [call] = pair.owner.calls;
      call!.consumes = false;
      prepare(pair, call!);
      pair.run();
      call!.server.reset(ERROR_CODE.REFUSED_STREAM);
      call!.server.respond(200, NO_FIELDS, true);
      call!.server.write(latin1('too late'));
      call!.server.end(NO_FIELDS);
      assertAtRest(pair);
      assert.doesNotMatch(call!.log.at(-1)!, /reset/);
      assert.equal(
        told.log.at(-1),
        'reset remote-refused-stream-reset: The peer reset the stream with code 7',
      );
    });
  }
}

test('Http2ServerConnection lets go of a request whose answer is complete while its client still sends', () => {
  const pair = new Pair({ serve: ({ server }) => server.respond(200, NO_FIELDS, true) });
  const { stream, told } = pair.open({ method: 'POST' }, false);
  pair.run();
  stream.write(new Uint8Array(30_000));
  pair.run();
  // What comes meanwhile is taken and thrown away.
  assert.deepEqual(pair.owner.calls[0]!.log, ['request POST a / []']);
  pair.server.tick(1000);
  pair.run();
  assert.equal(pair.frames.at(-1), '< RST_STREAM 1 code 0');
  assert.deepEqual(told.log, [
    'response 200 [] ended',
    'reset remote-reset: The peer reset the stream with code 0',
  ]);
  assertAtRest(pair);
});

test('Http2ServerConnection sends blocks larger than a frame in several', () => {
  const fields: FieldList = Array.from({ length: 30 }, (_, index) => [
    `x-${index}`,
    `${index}`.padEnd(1500, 'v'),
  ]);
  const pair = new Pair({
    serve({ server }) {
      server.respond(200, fields, false);
      server.end(fields);
    },
  });
  const { told } = pair.open({ headers: fields });
  pair.run();
  const types = pair.frames
    .filter((each) => /HEADERS|CONTINUATION/.test(each))
    .map((each) => each.split(' ', 2).join(' '));
  const inThree = ['HEADERS', 'CONTINUATION', 'CONTINUATION'];
  assert.deepEqual(types, [
    ...inThree.map((type) => `> ${type}`),
    ...[...inThree, ...inThree].map((type) => `< ${type}`),
  ]);
  assert.equal(pair.owner.calls[0]!.head.headers.length, 30);
  assert.equal(told.log.length, 2);
  assert.match(told.log[1]!, /^end \[x-0: 0v+, x-1: /);
  assertAtRest(pair);
});

test('Http2ClientConnection.open() without a body for CONNECT to a host sends authority alone', () => {
  const pair = new Pair({ serve: ({ server }) => server.respond(405, NO_FIELDS, true) });
  const { stream } = pair.open({ method: 'CONNECT', authority: 'b:443' }, false);
  pair.run();
  assert.ok(pair.frames.includes('> HEADERS 1 :method=CONNECT :authority=b:443'));
  assert.deepEqual(pair.owner.calls[0]!.log, ['request CONNECT b:443  []']);
  stream.end(NO_FIELDS);
  assertAtRest(pair);
});
