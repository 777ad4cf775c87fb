import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FieldList, NO_FIELDS } from '../../../wire/stream.ts';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  hello,
  PADDED,
  PRIORITY,
  request,
  requestFrame,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from './frame.ts';
import { RawClient, RawServer } from './pair.ts';

const post = (id: number, more: FieldList = []): Uint8Array =>
  requestFrame(id, END_HEADERS, request('POST', '/', more));
const closed = [requestFrame(1), resetFrame(1, 8)];

/** Frames after the preface and SETTINGS of a client, and what the server answers. Source: RFC 9113, the sections in the names. */
const breaches: readonly {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
  readonly want: readonly string[];
}[] = [
  {
    name: '4.2: a frame larger than SETTINGS_MAX_FRAME_SIZE',
    frames: [frame('DATA', 0, 1, new Uint8Array(16_385))],
    want: ['GOAWAY last 0 code 6'],
  },
  {
    name: '4.3: a block that cannot be decoded',
    frames: [frame('HEADERS', 5, 1, [0xff, 0xff])],
    want: ['GOAWAY last 1 code 9'],
  },
  { name: '5.1: DATA on an idle stream', frames: [frame('DATA', 0, 1, [1])], want: ['GOAWAY last 0 code 1'] },
  { name: '5.1: RST_STREAM on an idle stream', frames: [resetFrame(1, 8)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '5.1: WINDOW_UPDATE on an idle stream',
    frames: [windowUpdate(1, 1)],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '5.1: DATA after the end',
    frames: [requestFrame(1), frame('DATA', 0, 1, [1])],
    want: ['RST_STREAM 1 code 5'],
  },
  {
    name: '5.1: HEADERS after the end',
    frames: [requestFrame(1), requestFrame(1)],
    want: ['RST_STREAM 1 code 5'],
  },
  {
    name: '5.1: DATA on a closed stream',
    frames: [...closed, frame('DATA', 0, 1, [1])],
    want: ['RST_STREAM 1 code 5'],
  },
  {
    name: '5.1: HEADERS on a closed stream',
    frames: [...closed, requestFrame(1)],
    want: ['GOAWAY last 1 code 5'],
  },
  {
    name: '5.1: WINDOW_UPDATE and RST_STREAM on a closed stream',
    frames: [...closed, windowUpdate(1, 1), resetFrame(1, 8)],
    want: [],
  },
  {
    name: '5.1: what was on its way to a stream that we reset',
    frames: [post(1, [['content-length', '1']]), frame('DATA', 0, 1, [1, 2]), frame('DATA', 1, 1, [1])],
    want: ['RST_STREAM 1 code 1'],
  },
  { name: '5.1.1: an even stream', frames: [requestFrame(2)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '5.1.1: a lower stream than before',
    frames: [requestFrame(3), requestFrame(1)],
    want: ['GOAWAY last 3 code 1'],
  },
  { name: '6.1: DATA on the connection', frames: [frame('DATA', 0, 0, [1])], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.1: more padding than payload',
    frames: [post(1), frame('DATA', PADDED, 1, [2, 0])],
    want: ['GOAWAY last 1 code 1'],
  },
  {
    name: '6.1: padding without a length',
    frames: [post(1), frame('DATA', PADDED, 1)],
    want: ['GOAWAY last 1 code 1'],
  },
  { name: '6.2: HEADERS on the connection', frames: [requestFrame(0)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.2: HEADERS with more padding than payload',
    frames: [frame('HEADERS', 5 | PADDED, 1, [9, 0])],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.2: HEADERS too short for their priority',
    frames: [frame('HEADERS', 5 | PRIORITY, 1, [9, 0])],
    want: ['GOAWAY last 0 code 6'],
  },
  {
    name: '6.2: a block interrupted',
    frames: [requestFrame(1, 0), frame('PING', 0, 0, new Uint8Array(8))],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.2: a block interrupted by another stream',
    frames: [requestFrame(1, 0), frame('CONTINUATION', END_HEADERS, 3)],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.3: PRIORITY of another length',
    frames: [requestFrame(1), frame('PRIORITY', 0, 1, [0, 0, 0, 0])],
    want: ['RST_STREAM 1 code 6'],
  },
  {
    name: '6.3: PRIORITY on the connection',
    frames: [frame('PRIORITY', 0, 0, [0, 0, 0, 0, 0])],
    want: ['GOAWAY last 0 code 1'],
  },
  { name: '6.3: PRIORITY', frames: [frame('PRIORITY', 0, 3, [0, 0, 0, 1, 0]), requestFrame(3)], want: [] },
  {
    name: '5.3.1 of RFC 7540: a stream that depends on itself',
    frames: [requestFrame(1), frame('PRIORITY', 0, 1, [...uint32(1), 0])],
    want: ['RST_STREAM 1 code 1'],
  },
  { name: '6.4: RST_STREAM on the connection', frames: [resetFrame(0, 8)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.4: RST_STREAM of another length',
    frames: [requestFrame(1), frame('RST_STREAM', 0, 1, [0])],
    want: ['GOAWAY last 1 code 6'],
  },
  { name: '6.5: SETTINGS on a stream', frames: [frame('SETTINGS', 0, 1)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.5: SETTINGS with ACK and a payload',
    frames: [frame('SETTINGS', ACK, 0, new Uint8Array(6))],
    want: ['GOAWAY last 0 code 6'],
  },
  {
    name: '6.5: SETTINGS of another length',
    frames: [frame('SETTINGS', 0, 0, new Uint8Array(5))],
    want: ['GOAWAY last 0 code 6'],
  },
  { name: '6.5.2: ENABLE_PUSH of 2', frames: [settings([2, 2])], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.5.2: INITIAL_WINDOW_SIZE of 2^31',
    frames: [settings([4, 0x8000_0000])],
    want: ['GOAWAY last 0 code 3'],
  },
  {
    name: '6.5.2: MAX_FRAME_SIZE of 16,383',
    frames: [settings([5, 16_383])],
    want: ['GOAWAY last 0 code 1'],
  },
  { name: '6.5.2: MAX_FRAME_SIZE of 2^24', frames: [settings([5, 1 << 24])], want: ['GOAWAY last 0 code 1'] },
  { name: '6.5.2: a setting that nobody knows', frames: [settings([0xfafa, 7])], want: ['SETTINGS ACK'] },
  {
    name: '3 of RFC 8441: ENABLE_CONNECT_PROTOCOL of 2',
    frames: [settings([8, 2])],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.6: PUSH_PROMISE of a client',
    frames: [frame('PUSH_PROMISE', END_HEADERS, 1, uint32(2))],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.7: PING on a stream',
    frames: [frame('PING', 0, 1, new Uint8Array(8))],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.7: PING of another length',
    frames: [frame('PING', 0, 0, new Uint8Array(7))],
    want: ['GOAWAY last 0 code 6'],
  },
  {
    name: '6.8: GOAWAY on a stream',
    frames: [frame('GOAWAY', 0, 1, new Uint8Array(8))],
    want: ['GOAWAY last 0 code 1'],
  },
  {
    name: '6.8: GOAWAY that is too short',
    frames: [frame('GOAWAY', 0, 0, new Uint8Array(7))],
    want: ['GOAWAY last 0 code 6'],
  },
  {
    name: '6.9: WINDOW_UPDATE of another length',
    frames: [frame('WINDOW_UPDATE', 0, 0, [1])],
    want: ['GOAWAY last 0 code 6'],
  },
  { name: '6.9: WINDOW_UPDATE of nothing', frames: [windowUpdate(0, 0)], want: ['GOAWAY last 0 code 1'] },
  {
    name: '6.9: WINDOW_UPDATE of nothing on a stream',
    frames: [requestFrame(1), windowUpdate(1, 0)],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '6.9.1: a window beyond 2^31 - 1',
    frames: [windowUpdate(0, 0x7fff_ffff)],
    want: ['GOAWAY last 0 code 3'],
  },
  {
    name: "6.9.1: a stream's window beyond 2^31 - 1",
    frames: [requestFrame(1), windowUpdate(1, 0x7fff_ffff)],
    want: ['RST_STREAM 1 code 3'],
  },
  {
    name: '6.9.2: SETTINGS that open a window beyond 2^31 - 1',
    frames: [requestFrame(1), windowUpdate(1, 1), settings([4, 0x7fff_ffff])],
    want: ['GOAWAY last 1 code 3'],
  },
  {
    name: '6.10: CONTINUATION without HEADERS',
    frames: [frame('CONTINUATION', END_HEADERS, 1)],
    want: ['GOAWAY last 0 code 1'],
  },
  { name: '4.1: a frame of an unknown type', frames: [frame(0xfa, 0xff, 77, [1, 2, 3])], want: [] },
  {
    name: '5.1.2: more streams than were announced',
    frames: Array.from({ length: 101 }, (_, index) => requestFrame(2 * index + 1)),
    want: ['RST_STREAM 201 code 7'],
  },
  {
    name: '8.1: trailers that do not end',
    frames: [post(1), frame('HEADERS', END_HEADERS, 1, block([['x', 'y']]))],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '8.1: trailers with a pseudo header',
    frames: [post(1), frame('HEADERS', 5, 1, block([[':path', '/']]))],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '8.1.1: less than content-length, at once',
    frames: [requestFrame(1, 5, request('POST', '/', [['content-length', '1']]))],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '8.1.1: less than content-length',
    frames: [post(1, [['content-length', '2']]), frame('DATA', END_STREAM, 1, [1])],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '8.1.1: less than content-length, before trailers',
    frames: [
      post(1, [['content-length', '2']]),
      frame('DATA', 0, 1, [1]),
      frame('HEADERS', 5, 1, block([['x', 'y']])),
    ],
    want: ['RST_STREAM 1 code 1'],
  },
  {
    name: '8.1.1: more than content-length',
    frames: [post(1, [['content-length', '2']]), frame('DATA', 0, 1, [1, 2, 3])],
    want: ['RST_STREAM 1 code 1'],
  },
];

for (const { name, frames, want } of breaches) {
  test(`Http2ServerConnection answers ${name}`, () => {
    const server = new RawServer();
    server.send(hello());
    assert.deepEqual(server.send(...frames), want);
    const told = want[0]?.startsWith('GOAWAY') ? /string|object/ : /undefined/;
    assert.match(typeof server.owner.closed, told);
    // Whatever happened, the receivers of streams that are over were told, and what they held was given back.
    if (server.owner.closed === undefined) assert.match(server.connection.describe(), /receives 1048576/);
    for (const call of server.owner.calls) {
      const isOver = !server.connection.describe().includes(`${(call.server as { id?: number }).id} `);
      if (isOver) assert.match(call.log.at(-1)!, /^reset/);
    }
  });
}

const field = (name: string, value: string): FieldList => [[name, value]];

/** Heads that are malformed (RFC 9113, 8.2 and 8.3): nobody sees them. */
const heads: Readonly<Record<string, FieldList>> = {
  'an upper case name': request('GET', '/', field('X', 'y')),
  'an empty name': request('GET', '/', field('', 'y')),
  'a space in a name': request('GET', '/', field('x y', 'y')),
  'a colon in a name': request('GET', '/', field('x:', 'y')),
  'CR and LF in a value': request('GET', '/', field('x', 'y\r\nz: a')),
  'NUL in a value': request('GET', '/', field('x', 'y\0')),
  'a control byte in a value': request('GET', '/', field('x', 'y\x01z')),
  'white space before a value': request('GET', '/', field('x', ' y')),
  'white space after a value': request('GET', '/', field('x', 'y\t')),
  connection: request('GET', '/', field('connection', 'x')),
  'transfer-encoding': request('GET', '/', field('transfer-encoding', 'chunked')),
  'keep-alive': request('GET', '/', field('keep-alive', '1')),
  upgrade: request('GET', '/', field('upgrade', 'websocket')),
  'proxy-connection': request('GET', '/', field('proxy-connection', 'x')),
  'te of other than trailers': request('GET', '/', field('te', 'gzip')),
  'two content-lengths': request('POST', '/', [
    ['content-length', '0'],
    ['content-length', '0'],
  ]),
  'a content-length that is no number': request('POST', '/', field('content-length', '+1')),
  'two hosts': request('GET', '/', [
    ['host', 'a'],
    ['host', 'b'],
  ]),
  'no :method': request().slice(1),
  'no :scheme': [
    [':method', 'GET'],
    [':authority', 'a'],
    [':path', '/'],
  ],
  'no :path': [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'a'],
  ],
  'an empty :path': request('GET', ''),
  'a :path that begins with no slash': request('GET', 'b/'),
  'a :path with a space': request('GET', '/ HTTP/1.1'),
  'an asterisk for a path of GET': request('GET', '*'),
  'a :method with a space': request('GET /secret HTTP/1.1'),
  'an empty :method': request(''),
  'an :authority with a space': [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'a b'],
    [':path', '/'],
  ],
  'an :authority with user information': [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'b@a'],
    [':path', '/'],
  ],
  'an :authority with a path': [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'a/b'],
    [':path', '/'],
  ],
  'a :scheme with a slash': [
    [':method', 'GET'],
    [':scheme', 'http://b/'],
    [':authority', 'a'],
    [':path', '/'],
  ],
  'a pseudo header twice': [...request(), [':path', '/']],
  'a pseudo header after a field': [...request('GET', '/', field('x', 'y')), [':authority', 'a']],
  'an unknown pseudo header': request('GET', '/', field(':x', 'y')),
  'the pseudo header of an answer': request('GET', '/', field(':status', '200')),
  ':protocol of a method that is not CONNECT': request('GET', '/', field(':protocol', 'websocket')),
  'CONNECT with a path': request('CONNECT'),
  'CONNECT without authority': [[':method', 'CONNECT']],
};

for (const [name, fields] of Object.entries(heads)) {
  test(`Http2ServerConnection refuses a request with ${name}`, () => {
    const server = new RawServer();
    server.send(hello());
    assert.deepEqual(server.send(requestFrame(1, 5, fields)), ['RST_STREAM 1 code 1']);
    assert.equal(server.owner.calls.length, 0);
    server.send(requestFrame(3));
    assert.equal(server.owner.calls.length, 1);
  });
}

test('Http2ServerConnection reads heads that are less usual', () => {
  const cases: readonly (readonly [FieldList, string])[] = [
    [request('OPTIONS', '*'), 'request OPTIONS a * [] ended'],
    [
      [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/'],
        ['host', 'b'],
      ],
      'request GET b / [] ended',
    ],
    [request('GET', '/', field('host', 'b')), 'request GET a / [] ended'],
    [request('PROPFIND', '/ü?q=%20'), 'request PROPFIND a /ü?q=%20 [] ended'],
    [request('GET', '/', field('te', 'trailers')), 'request GET a / [te: trailers] ended'],
    [request('GET', '/', field('x', '')), 'request GET a / [x: ] ended'],
    [request('GET', '/', field('x', 'y\tz')), 'request GET a / [x: y\tz] ended'],
    [
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', '[::1]:80'],
        [':path', '/'],
      ],
      'request GET [::1]:80 / [] ended',
    ],
    [
      [
        [':method', 'CONNECT'],
        [':authority', 'b:443'],
      ],
      'request CONNECT b:443  [] ended',
    ],
  ];
  const server = new RawServer();
  server.send(hello());
  cases.forEach(([fields, want], index) => {
    assert.deepEqual(server.send(requestFrame(2 * index + 1, 5, fields)), []);
    assert.deepEqual(server.owner.calls[index]!.log, [want]);
  });
});

