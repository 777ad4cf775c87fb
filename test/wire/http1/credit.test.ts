import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ClientWorld, ServerWorld } from './world.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n';

test('Http1ServerConnection pauses input when too much of a body was not consumed', () => {
  const world = new ServerWorld({ limits: { maxBufferedBytes: 10 } }).receive(POST);
  world.receive('0123456789');
  assert.deepEqual(world.events(), ['request POST / ...', 'data 0123456789']);
  world.receive('x');
  assert.deepEqual(world.events(), ['data x', 'pause']);
  world.stream.consumed(5);
  assert.deepEqual(world.events(), []);
  world.stream.consumed(1);
  assert.deepEqual(world.events(), ['resume']);
});

test('Http1ServerConnection pauses input while pipelined requests wait, and goes on when they were handed over', () => {
  const world = new ServerWorld({ limits: { maxBufferedBytes: 60 } }).receive(GET.repeat(4));
  assert.deepEqual(world.events(), ['request GET /', 'pause']);
  world.stream.respond(204, [], true);
  assert.deepEqual(world.events(), ['request GET /']);
  world.stream.respond(204, [], true);
  assert.deepEqual(world.events(), ['request GET /', 'resume']);
});

test('Http1ServerConnection forgets what a stream that is over did not consume', () => {
  const world = new ServerWorld({ limits: { maxBufferedBytes: 10 } });
  world.receive(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n${'x'.repeat(20)}`);
  assert.equal(world.events().at(-1), 'pause');
  world.stream.respond(204, [], true);
  assert.deepEqual(world.events(), ['resume']);
});

test('Http1ServerConnection hands a chunk that is all data over as it is', () => {
  const world = new ServerWorld().receive(POST);
  const chunk = bytes('0123456789');
  const pieces: Uint8Array[] = [];
  world.onData = (piece) => pieces.push(piece);
  world.connection.receive(chunk);
  assert.equal(pieces[0], chunk);
});

test('Http1ServerConnection says what has been sent, never before it has', () => {
  const world = new ServerWorld().receive(GET);
  const { connection } = world;
  world.stream.respond(200, [], false);
  world.stream.write(bytes('0123456789'));
  const { length } = connection.output;
  connection.output.shift(length - 8);
  connection.flushed();
  assert.deepEqual(world.events(), ['request GET /', 'sent 2']);
  connection.output.shift(4);
  connection.flushed();
  connection.output.shift(4);
  connection.flushed();
  assert.deepEqual(world.events(), ['sent 4', 'sent 4']);
});

test('Http1ServerConnection says what was sent of a complete answer, at the latest with the next request', () => {
  const world = new ServerWorld().receive(GET);
  world.stream.respond(200, [], false);
  world.stream.write(bytes('hi'));
  world.stream.end([]);
  world.receive(GET);
  assert.deepEqual(world.events(), ['request GET /', 'sent 2', 'request GET /']);
});

test('Http1ServerConnection takes what is written to an answer without a body for sent', () => {
  const world = new ServerWorld().receive('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  world.stream.respond(200, [], false);
  world.output();
  world.stream.write(bytes('hi'));
  assert.deepEqual(world.events(), ['request HEAD /', 'sent 2']);
});

test('Http1ClientConnection pauses input when too much of an answer was not consumed', () => {
  const world = new ClientWorld({ maxBufferedBytes: 10 });
  const stream = world.open();
  world.receive('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789x');
  assert.equal(world.events().at(-1), 'pause');
  stream.consumed(6);
  assert.deepEqual(world.events(), ['resume']);
});

test('Http1ClientConnection says what has been sent', () => {
  const world = new ClientWorld();
  const stream = world.open({ method: 'POST' }, false);
  stream.write(bytes('hello'));
  assert.deepEqual(world.events(), []);
  world.output();
  assert.deepEqual(world.events(), ['sent 5']);
});

test('Http1ServerConnection gives room for output back that it does not need', () => {
  const world = new ServerWorld().receive(GET);
  world.stream.respond(200, [], false);
  world.stream.write(new Uint8Array(100_000));
  world.connection.tick(1000);
  assert.ok(world.connection.output.bytes.length > 100_000);
  world.output();
  world.connection.tick(2000);
  assert.ok(world.connection.output.bytes.length < 20_000);
});
