import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ServerWorld } from './world.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n';

test('Http1ServerConnection hands a request over with its fields in order, names in lower case, Host apart', () => {
  const world = new ServerWorld();
  world.receive('GET /p?q=1 HTTP/1.1\r\nX-B: 1\r\nHost: A.b:80\r\nX-A: 2\r\nx-b: 3\r\n\r\n');
  assert.deepEqual(world.heads, [
    {
      method: 'GET',
      scheme: 'http',
      authority: 'A.b:80',
      path: '/p?q=1',
      headers: [
        ['x-b', '1'],
        ['x-a', '2'],
        ['x-b', '3'],
      ],
    },
  ]);
  assert.equal(world.connection.describe(), 'answer, answer awaited');
  assert.equal(world.connection.streamCount, 1);
});

test('Http1ServerConnection reads the same head again without making another, and one that differs anew', () => {
  const world = new ServerWorld({ answer: (stream) => stream.respond(204, [], true) });
  const head = (id: number) => `GET / HTTP/1.1\r\nHost: a\r\nX-Id: ${id}\r\n\r\n`;
  for (const id of [1, 1, 1, 2, 1, 2]) world.receive(head(id));
  assert.equal(world.heads[2], world.heads[1]);
  assert.deepEqual(
    world.heads.map(({ headers }) => headers),
    [1, 1, 1, 2, 1, 2].map((id) => [['x-id', String(id)]]),
  );
});

