import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RequestHead } from '../../../wire/stream.ts';
import { bytes, ClientWorld } from './world.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

const requests: readonly {
  name: string;
  head: Partial<RequestHead>;
  body?: string[];
  trailers?: [string, string][];
  want: string;
}[] = [
  { name: 'GET', head: { headers: [['x', 'y']] }, want: 'GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n' },
  {
    name: 'OPTIONS *',
    head: { method: 'OPTIONS', path: '*' },
    want: 'OPTIONS * HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n',
  },
  { name: 'no authority', head: { authority: '' }, want: 'GET / HTTP/1.1\r\nhost: \r\n\r\n' },
  {
    name: 'POST without a body',
    head: { method: 'POST' },
    want: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n',
  },
  {
    name: 'POST in chunks with trailers',
    head: { method: 'POST' },
    body: ['hello', '!'],
    trailers: [['x', 'y']],
    want: 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nx: y\r\n\r\n',
  },
  {
    name: 'POST of a length',
    head: { method: 'POST', headers: [['content-length', '2']] },
    body: ['hi'],
    want: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi',
  },
  {
    name: 'fields of another connection',
    head: {
      headers: [
        ['host', 'evil'],
        ['connection', 'x'],
        ['transfer-encoding', 'chunked'],
        ['upgrade', 'h2c'],
        ['te', 'trailers'],
      ],
    },
    want: 'GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n',
  },
];

for (const { name, head, body, trailers = [], want } of requests) {
  test(`Http1ClientConnection writes a request: ${name}`, () => {
    const world = new ClientWorld();
    const stream = world.open(head, body === undefined);
    for (const piece of body ?? []) stream.write(bytes(piece));
    if (body !== undefined) stream.end(trailers);
    assert.equal(world.output(), want);
    assert.equal(world.connection.describe(), 'wait, request sent');
    assert.equal(world.connection.room, 0);
  });
}

const unsafe: readonly [string, Partial<RequestHead>, boolean?][] = [
  ['a value with CRLF', { headers: [['x', 'y\r\nz: 1']] }],
  ['a value with NUL', { headers: [['x', 'y\0']] }],
  ['a value whose low byte is LF', { headers: [['x', 'y\u010az']] }],
  ['a name with CRLF', { headers: [['x\r\ny', 'z']] }],
  ['a name with NUL', { headers: [['x\0', 'z']] }],
  ['a path with CRLF', { path: '/ HTTP/1.1\r\nx: y' }],
  ['a path with a space', { path: '/a b' }],
  ['a path without a slash', { path: 'a' }],
  ['no path', { path: '' }],
  ['a path beyond a byte', { path: '/\u0120' }],
  ['a method with a space', { method: 'GET /evil' }],
  ['no method', { method: '' }],
  ['CONNECT', { method: 'CONNECT' }],
  ['an authority with CRLF', { authority: 'a\r\nx: y' }],
  ['an authority with a path', { authority: 'a/b' }],
  ['an upgrade with CRLF', { upgrade: 'websocket\r\nx: y' }],
  ['a length and no body', { headers: [['content-length', '5']] }],
  ['a length that is none', { headers: [['content-length', '+5']] }, false],
];

for (const [name, head, hasEnded = true] of unsafe) {
  test(`Http1ClientConnection does not send a request with ${name}`, () => {
    const world = new ClientWorld();
    const stream = world.open(head, hasEnded);
    stream.write(bytes('x'));
    assert.equal(world.output(), '');
    assert.match(world.events().join('\n'), /^reset local-reset: Request with /);
    assert.equal(world.connection.canReuse, true);
  });
}

test('Http1ClientConnection is idle again, with room, when the answer ends', () => {
  const world = new ClientWorld();
  const seen: boolean[] = [];
  for (let round = 0; round < 3; round++) {
    world.open({}, true, { end: () => seen.push(world.connection.canReuse) });
    world.receive(OK);
  }
  world.open({}, true, { response: () => seen.push(world.connection.canReuse) });
  world.receive('HTTP/1.1 204 No Content\r\n\r\n');
  assert.deepEqual(seen, [true, true, true, true]);
  assert.equal(world.connection.describe(), 'idle');
});

