/** A connection whose protocol is not known yet: its first bytes say it. Imports the wire's types. */
import { ByteWriter } from '../../wire/byte-writer.ts';
import type { Connection, ConnectionEvents } from '../../wire/stream.ts';

/** Every HTTP/2 connection begins so (RFC 9113, 3.4), and no HTTP/1.1 method does. */
const PREFACE_START = [0x50, 0x52, 0x49];
/** A connection that says nothing for so long is closed. */
const TIMEOUT_MS = 60_000;

/** Stands where an engine will, until `decided` is told which. */
export class FirstBytes implements Connection {
  readonly output = new ByteWriter(0);
  readonly streamCount = 0;
  readonly #events: ConnectionEvents;
  readonly #decided: (isHttp2: boolean, bytes: Uint8Array) => void;
  readonly #startedMs: number;
  #bytes: Uint8Array | undefined;

  constructor(
    events: ConnectionEvents,
    nowMs: number,
    decided: (isHttp2: boolean, bytes: Uint8Array) => void,
  ) {
    this.#events = events;
    this.#startedMs = nowMs;
    this.#decided = decided;
  }

  receive(chunk: Uint8Array): void {
    const bytes = this.#bytes ? joined(this.#bytes, chunk) : chunk;
    for (let at = 0; at < PREFACE_START.length; at++) {
      if (at === bytes.length) {
        this.#bytes = bytes;
        return;
      }
      if (bytes[at] !== PREFACE_START[at]) return this.#decided(false, bytes);
    }
    this.#decided(true, bytes);
  }

  inputEnded(): void {
    this.#events.close('The client said nothing');
  }

  flushed(): void {}

  tick(nowMs: number): void {
    if (nowMs - this.#startedMs >= TIMEOUT_MS) this.#events.close('The client said nothing in time');
  }

  drain(): void {
    this.#events.close('Draining');
  }

  describe(): string {
    return 'undecided';
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