test('Http2ServerConnection answers 431 to a header list that is too large', () => {
  const server = new RawServer();
  server.send(hello());
  const large = request(
    'GET',
    '/',
    Array.from({ length: 4 }, (_, index) => [`x${index}`, 'y'.repeat(16_000)]),
  );
  const bytes = block(large);
  const frames = [frame('HEADERS', END_STREAM, 1, bytes.subarray(0, 16_384))];
  for (let at = 16_384; at < bytes.length; at += 16_384)
    frames.push(
      frame(
        'CONTINUATION',
        at + 16_384 >= bytes.length ? END_HEADERS : 0,
        1,
        bytes.subarray(at, at + 16_384),
      ),
    );
  assert.deepEqual(server.send(...frames), ['HEADERS 1 END_STREAM :status=431']);
  assert.equal(server.owner.calls.length, 0);
});

const answer = (fields: FieldList, flags = END_HEADERS): Uint8Array =>
  frame('HEADERS', flags, 1, block(fields));
const ok = field(':status', '200');

/** Answers that break the rules, and what the client sends back. */
const answers: Readonly<
  Record<string, { readonly frames: readonly Uint8Array[]; readonly want: readonly string[] }>
> = {
  'no status': { frames: [answer(field('x', 'y'))], want: ['RST_STREAM 1 code 1'] },
  'status 101': { frames: [answer(field(':status', '101'))], want: ['RST_STREAM 1 code 1'] },
  'a status that is none': { frames: [answer(field(':status', '2000'))], want: ['RST_STREAM 1 code 1'] },
  'two statuses': { frames: [answer([...ok, ...ok])], want: ['RST_STREAM 1 code 1'] },
  connection: { frames: [answer([...ok, ['connection', 'x']])], want: ['RST_STREAM 1 code 1'] },
  'two content-lengths': {
    frames: [answer([...ok, ['content-length', '1'], ['content-length', '2']])],
    want: ['RST_STREAM 1 code 1'],
  },
  'an informational answer that ends': {
    frames: [answer(field(':status', '103'), 5)],
    want: ['RST_STREAM 1 code 1'],
  },
  'DATA before the head': { frames: [frame('DATA', 0, 1, [1])], want: ['RST_STREAM 1 code 1'] },
  'trailers that do not end': {
    frames: [answer(ok), answer(field('x', 'y'))],
    want: ['RST_STREAM 1 code 1'],
  },
  'less than content-length': {
    frames: [answer([...ok, ['content-length', '2']]), frame('DATA', 1, 1, [1])],
    want: ['RST_STREAM 1 code 1'],
  },
  'no body where there must be one': {
    frames: [answer([...ok, ['content-length', '2']], 5)],
    want: ['RST_STREAM 1 code 1'],
  },
  'a head that is too large': {
    frames: [answer([...ok, ['a', 'x'.repeat(5000)], ['b', 'x'.repeat(5000)]])],
    want: ['RST_STREAM 1 code 8'],
  },
  PUSH_PROMISE: { frames: [frame('PUSH_PROMISE', 4, 1, uint32(2))], want: ['GOAWAY last 0 code 1'] },
  'HEADERS on a stream never opened': {
    frames: [frame('HEADERS', 4, 3, block(ok))],
    want: ['GOAWAY last 0 code 1'],
  },
};

