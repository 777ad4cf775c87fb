import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Driver, nowMs } from '../../upstream/socket/driver.ts';
import { NO_EVENTS, type Socket, type SocketEvents } from '../../upstream/socket/socket.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import type { Connection } from '../../wire/stream.ts';

/** Takes everything at once, and says when it has left: as node's sockets do. */
class SlowSocket implements Socket {
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  events: SocketEvents = NO_EVENTS;
  readonly taken: string[] = [];
  isDestroyed = false;
  isEnded = false;
  send(output: ByteWriter): boolean {
    this.taken.push(new TextDecoder().decode(output.take()));
    return false;
  }
  pause(): void {}
  resume(): void {}
  keepAlive(): void {}
  end(): void {
    this.isEnded = true;
  }
  destroy(): void {
    this.isDestroyed = true;
    this.events.closed();
  }
}

/** Wakes its driver once for all output until it is told that it was flushed, as the engines do. */
class Speaker implements Connection {
  readonly output = new ByteWriter(16);
  readonly streamCount = 0;
  readonly driver: Driver;
  isAwake = false;
  ticks = 0;
  turns = 0;
  /** How many turns take what has come. */
  waiting = 0;
  constructor(driver: Driver) {
    this.driver = driver;
  }
  say(text: string): void {
    this.output.latin1(text);
    if (!this.isAwake) this.driver.wake();
    this.isAwake = true;
  }
  receive(): void {}
  inputEnded(): void {}
  flushed(): void {
    this.isAwake = false;
  }
  get hasWaiting(): boolean {
    return this.waiting > 0;
  }
  turned(): void {
    this.turns++;
    if (this.waiting > 0 && --this.waiting > 0) this.driver.wake();
  }
  tick(): void {
    this.ticks++;
  }
  drain(): void {}
  describe(): string {
    return 'speaking';
  }
}

function speaking(): {
  readonly socket: SlowSocket;
  readonly speaker: Speaker;
  readonly driver: Driver;
  readonly closed: string[];
} {
  const socket = new SlowSocket();
  const closed: string[] = [];
  const driver = new Driver(socket, (detail) => closed.push(detail));
  const speaker = new Speaker(driver);
  driver.start(speaker);
  return { socket, speaker, driver, closed };
}

test('Driver tells its engine that output was taken, also when none is left', async () => {
  const { socket, speaker } = speaking();
  speaker.say('one');
  await turn();
  speaker.say('two');
  await turn();
  assert.deepEqual(socket.taken, ['one']);
  socket.events.drained();
  assert.deepEqual(socket.taken, ['one', 'two']);
  socket.events.drained();
  assert.equal(speaker.isAwake, false);
  speaker.say('three');
  await turn();
  assert.deepEqual(socket.taken, ['one', 'two', 'three']);
  socket.destroy();
});

test('Driver closes a socket that takes nothing for a minute', async () => {
  const { socket, speaker, driver, closed } = speaking();
  driver.tick(nowMs() + 100_000);
  assert.equal(speaker.ticks, 1);
  speaker.say('one');
  await turn();
  driver.tick(nowMs() + 59_000);
  assert.equal(socket.isDestroyed, false);
  socket.events.drained();
  driver.tick(nowMs() + 70_000);
  assert.equal(socket.isDestroyed, false);
  speaker.say('two');
  await turn();
  driver.tick(nowMs() + 61_000);
  assert.equal(socket.isDestroyed, true);
  assert.equal(closed.length, 1);
});

test('Driver has one connection a turn deal with input that waits, in turns, and all others with what they have', async () => {
  const floods = [speaking(), speaking(), speaking()];
  await turn();
  for (const { speaker } of floods) {
    speaker.turns = 0;
    speaker.waiting = 2;
    speaker.say('answer');
  }
  const quick = speaking();
  quick.speaker.say('answer');
  const turns = (): number[] => [...floods, quick].map(({ speaker }) => speaker.turns);
  await turn();
  assert.deepEqual(turns(), [1, 0, 0, 1]);
  for (const { socket } of [...floods, quick]) assert.deepEqual(socket.taken, ['answer']);
  await turn();
  assert.deepEqual(turns(), [1, 1, 0, 1]);
  await turn();
  assert.deepEqual(turns(), [1, 1, 1, 1]);
  await turn();
  await turn();
  await turn();
  assert.deepEqual(turns(), [2, 2, 2, 1]);
  await turn();
  assert.deepEqual(turns(), [2, 2, 2, 1]);
  for (const { socket } of [...floods, quick]) socket.destroy();
});