for (const [name, answer] of [
  ['the server says close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
  ['the answer is of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['more comes than the answer', `${OK}HTTP/1.1 200 OK\r\n`],
] as const) {
  test(`Http1ClientConnection is not used again when ${name}`, () => {
    const world = new ClientWorld();
    world.open();
    world.receive(answer);
    assert.deepEqual([world.connection.canReuse, world.connection.room], [false, 0]);
    assert.equal(world.events().at(-1), 'close: Last answer read');
  });
}

test('Http1ClientConnection keeps the connection of HTTP/1.0 that says keep-alive', () => {
  const world = new ClientWorld();
  world.open();
  world.receive('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n');
  assert.equal(world.connection.canReuse, true);
});

test('Http1ClientConnection ends after an answer that came before the request was sent', () => {
  const world = new ClientWorld();
  const stream = world.open({ method: 'POST' }, false);
  stream.write(bytes('x'));
  world.receive('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno');
  stream.write(bytes('y'));
  stream.end([]);
  assert.deepEqual(world.events(), [
    'response 413 content-length=2 ...',
    'data no',
    'end',
    'close: Last answer read',
  ]);
  assert.match(world.output(), /\r\n1\r\nx\r\n$/);
});

test('Http1ClientConnection reads an answer while the request is being sent, and goes on when both end', () => {
  const world = new ClientWorld();
  const stream = world.open({ method: 'POST' }, false);
  world.receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
  stream.write(bytes('x'));
  stream.end([]);
  world.receive('0\r\n\r\n');
  assert.equal(world.connection.canReuse, true);
});

test('Http1ClientConnection resets a request whose connection ends before the answer', () => {
  const world = new ClientWorld();
  world.open();
  world.connection.inputEnded();
  assert.deepEqual(world.events(), [
    'reset connection-termination: Closed by the server',
    'close: Closed by the server',
  ]);
});

test('Http1ClientConnection tells an answer that ended too early from none, and from one cut off', () => {
  const none = 'reset connection-termination: Closed by the server';
  const amid = 'reset protocol-error: Closed by the server amid its answer';
  for (const [received, isBroken, want] of [
    ['', false, none],
    ['', true, none],
    ['HTTP/1.1 2', false, amid],
    ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal', false, amid],
    ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal', true, amid],
    ['HTTP/1.1 200 OK\r\n\r\nhalf', false, 'end'],
    ['HTTP/1.1 200 OK\r\n\r\nhalf', true, none],
  ] as const) {
    const world = new ClientWorld();
    world.open();
    if (received !== '') world.receive(received);
    world.connection.inputEnded(isBroken);
    assert.equal(
      world.events().find((event) => /^(reset|end)/.test(event)),
      want,
      received,
    );
  }
});

test('Http1ClientConnection closes when bytes come that answer nothing', () => {
  const world = new ClientWorld();
  world.receive('HTTP/1.1 408 Request Timeout\r\n\r\n');
  assert.deepEqual(world.events(), ['close: Bytes that answer no request']);
  world.open();
  assert.deepEqual(world.events(), ['reset connection-termination: No room for a request']);
});

test('Http1ClientConnection never sends a body of another length than it said', () => {
  for (const [body, detail] of [
    ['hi!', 'longer'],
    ['h', 'shorter'],
  ] as const) {
    const world = new ClientWorld();
    const stream = world.open({ method: 'POST', headers: [['content-length', '2']] }, false);
    stream.write(bytes(body));
    stream.end([]);
    const sent = body === 'h' ? 'h' : '';
    assert.equal(world.output(), `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n${sent}`);
    assert.match(world.events().join('\n'), new RegExp(`^reset local-reset: Request ${detail}.*\nclose: `));
  }
});

test('Http1ClientConnection keeps what is written until a tunnel opens', () => {
  const world = new ClientWorld();
  const stream = world.open({ upgrade: 'websocket' }, false);
  stream.write(bytes('early'));
  assert.equal(
    world.output(),
    'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  );
  world.receive('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nraw');
  assert.deepEqual(world.events(), ['response 101 upgrade=websocket ...', 'data raw']);
  assert.equal(world.output(), 'early');
  world.connection.inputEnded();
  stream.write(bytes('last'));
  stream.end([]);
  assert.equal(world.output(), 'last');
  assert.deepEqual(world.events(), ['sent 5', 'end', 'close: Tunnel ended']);
});

test('Http1ClientConnection drops what was written for a tunnel that is declined', () => {
  const world = new ClientWorld();
  const stream = world.open({ upgrade: 'websocket' }, false);
  stream.write(bytes('GET /evil HTTP/1.1\r\n\r\n'));
  world.receive(OK);
  stream.write(bytes('more'));
  assert.doesNotMatch(world.output(), /evil|more/);
  assert.equal(world.connection.canReuse, true);
});

test('Http1ClientConnection is closed by a reset of its stream, and says nothing more', () => {
  const world = new ClientWorld();
  const stream = world.open();
  stream.reset(8);
  world.receive(OK);
  assert.deepEqual(world.events(), ['close: Reset by this side']);
});

test('Http1ClientConnection may be used from within the end of an answer', () => {
  const world = new ClientWorld();
  world.open({}, true, { end: () => world.open({ path: '/2' }) });
  world.output();
  world.receive(OK);
  assert.equal(world.output(), 'GET /2 HTTP/1.1\r\nhost: a\r\n\r\n');
  world.receive(OK);
  assert.equal(world.connection.canReuse, true);
});

test('Http1ClientConnection drained closes at once when idle, else after the answer', () => {
  const idle = new ClientWorld();
  idle.connection.drain();
  assert.deepEqual(idle.events(), ['close: Drained']);
  const busy = new ClientWorld();
  busy.open();
  busy.connection.drain();
  assert.equal(busy.connection.describe(), 'wait, request sent, draining');
  busy.receive(OK);
  assert.equal(busy.events().at(-1), 'close: Last answer read');
});

for (const text of [
  'N',
  'HTTQ',
  'HTTP/2',
  'HTTP/1.7',
  'HTTP/1.1-',
  'HTTP/1.1 0',
  'HTTP/1.1 2x',
  'HTTP/1.1 200x',
  '\x15',
])
  test(`Http1ClientConnection refuses an answer that begins with ${JSON.stringify(text)} at once`, () => {
    const world = new ClientWorld();
    world.open();
    world.output();
    for (const byte of text.slice(0, -1)) world.receive(byte);
    assert.deepEqual(world.events(), []);
    world.receive(text.at(-1)!);
    assert.match(world.events()[0]!, /^reset protocol-error: Answer that is not HTTP/);
  });

/** By method, of requests without a body: what Envoy said of their length to its upstream. */
function recordedLengths(): Map<string, Set<string | undefined>> {
  const lengths = new Map<string, Set<string | undefined>>();
  const cases = join(import.meta.dirname, '../../conformance/corpus/cases');
  for (const folder of readdirSync(cases)) {
    const read = (name: string) => JSON.parse(readFileSync(join(cases, folder, name), 'utf8'));
    const { requests } = read('case.json');
    for (const [index, { upstream }] of read('expected.json').results.entries()) {
      const { method, body } = requests[index];
      if (upstream?.proto !== 'h1' || body !== undefined || method === 'POST') continue;
      lengths.set(method, (lengths.get(method) ?? new Set()).add(upstream.headers['content-length']?.[0]));
    }
  }
  return lengths;
}

test('Http1ClientConnection says a length of nothing where Envoy does', () => {
  const recorded = recordedLengths();
  assert.ok(recorded.size >= 6);
  for (const [method, lengths] of recorded) {
    const world = new ClientWorld();
    world.open({ method }, true);
    const said = /content-length: (\d+)/.exec(world.output())?.[1];
    assert.deepEqual([method, new Set([said])], [method, lengths]);
  }
});