for (const [name, { frames, want }] of Object.entries(answers)) {
  test(`Http2ClientConnection refuses an answer with ${name}`, () => {
    const client = new RawClient({ maxHeaderListBytes: 9000 });
    client.send(settings());
    const { told } = client.open();
    client.read();
    assert.deepEqual(client.send(...frames), want);
    assert.match(told.log.at(-1)!, /^reset protocol-error/);
    assert.equal(client.connection.streamCount, 0);
    assert.match(client.connection.describe(), /receives 1048576/);
  });
}

test('Http2ClientConnection passes over answers to streams that it has reset', () => {
  const client = new RawClient();
  client.send(settings());
  const { stream } = client.open();
  stream.reset(8);
  client.read();
  assert.deepEqual(client.send(answer(ok), frame('DATA', 1, 1, [1])), []);
  // Also when that is so long ago that nothing is known of it.
  for (let index = 0; index < 1000; index++) client.open().stream.reset(8);
  client.read();
  assert.deepEqual(client.send(answer(ok, 5)), []);
  assert.equal(client.owner.closed, undefined);
});

test('Http2ServerConnection wants SETTINGS first', () => {
  const server = new RawServer();
  server.read();
  assert.deepEqual(server.send(hello().subarray(0, 24), frame('PING', 0, 0, new Uint8Array(8))), [
    'GOAWAY last 0 code 1',
  ]);
  const acknowledged = new RawServer();
  acknowledged.read();
  assert.deepEqual(acknowledged.send(hello().subarray(0, 24), frame('SETTINGS', ACK)), [
    'GOAWAY last 0 code 1',
  ]);
  const other = new RawServer(({ server: stream }) => stream.respond(200, NO_FIELDS, true));
  other.read();
  assert.deepEqual(other.send(new TextEncoder().encode('PRI * HTTP/1.1\r\n\r\n')), ['GOAWAY last 0 code 1']);
});
