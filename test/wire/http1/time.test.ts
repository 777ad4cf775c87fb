import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ClientWorld, ServerWorld } from './world.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n';

test('Http1ServerConnection answers 408 to a head that takes too long, however its bytes trickle', () => {
  const world = new ServerWorld({ limits: { headTimeoutMs: 10_000 } });
  for (let second = 0; second < 10; second++) {
    world.connection.tick(second * 1000);
    world.receive('G'.repeat(second === 0 ? 1 : 2));
  }
  assert.equal(world.output(), '');
  world.connection.tick(10_000);
  assert.match(world.output(), /^HTTP\/1.1 408 Request Timeout\r\n.*connection: close\r\n/s);
  assert.deepEqual(world.events(), []);
  world.connection.tick(11_000);
  assert.deepEqual(world.events(), ['close: Head took too long']);
});

test('Http1ServerConnection closes an idle connection without an answer', () => {
  const world = new ServerWorld({
    limits: { idleTimeoutMs: 5000 },
    answer: (stream) => stream.respond(204, [], true),
  });
  world.connection.tick(4000);
  world.receive(GET);
  world.output();
  world.connection.tick(8000);
  assert.deepEqual(world.events(), ['request GET /']);
  world.connection.tick(9000);
  assert.deepEqual(world.events(), ['close: Idle for too long']);
  assert.equal(world.output(), '');
});

test('Http1ServerConnection waits for no body forever', () => {
  const world = new ServerWorld({ limits: { bodyTimeoutMs: 5000 } }).receive(POST);
  world.connection.tick(4000);
  world.receive('a');
  world.connection.tick(8000);
  assert.deepEqual(world.events(), ['request POST / ...', 'data a']);
  world.connection.tick(9000);
  assert.deepEqual(world.events(), ['reset local-reset: Body took too long']);
  assert.match(world.output(), /^HTTP\/1.1 408 /);
});

test('Http1ServerConnection blames no client for a body that it may not send', () => {
  const world = new ServerWorld({ limits: { bodyTimeoutMs: 5000, maxBufferedBytes: 1 } }).receive(
    `${POST}ab`,
  );
  assert.deepEqual(world.events(), ['request POST / ...', 'data ab', 'pause']);
  world.connection.tick(9000);
  assert.equal(world.output(), '');
  world.stream.consumed(2);
  world.connection.tick(13_000);
  assert.equal(world.output(), '');
  world.connection.tick(14_000);
  assert.match(world.output(), /^HTTP\/1.1 408 /);
});

test('Http1ServerConnection waits for an answer as long as its owner takes', () => {
  const world = new ServerWorld().receive(GET);
  for (let hour = 1; hour < 10; hour++) world.connection.tick(hour * 3_600_000);
  assert.equal(world.connection.describe(), 'answer, answer awaited');
});

test('Http1ServerConnection gives up a client that takes no output', () => {
  const world = new ServerWorld({ limits: { writeTimeoutMs: 5000 } }).receive(GET);
  world.connection.tick(1000);
  world.stream.respond(200, [], false);
  world.stream.write(bytes('hi'));
  world.connection.tick(5000);
  assert.deepEqual(world.events(), ['request GET /']);
  world.connection.tick(6000);
  assert.deepEqual(world.events(), [
    'reset local-reset: Peer takes no output',
    'close: Peer takes no output',
  ]);
});

test('Http1ServerConnection drained closes an idle connection after a grace', () => {
  const world = new ServerWorld({ limits: { drainGraceMs: 1000 } });
  world.connection.tick(5000);
  world.connection.drain();
  assert.equal(world.connection.describe(), 'idle, draining');
  world.connection.tick(5900);
  assert.deepEqual(world.events(), []);
  world.connection.tick(6000);
  assert.deepEqual(world.events(), ['close: Drained']);
});

test('Http1ServerConnection drained answers a request that was on its way', () => {
  const world = new ServerWorld();
  world.connection.drain();
  world.receive(GET);
  world.connection.tick(60_000);
  world.stream.respond(200, [], true);
  assert.equal(world.output(), 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  assert.deepEqual(world.events(), ['request GET /', 'close: Last answer sent']);
});

test('Http1ServerConnection drained within an answer waits a grace behind it, as the client was told nothing', () => {
  const world = new ServerWorld({ limits: { drainGraceMs: 1000 } }).receive(GET);
  world.stream.respond(200, [['content-length', '2']], false);
  world.connection.drain();
  world.connection.tick(9000);
  world.stream.write(bytes('hi'));
  world.stream.end([]);
  assert.equal(world.output(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi');
  world.connection.tick(9900);
  assert.equal(world.connection.describe(), 'idle, draining');
  world.connection.tick(10_000);
  assert.equal(world.events().at(-1), 'close: Drained');
});

test('Http1ClientConnection closes when it has been idle for too long', () => {
  const idle = new ClientWorld({ idleTimeoutMs: 5000 });
  idle.connection.tick(5000);
  assert.deepEqual(idle.events(), ['close: Idle for too long']);
});

test('Http1ClientConnection takes an answer whose head comes a byte at a time, however long it takes', () => {
  const world = new ClientWorld();
  world.open();
  world.output();
  for (const [index, byte] of [...'HTTP/1.1 204 No Content\r\n\r\n'].entries()) {
    world.connection.tick((index + 1) * 60_000);
    world.receive(byte);
  }
  assert.deepEqual(world.events(), ['response 204']);
});
