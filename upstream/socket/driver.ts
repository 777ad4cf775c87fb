/**
 * Moves bytes between a socket and a protocol engine, and gives engines their time. Output of all connections is
 * flushed once a turn of the event loop, so that everything that a turn's input caused leaves in one write each.
 */
import type { Connection, ConnectionEvents } from '../../wire/stream.ts';
import { NO_EVENTS, type Socket, type SocketEvents } from './socket.ts';

/** How often engines are told the time. */
const TICK_MS = 1000;
/** How long a socket may take nothing of what it was given: an engine sees of that only what it still holds itself. */
const STALL_MS = 60_000;
/** How long a closed connection's last output has to be taken, and its peer to close its side. */
const LINGER_MS = 2000;

const running = new Set<Driver>();
let ticker: ReturnType<typeof setInterval> | undefined;
let dirty: Driver[] = [];

/** Time for engines: milliseconds that never go back. */
export function nowMs(): number {
  return performance.now();
}

/**
 * Has every connection that is awake its turn; but of those with more input than one turn may bring only the first, and the
 * others have theirs in the turns that follow. So who sends one request waits for the work of one that sends many, not of all.
 */
function flushAll(): void {
  const drivers = dirty;
  dirty = [];
  let hasServed = false;
  let later: Driver[] | undefined;
  for (let index = 0; index < drivers.length; index++) {
    const driver = drivers[index]!;
    if (driver.hasWaiting) {
      if (hasServed) {
        driver.flush();
        later ??= [];
        later.push(driver);
        continue;
      }
      hasServed = true;
    }
    driver.turn();
  }
  if (later === undefined) return;
  if (dirty.length === 0) setImmediate(flushAll);
  dirty = later.concat(dirty);
}

/** After what sockets have to give by now: who stood still takes no connection for idle whose bytes wait to be read. */
function tickSoon(): void {
  setImmediate(tickAll);
}

function tickAll(): void {
  const now = nowMs();
  for (const driver of running) driver.tick(now);
}

/** Told when a connection is gone for good. */
export type DriverClosed = (detail: string) => void;

/** One connection at work; see the module. Runs until the socket is closed. */
export class Driver implements ConnectionEvents, SocketEvents {
  readonly socket: Socket;
  readonly #closed: DriverClosed;
  #connection: Connection | undefined;
  #isDirty = false;
  #isFull = false;
  #fullSinceMs = 0;
  #isClosing = false;
  #isEnded = false;
  #isGone = false;
  #hasPeerEnded = false;
  #closingSinceMs = 0;
  #detail = '';

  /** `closed` is told once, when the socket is gone. */
  constructor(socket: Socket, closed: DriverClosed) {
    this.socket = socket;
    this.#closed = closed;
    running.add(this);
    ticker ??= unreferenced(setInterval(tickSoon, TICK_MS));
  }

  /** Begins to drive; the engine must have this driver as its events. */
  start(connection: Connection): void {
    this.#connection = connection;
    this.socket.events = this;
    this.wake();
  }

  // From the engine.

  wake(): void {
    if (this.#isDirty || this.#isGone) return;
    this.#isDirty = true;
    if (dirty.push(this) === 1) setImmediate(flushAll);
  }

  pauseInput(isPaused: boolean): void {
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }

  close(detail: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#detail = detail;
    this.#closingSinceMs = nowMs();
    this.socket.resume();
    this.wake();
  }

  // From the socket.

  data(chunk: Uint8Array): void {
    if (!this.#isClosing) this.#connection!.receive(chunk);
  }

  drained(): void {
    this.#isFull = false;
    this.flush();
  }

  ended(): void {
    this.#hasPeerEnded = true;
    if (!this.#isClosing) this.#connection!.inputEnded(false);
    else if (this.#isEnded) this.socket.destroy();
  }

  closed(error?: string): void {
    this.#isGone = true;
    running.delete(this);
    if (running.size === 0) {
      clearInterval(ticker);
      ticker = undefined;
    }
    this.socket.events = NO_EVENTS;
    if (!this.#isClosing) this.#connection!.inputEnded(!this.#hasPeerEnded);
    this.#closed(error ?? this.#detail);
  }

  /** Input has come that the connection has not dealt with. */
  get hasWaiting(): boolean {
    return !this.#isGone && this.#connection!.hasWaiting;
  }

  /** The end of a turn of the event loop in which there was something to do. */
  turn(): void {
    this.#isDirty = false;
    this.flush();
    if (!this.#isGone) this.#connection!.turned();
  }

  /** Sends what the socket takes. */
  flush(): void {
    if (this.#isGone || this.#isFull) return;
    const connection = this.#connection!;
    const { output } = connection;
    while (output.length > 0) {
      const before = output.length;
      this.#isFull = !this.socket.send(output);
      if (output.length < before) connection.flushed();
      if (this.#isFull) {
        this.#fullSinceMs = nowMs();
        return;
      }
    }
    if (!this.#isClosing || this.#isEnded) return;
    this.#isEnded = true;
    this.socket.end();
  }

  tick(now: number): void {
    const connection = this.#connection!;
    connection.output.rest();
    if (this.#isFull && now - this.#fullSinceMs >= STALL_MS) return this.destroy();
    if (!this.#isClosing) return connection.tick(now);
    if (now - this.#closingSinceMs >= LINGER_MS) this.socket.destroy();
  }

  /** Closes at once; streams are told. */
  destroy(): void {
    this.socket.destroy();
  }
}

function unreferenced(timer: ReturnType<typeof setInterval>): ReturnType<typeof setInterval> {
  timer.unref?.();
  return timer;
}
