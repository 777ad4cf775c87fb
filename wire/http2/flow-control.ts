/** A connection's own two windows, and the streams that wait for one to open (RFC 9113, 5.2 and 6.9). */
import type { ByteWriter } from '../byte-writer.ts';
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import { FRAME_BYTES, MAX_31 } from './frame.ts';
import type { Http2Stream } from './stream.ts';

/** The default window of a stream, and of a connection before any WINDOW_UPDATE (RFC 9113, 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** See the module. */
export class FlowControl {
  /** What we may send. */
  sendWindow = DEFAULT_WINDOW_BYTES;
  /** What the peer may send. */
  #receiveWindow: number;
  /** Consumed, and not yet given back to the peer. */
  #uncredited = 0;
  readonly #creditBytes: number;
  #blocked: Http2Stream[] = [];
  #isPumping = false;

  /** `windowBytes` is what the peer may send at a time. */
  constructor(windowBytes: number) {
    this.#receiveWindow = Math.max(windowBytes, DEFAULT_WINDOW_BYTES);
    this.#creditBytes = windowBytes >> 1;
  }

  /** What the peer may send, with what was consumed though the peer may not have heard of it yet. */
  get receiveWindow(): number {
    return this.#receiveWindow + this.#uncredited;
  }

  /** Whether a stream waits to send. */
  get hasBlocked(): boolean {
    return this.#blocked.length > 0;
  }

  /** DATA with so many bytes of payload has come. Throws an {@link Http2Error} for more than was allowed. */
  received(bytes: number): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0)
      throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'More DATA than the connection may carry');
  }

  /** So many bytes were consumed. Returns how many to give back to the peer now; 0 until it is worth a frame. */
  credit(bytes: number): number {
    this.#uncredited += bytes;
    if (this.#uncredited < this.#creditBytes) return 0;
    const given = this.#uncredited;
    this.#receiveWindow += given;
    this.#uncredited = 0;
    return given;
  }

  /** The peer has opened the window. Throws an {@link Http2Error} where it is none any more. */
  opened(bytes: number): void {
    this.sendWindow += bytes;
    if (this.sendWindow > MAX_31)
      throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'The window is too large');
  }

  /** The stream has more to send than it may. */
  block(stream: Http2Stream): void {
    if (stream.isBlocked) return;
    stream.isBlocked = true;
    this.#blocked.push(stream);
  }

  /** Lets streams that wait send in turns, a frame each, until windows are used up or so many bytes of output wait. */
  pump(output: ByteWriter, highWaterBytes: number): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    let moved = true;
    while (moved && this.#blocked.length > 0 && this.sendWindow > 0 && output.length < highWaterBytes) {
      moved = false;
      const waiting = this.#blocked;
      this.#blocked = [];
      for (const stream of waiting) {
        stream.isBlocked = false;
        if (stream.isClosed || stream.queue === undefined) continue;
        if (stream.sendWindow <= 0) this.block(stream);
        else if (stream.sendQueued(FRAME_BYTES) > 0) moved = true;
      }
    }
    this.#isPumping = false;
  }
}
