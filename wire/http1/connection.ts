/**
 * What servers' and clients' connections have in common: input that waits for its turn, back pressure, output and
 * the clock. What the bytes mean is for the two below it to say.
 */
import { ByteWriter } from '../byte-writer.ts';
import { ChunkQueue } from '../chunk-queue.ts';
import type { ConnectionEvents } from '../stream.ts';
import { BodyReader } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { HTTP1_LIMITS, type Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';

/** Output starts with so little room: many connections are idle. */
const OUTPUT_BYTES = 1024;
/** Room for output beyond this is given back when none waits. */
const KEEP_OUTPUT_BYTES = 16 * 1024;

/** One connection of HTTP/1.1 or HTTP/1.0. */
export abstract class Http1Connection {
  /** Bytes to send. */
  readonly output: ByteWriter = new ByteWriter(OUTPUT_BYTES);
  protected readonly limits: Http1Limits;
  protected readonly body: BodyReader;
  protected readonly writer: BodyWriter;
  protected nowMs: number;
  /** When the state began that a timeout ends, or its last byte came. */
  protected sinceMs: number;
  protected isPaused = false;
  readonly #events: ConnectionEvents;
  /** The chunk that is being read, and how far. */
  #chunk: Uint8Array | undefined = undefined;
  #at = 0;
  /** Chunks behind it. */
  readonly #queue = new ChunkQueue();
  /** Bytes that have come and were not read. */
  #unreadBytes = 0;
  /** Bytes of a body that were handed over and not consumed. */
  #unconsumedBytes = 0;
  #isReading = false;
  #flushedMs: number;

  constructor(events: ConnectionEvents, limits: Partial<Http1Limits> | undefined, nowMs: number) {
    this.#events = events;
    this.limits = limits === undefined ? HTTP1_LIMITS : { ...HTTP1_LIMITS, ...limits };
    this.body = new BodyReader(this.limits);
    this.writer = new BodyWriter(this.output);
    this.nowMs = nowMs;
    this.sinceMs = nowMs;
    this.#flushedMs = nowMs;
  }

  /** Bytes from the peer. */
  receive(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.isClosed) return;
    this.#unreadBytes += chunk.length;
    if (this.#chunk === undefined) this.#chunk = chunk;
    else this.#queue.push(chunk);
    this.read();
  }

  /** The socket has taken output. */
  flushed(): void {
    this.#flushedMs = this.nowMs;
    const sent = this.writer.takeSent();
    if (sent > 0) this.tellSent(sent);
    if (this.#chunk !== undefined) this.#events.wake();
  }

  /** Input has come that was not read. */
  get hasWaiting(): boolean {
    return this.#chunk !== undefined;
  }

  /** The next of what has come may be read. */
  turned(): void {
    if (this.#chunk !== undefined) this.read();
  }

  /** Time is now so many milliseconds; timeouts are as exact as this is called often. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    if (this.isClosed) return;
    if (this.output.length === 0) {
      this.#flushedMs = nowMs;
      if (this.output.bytes.length > KEEP_OUTPUT_BYTES) this.output.take();
    } else if (nowMs - this.#flushedMs >= this.limits.writeTimeoutMs) {
      this.fail('Peer takes no output');
      return;
    }
    this.ticked();
  }

  /** The connection is over; nothing more comes of it. */
  protected abstract readonly isClosed: boolean;
  /** Whether bytes that have come may be read now; else they wait. */
  protected abstract mayRead(): boolean;
  /** Reads from `at` and returns how far; at least one byte while {@link mayRead}. Throws {@link MessageError}. */
  protected abstract readSome(bytes: Uint8Array, at: number): number;
  /** The peer's message is wrong. */
  protected abstract refuse(error: MessageError): void;
  /** The connection is of no more use: whoever waits for something is told. */
  protected abstract fail(detail: string): void;
  /** So many bytes of what was written have left. */
  protected abstract tellSent(bytes: number): void;
  /** Time has passed. */
  protected abstract ticked(): void;

  /** Bytes that have come and were not read. */
  protected get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** Reads what has come as far as may be. What is said from within may call this again: then there is nothing to do. */
  protected read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      let chunk = this.#chunk;
      while (chunk !== undefined && this.mayRead()) {
        const from = this.#at;
        const at = this.readSome(chunk, from);
        if (this.#chunk !== chunk) {
          chunk = this.#chunk; // the input was given up
          continue;
        }
        this.#unreadBytes -= at - from;
        this.#at = at;
        if (at === chunk.length) {
          chunk = this.#queue.length === 0 ? undefined : this.#queue.shift();
          this.#chunk = chunk;
          this.#at = 0;
        }
      }
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.refuse(error);
    } finally {
      this.#isReading = false;
    }
    this.#balance();
  }

  /** So many bytes of a body were handed over. */
  protected handedOver(bytes: number): void {
    this.#unconsumedBytes += bytes;
  }

  /** So many of them were consumed. */
  protected takeBack(bytes: number): void {
    this.#unconsumedBytes = Math.max(0, this.#unconsumedBytes - bytes);
    this.#balance();
  }

  /** Nobody will consume what was handed over: the stream is over. */
  protected forgetConsumer(): void {
    this.#unconsumedBytes = 0;
  }

  /** Gives up what has come and was not read. */
  protected dropInput(): void {
    this.#chunk = undefined;
    this.#at = 0;
    this.#queue.takeAll();
    this.#unreadBytes = 0;
  }

  /** Says that there is output, when there was none before. */
  protected wrote(wasEmpty: boolean): void {
    if (wasEmpty && this.output.length > 0) this.#events.wake();
  }

  #balance(): void {
    const held = this.#unreadBytes + this.#unconsumedBytes;
    const { maxBufferedBytes } = this.limits;
    if (this.isClosed || (this.isPaused ? held * 2 > maxBufferedBytes : held <= maxBufferedBytes)) return;
    this.isPaused = !this.isPaused;
    this.#events.pauseInput(this.isPaused);
  }
}
