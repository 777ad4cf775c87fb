/** A connection whose protocol is not known yet: its first bytes say it. Imports the wire's types. */
import { ByteWriter } from '../../wire/byte-writer.ts';
import { readProxyHeader } from '../../wire/proxy-protocol.ts';
import type { Connection, ConnectionEvents } from '../../wire/stream.ts';

/** Every HTTP/2 connection begins so (RFC 9113, 3.4), and no HTTP/1.1 method does. */
const PREFACE_START = [0x50, 0x52, 0x49];
/** `HTTP/`, which every request line of HTTP/1 has. */
const VERSION_START = [0x48, 0x54, 0x54, 0x50, 0x2f];
const CR = 0x0d;
const LF = 0x0a;
/** A connection that says nothing for so long is closed. */
const TIMEOUT_MS = 60_000;
/** Nor for so long while the port is drained; as long as the engines wait for a request that is on its way. */
const DRAIN_GRACE_MS = 1000;

/** What the first bytes say. */
export interface Decided {
  readonly isHttp2: boolean;
  /** Those that are the engine's to read. */
  readonly bytes: Uint8Array;
  /** The client's address, where a PROXY header gave one. */
  readonly sourceAddress: string | undefined;
  /** Where the client dialled, `10.1.2.3:80`, where a PROXY header told. */
  readonly originalDestination: string | undefined;
}

/** Stands where an engine will, until `decided` is told which. With `hasProxyHeader` each connection must begin with one. */
export class FirstBytes implements Connection {
  readonly output = new ByteWriter(0);
  readonly streamCount = 0;
  readonly hasWaiting = false;
  readonly #events: ConnectionEvents;
  readonly #decided: (decided: Decided) => void;
  readonly #startedMs: number;
  #awaitsProxyHeader: boolean;
  #sourceAddress: string | undefined;
  #originalDestination: string | undefined;
  #bytes: Uint8Array | undefined;
  #isDraining = false;
  #drainUntilMs = 0;

  constructor(
    events: ConnectionEvents,
    nowMs: number,
    hasProxyHeader: boolean,
    decided: (decided: Decided) => void,
  ) {
    this.#events = events;
    this.#startedMs = nowMs;
    this.#awaitsProxyHeader = hasProxyHeader;
    this.#decided = decided;
  }

  receive(chunk: Uint8Array): void {
    let bytes = this.#bytes ? joined(this.#bytes, chunk) : chunk;
    if (this.#awaitsProxyHeader) {
      const rest = this.#readProxyHeader(bytes);
      if (!rest) return;
      bytes = rest;
    }
    for (let at = 0; at < PREFACE_START.length; at++) {
      if (at === bytes.length) {
        this.#bytes = bytes;
        return;
      }
      if (bytes[at] !== PREFACE_START[at]) {
        if (!isHttpLine(bytes)) return this.#events.close('Neither HTTP/1 nor HTTP/2 was spoken');
        return this.#decide(false, bytes);
      }
    }
    this.#decide(true, bytes);
  }

  #readProxyHeader(bytes: Uint8Array): Uint8Array | undefined {
    try {
      const header = readProxyHeader(bytes);
      if (!header) {
        this.#bytes = bytes;
        return undefined;
      }
      this.#awaitsProxyHeader = false;
      this.#sourceAddress = header.sourceAddress;
      this.#originalDestination = header.originalDestination;
      return bytes.subarray(header.bytes);
    } catch (error) {
      this.#events.close((error as Error).message);
      return undefined;
    }
  }

  #decide(isHttp2: boolean, bytes: Uint8Array): void {
    this.#decided({
      isHttp2,
      bytes,
      sourceAddress: this.#sourceAddress,
      originalDestination: this.#originalDestination,
    });
  }

  inputEnded(): void {
    this.#events.close('The client said nothing');
  }

  flushed(): void {}

  turned(): void {}

  tick(nowMs: number): void {
    if (this.#isDraining) {
      if (this.#drainUntilMs === 0) this.#drainUntilMs = nowMs + DRAIN_GRACE_MS;
      else if (nowMs >= this.#drainUntilMs) this.#events.close('Draining');
    }
    if (nowMs - this.#startedMs >= TIMEOUT_MS) this.#events.close('The client said nothing in time');
  }

  /** A client that has just connected does not know yet: it may send its request, which is then the last one. */
  drain(): void {
    this.#isDraining = true;
  }

  describe(): string {
    return 'undecided';
  }
}

/**
 * False when there is a first line and it names no version of HTTP: a preface that went wrong, another protocol. Such
 * a client is not answered in words of HTTP/1, which it may take for frames (RFC 9113, 3.4).
 */
function isHttpLine(bytes: Uint8Array): boolean {
  let start = 0;
  while (bytes[start] === CR || bytes[start] === LF) start++;
  const end = bytes.indexOf(LF, start);
  if (end === -1) return true;
  for (let at = start; at + VERSION_START.length <= end; at++) {
    let matched = 0;
    while (matched < VERSION_START.length && bytes[at + matched] === VERSION_START[matched]) matched++;
    if (matched === VERSION_START.length) return true;
  }
  return false;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