test('Http1ServerConnection begins so many requests a turn, and the others in their order in the next ones', () => {
  const world = new ServerWorld({
    answer: (stream) => stream.respond(204, [], true),
    limits: { maxRequestsPerTurn: 8 },
  });
  world.connection.receive(
    bytes(Array.from({ length: 20 }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')),
  );
  assert.equal(world.heads.length, 8);
  assert.equal(world.log.filter((line) => line === 'wake').length, 2, 'for output, and for input that waits');
  world.connection.turned();
  assert.equal(world.heads.length, 16);
  world.connection.turned();
  assert.deepEqual(
    world.heads.map(({ path }) => path),
    Array.from({ length: 20 }, (_, index) => `/${index}`),
  );
});

const answers: readonly {
  name: string;
  request?: string;
  status?: number;
  headers?: [string, string][];
  body?: string[];
  trailers?: [string, string][];
  want: string;
  closes?: boolean;
}[] = [
  { name: 'without a body says so', want: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n' },
  {
    name: 'of a length keeps it',
    headers: [['content-length', '2']],
    body: ['h', 'i'],
    want: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi',
  },
  {
    name: 'of no length goes in chunks',
    body: ['hello', '{{x*17}}'],
    want: `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n${'x'.repeat(17)}\r\n0\r\n\r\n`,
  },
  {
    name: 'in chunks has trailers, but none that frames',
    body: ['hi'],
    trailers: [
      ['x', 'y'],
      ['content-length', '5'],
    ],
    want: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\n',
  },
  {
    name: 'with empty pieces does not end before its end',
    body: ['', 'hi', ''],
    want: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  },
  {
    name: 'leaves fields of another connection out',
    headers: [
      ['connection', 'x'],
      ['keep-alive', '1'],
      ['transfer-encoding', 'gzip'],
      ['upgrade', 'h2c'],
      ['proxy-connection', 'x'],
      ['x', 'y'],
    ],
    want: 'HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 0\r\n\r\n',
  },
  {
    name: 'writes names in lower case, and sees what they are',
    headers: [
      ['X-Y', 'z'],
      ['Content-Length', '0'],
      ['Transfer-Encoding', 'chunked'],
    ],
    want: 'HTTP/1.1 200 OK\r\nx-y: z\r\ncontent-length: 0\r\n\r\n',
  },
  { name: 'with 204 has no body', status: 204, body: ['hi'], want: 'HTTP/1.1 204 No Content\r\n\r\n' },
  {
    name: 'with 204 has no length',
    status: 204,
    headers: [['content-length', '5']],
    want: 'HTTP/1.1 204 No Content\r\n\r\n',
  },
  {
    name: 'with 304 keeps the length of what it does not send',
    status: 304,
    headers: [['content-length', '5']],
    want: 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
  },
  {
    name: 'to HEAD keeps the length and sends no body',
    request: 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
    headers: [['content-length', '2']],
    body: ['hi'],
    want: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n',
  },
  {
    name: 'with an unknown status has a reason',
    status: 599,
    want: 'HTTP/1.1 599 Unknown\r\ncontent-length: 0\r\n\r\n',
  },
  {
    name: 'is the last when the client says close',
    request: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n',
    want: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
    closes: true,
  },
  {
    name: 'to HTTP/1.0 is the last',
    request: 'GET / HTTP/1.0\r\n\r\n',
    want: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
    closes: true,
  },
  {
    name: 'to HTTP/1.0 that says keep-alive is not',
    request: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    headers: [['content-length', '2']],
    body: ['hi'],
    want: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi',
  },
  {
    name: 'to HTTP/1.0 without a length ends with the connection',
    request: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    body: ['hi'],
    trailers: [['x', 'y']],
    want: 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi',
    closes: true,
  },
];

for (const {
  name,
  request = GET,
  status = 200,
  headers = [],
  body,
  trailers = [],
  want,
  closes,
} of answers) {
  test(`Http1ServerConnection: an answer ${name}`, () => {
    const world = new ServerWorld().receive(request);
    const { stream } = world;
    stream.respond(status, headers, body === undefined);
    for (const piece of body ?? []) stream.write(bytes(piece));
    if (body !== undefined) stream.end(trailers);
    assert.equal(world.output(), want);
    assert.equal(world.connection.describe(), closes ? 'closed' : 'idle');
    assert.equal(world.connection.streamCount, 0);
  });
}

test('Http1ServerConnection hands the next request over when the answer before is complete', () => {
  const world = new ServerWorld();
  world.receive(`${POST}hiGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.deepEqual(world.events(), ['request POST / ...', 'data hi', 'end']);
  world.stream.respond(200, [], false);
  assert.deepEqual(world.events(), []);
  world.stream.end([]);
  assert.deepEqual(world.events(), ['request GET /2']);
  world.stream.respond(204, [], true);
  assert.deepEqual(world.events(), ['request GET /3']);
});

test('Http1ServerConnection holds pipelined requests back while answers are not taken', () => {
  const world = new ServerWorld({
    limits: { maxBufferedBytes: 100 },
    answer: (stream) => stream.respond(200, [], true),
  });
  world.receive(GET.repeat(20));
  const handed = world.heads.length;
  assert.ok(handed < 5, `${handed} of 20 were handed over`);
  for (let round = 0; round < 20; round++) world.output();
  assert.equal(world.heads.length, 20);
});

test('Http1ServerConnection sends 100 once when the body is wanted', () => {
  const world = new ServerWorld().receive(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n',
  );
  assert.equal(world.output(), '', 'who reads the body says so');
  world.stream.inform(100, []);
  assert.equal(world.output(), 'HTTP/1.1 100 Continue\r\n\r\n');
  world.stream.inform(100, []);
  world.receive('hi').stream.respond(204, [], true);
  assert.equal(world.output(), 'HTTP/1.1 204 No Content\r\n\r\n');
  assert.equal(world.connection.describe(), 'idle');
});

test('Http1ServerConnection sends no 100 behind an answer, to HTTP/1.0, or where nobody waits for it', () => {
  const early = new ServerWorld({ answer: (stream) => stream.respond(413, [], true) });
  early.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  assert.equal(
    early.output(),
    'HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  assert.equal(early.connection.describe(), 'linger');
  const old = new ServerWorld().receive(
    'POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
  );
  const none = new ServerWorld().receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  old.stream.inform(100, []);
  none.stream.inform(100, []);
  early.stream.inform(100, []);
  assert.equal(early.output(), '');
  assert.equal(old.output() + none.output(), '');
});

test('Http1ServerConnection passes informational answers on, but not to HTTP/1.0 and none with a wrong field', () => {
  const world = new ServerWorld().receive(GET);
  world.stream.inform(103, [['link', '<x>']]);
  world.stream.inform(103, [['link', 'x\r\ny: z']]);
  world.stream.inform(101, []);
  assert.equal(world.output(), 'HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n');
  const old = new ServerWorld().receive('GET / HTTP/1.0\r\n\r\n');
  old.stream.inform(103, []);
  assert.equal(old.output(), '');
});

test('Http1ServerConnection ends after an answer that came before its request had ended', () => {
  const world = new ServerWorld({ limits: { lingerMs: 1000, maxLingerBytes: 10 } }).receive(POST);
  world.stream.respond(200, [['content-length', '2']], false);
  world.stream.write(bytes('no'));
  world.receive('h');
  world.stream.end([]);
  assert.equal(world.output(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
  assert.deepEqual(world.events(), ['request POST / ...', 'data h', 'sent 2']);
  world.receive(`i${GET}`.slice(0, 8));
  assert.equal(world.connection.describe(), 'linger');
  world.receive('more');
  assert.deepEqual(world.events(), ['close: Answered before the request had ended']);
});

test('Http1ServerConnection reads the body on while it is being answered', () => {
  const world = new ServerWorld().receive(POST);
  world.stream.respond(200, [], false);
  world.receive('hi');
  world.stream.end([]);
  assert.deepEqual(world.events(), ['request POST / ...', 'data hi', 'end', 'close: Last answer sent']);
});

test('Http1ServerConnection never sends a body of another length than it said', () => {
  for (const [body, detail] of [
    ['hi!', 'longer'],
    ['h', 'shorter'],
  ] as const) {
    const world = new ServerWorld().receive(GET);
    world.stream.respond(200, [['content-length', '2']], false);
    world.stream.write(bytes(body));
    world.stream.end([]);
    assert.equal(world.output(), `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${body === 'h' ? 'h' : ''}`);
    assert.match(
      world.events().join('\n'),
      new RegExp(`reset local-reset: Answer ${detail}.*\nclose: Answer ${detail}`),
    );
  }
});

const unsafe: readonly [string, number, [string, string][]][] = [
  ['a value with CRLF', 200, [['x', 'y\r\nz: 1']]],
  ['a value with LF', 200, [['x', 'y\nz']]],
  ['a value with CR', 200, [['x', 'y\rz']]],
  ['a value with NUL', 200, [['x', 'y\0']]],
  ['a value whose low byte is LF', 200, [['x', 'y\u010az']]],
  ['a name with CRLF', 200, [['x\r\ny', 'z']]],
  ['a name with a colon', 200, [['x:y', 'z']]],
  ['an empty name', 200, [['', 'z']]],
  ['a name with NUL', 200, [['x\0', 'z']]],
  ['a name beyond a byte', 200, [['x\u013a', 'z']]],
  ['a Content-Length that is none', 200, [['content-length', '1 1']]],
  [
    'two Content-Lengths',
    200,
    [
      ['content-length', '1'],
      ['content-length', '2'],
    ],
  ],
  ['a length and no body', 200, [['content-length', '1']]],
  ['status 0', 0, []],
  ['status 1000', 1000, []],
  ['status 100', 100, []],
  ['status 101 unasked', 101, []],
  ['status 200.5', 200.5, []],
];

for (const [name, status, headers] of unsafe) {
  test(`Http1ServerConnection answers 502 in the place of an answer with ${name}`, () => {
    const world = new ServerWorld().receive(GET);
    world.stream.respond(status, headers, true);
    assert.equal(
      world.output(),
      'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
    );
    assert.match(world.events().join('\n'), /^request GET \/\nclose: Last answer sent\nreset local-reset: /);
  });
}

test('Http1ServerConnection ends a chunked answer without its end when a trailer cannot be sent', () => {
  const world = new ServerWorld().receive(GET);
  world.stream.respond(200, [], false);
  world.stream.end([['x', 'y\r\nz']]);
  assert.equal(world.output(), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  assert.match(world.events().join('\n'), /reset local-reset: .*trailer that cannot be sent\nclose: /);
});

test('Http1ServerConnection is closed by a reset of its stream, and says nothing more', () => {
  const world = new ServerWorld().receive(POST);
  world.stream.respond(200, [], false);
  world.stream.reset(8);
  world.receive('hi');
  world.stream.write(bytes('x'));
  assert.deepEqual(world.events(), ['request POST / ...', 'close: Reset by this side']);
  assert.equal(world.output(), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n');
});

test('Http1ServerConnection tells a stream that is not over when the client is gone', () => {
  for (const [input, state] of [
    ['', 'idle'],
    ['GET', 'head'],
    [POST, 'body, answer awaited'],
    [GET, 'answer, answer awaited'],
  ] as const) {
    const world = new ServerWorld().receive(input);
    assert.equal(world.connection.describe(), state);
    world.connection.inputEnded();
    const events = world.events().slice(-2);
    assert.match(events.at(-1)!, /^close: Closed by the client/);
    if (input.includes('Host')) assert.match(events[0]!, /^reset connection-termination/);
    assert.equal(world.connection.describe(), 'closed');
  }
});

test('Http1ServerConnection answers a wrong body with 400 if there is no answer, else ends the answer', () => {
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const awaited = new ServerWorld().receive(`${chunked}x`);
  assert.match(
    awaited.output(),
    /^HTTP\/1.1 400 Bad Request\r\ncontent-type: text\/plain\r\ncontent-length: 11\r\nconnection: close\r\n\r\nBad Request$/,
  );
  assert.deepEqual(awaited.events().slice(1), ['reset protocol-error: Chunk without a size']);
  awaited.stream.respond(200, [], true);
  assert.equal(awaited.output(), '', 'an answer that comes too late is not sent');
  const sending = new ServerWorld().receive(chunked);
  sending.stream.respond(200, [], false);
  sending.output();
  sending.receive('x');
  assert.equal(sending.output(), '');
  assert.deepEqual(sending.events().slice(1), [
    'reset protocol-error: Chunk without a size',
    'close: Chunk without a size',
  ]);
});

test('Http1ServerConnection says what is wrong where it is to explain', () => {
  const world = new ServerWorld({ explains: true }).receive('GET / HTTP/1.1\r\n\r\n');
  assert.match(world.output(), /content-length: 21\r\nconnection: close\r\n\r\nBad Request: No Host\n$/);
});

const joined: readonly {
  readonly name: string;
  readonly chunks: readonly number[];
  readonly want: number[];
}[] = [
  { name: 'tiny ones', chunks: [1, 2, 3, 1], want: [7] },
  { name: 'not one that is alone', chunks: [5], want: [5] },
  { name: 'no large ones', chunks: [1024, 1024], want: [1024, 1024] },
  { name: 'nothing to a large one', chunks: [1, 1, 2000, 1, 1], want: [2, 2000, 2] },
  { name: 'up to 16 KiB', chunks: Array(20).fill(1000), want: [16_000, 4000] },
];

for (const { name, chunks, want } of joined) {
  test(`Http1ServerConnection joins chunks that have come together: ${name}`, () => {
    const pieces: Uint8Array[] = [];
    const world = new ServerWorld();
    world.onData = (chunk) => void pieces.push(chunk);
    const body = chunks.map((length, index) => String.fromCharCode(65 + index).repeat(length));
    const text = body.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    world.receive(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${text}0\r\n\r\n`);
    assert.deepEqual(
      pieces.map(({ length }) => length),
      want,
    );
    assert.equal(pieces.map((piece) => new TextDecoder().decode(piece)).join(''), body.join(''));
    assert.equal(world.events().at(-1), 'end');
  });
}

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n';

test('Http1ServerConnection opens a tunnel with 101 and keeps bytes until then', () => {
  const world = new ServerWorld().receive(`${UPGRADE}early`);
  assert.equal(world.heads[0]?.upgrade, 'websocket');
  assert.equal(world.connection.describe(), 'upgrade, answer awaited');
  assert.deepEqual(world.events(), ['request GET /chat ...']);
  world.stream.respond(101, [['x', 'y']], false);
  assert.equal(
    world.output(),
    'HTTP/1.1 101 Switching Protocols\r\nx: y\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  );
  world.receive(GET);
  assert.deepEqual(world.events(), ['data early', `data ${GET}`]);
  assert.equal(world.connection.describe(), 'tunnel, answer sending');
  world.stream.write(bytes('raw'));
  assert.equal(world.output(), 'raw');
  world.connection.inputEnded();
  world.stream.write(bytes('last'));
  world.stream.end([]);
  assert.equal(world.output(), 'last');
  assert.deepEqual(world.events(), ['sent 3', 'end', 'close: Tunnel ended', 'sent 4']);
});

test('Http1ServerConnection takes what follows a declined upgrade for the next request', () => {
  const world = new ServerWorld().receive(UPGRADE + GET);
  world.stream.respond(403, [], true);
  assert.deepEqual(world.events(), ['request GET /chat ...', 'end', 'request GET /']);
});

test('Http1ServerConnection passes CONNECT on without opening a tunnel', () => {
  for (const status of [200, 405]) {
    const world = new ServerWorld().receive('CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\n');
    assert.deepEqual([world.heads[0]?.authority, world.heads[0]?.path], ['a:443', '']);
    world.stream.respond(status, [], true);
    assert.match(
      world.output(),
      status === 405 ? /^HTTP\/1.1 405 .*\r\nconnection: close\r\n/s : /^HTTP\/1.1 502 /,
    );
    assert.equal(world.connection.describe(), 'closed');
    assert.equal(world.heads.length, 1);
  }
});

test('Http1ServerConnection wakes its owner once for output that waits', () => {
  const world = new ServerWorld({ answer: (stream) => stream.respond(200, [], true) });
  world.receive(GET + GET);
  assert.equal(world.log.filter((line) => line === 'wake').length, 1);
});
