/**
 * One HTTP/2 stream: both directions' states and windows (RFC 9113, 5.1 and 5.2), the same for servers and clients.
 * Fields are public to the connection that owns it and to nobody else.
 */
import { ChunkQueue } from '../chunk-queue.ts';
import {
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type ResponseReceiver,
  type ServerStream,
  type StreamReceiver,
} from '../stream.ts';

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** Half of what a stream may send before credit is given back. */
  readonly creditBytes: number;
  readonly nowMs: number;
  /** Sends of the chunk's bytes what windows and output allow; returns how many those were. */
  sendData(stream: Http2Stream, chunk: Uint8Array, from: number, to: number): number;
  sendHead(stream: Http2Stream, status: number, headers: FieldList, hasEnded: boolean): void;
  /** Ends the direction that is written to. */
  sendEnd(stream: Http2Stream, trailers: FieldList): void;
  sendWindowUpdate(id: number, bytes: number): void;
  sendReset(stream: Http2Stream, code: number): void;
  /** Gives bytes back to the connection's window. */
  credit(bytes: number): void;
  /** The stream has more to send than it may. */
  block(stream: Http2Stream): void;
}

/** Of a stream that nobody listens to: what still comes is thrown away. */
export const NOBODY: ResponseReceiver = {
  inform() {},
  response() {},
  data() {},
  end() {},
  reset() {},
  sent() {},
};

/** States as the RFC draws them. */
export type StreamState = 'open' | 'half-closed (local)' | 'half-closed (remote)' | 'closed';

/** See the module. */
export class Http2Stream implements ServerStream {
  readonly id: number;
  receiver: StreamReceiver = NOBODY;
  /** What we may send. */
  sendWindow: number;
  /** What the peer may send. */
  receiveWindow: number;
  /** Received, and not yet consumed. */
  held = 0;
  /** Consumed, and not yet given back to the peer. */
  uncredited = 0;
  /** The answer's head has been sent. */
  hasHead = false;
  /** A client's: the answer's head has not come. */
  awaitsHead = false;
  /** The request asked for a tunnel. */
  isTunnel = false;
  localEnded = false;
  remoteEnded = false;
  isClosed = false;
  /** As content-length says; -1: it does not. */
  expectedBytes = -1;
  receivedBytes = 0;
  /** True: the answer must have no body (HEAD). */
  isBodiless = false;
  /** Chunks that wait for a window or for room in the output. */
  queue: ChunkQueue | undefined;
  /** Bytes of the first chunk that have left. */
  queueOffset = 0;
  /** The end has been asked for, with these trailers. */
  ending: FieldList | undefined;
  isBlocked = false;
  /** Sent before there was anybody to tell: from within `ServerEvents.request`. */
  sentEarly = 0;
  /** When a frame of the stream last came or left. */
  movedMs: number;
  /** When the first of what waits began to wait, or some of it last left. */
  queueMovedMs: number;
  readonly #owner: StreamOwner;

  constructor(owner: StreamOwner, id: number, sendWindow: number, receiveWindow: number) {
    this.#owner = owner;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.movedMs = owner.nowMs;
    this.queueMovedMs = owner.nowMs;
  }

  /** Where in its life the stream is. */
  get state(): StreamState {
    if (this.isClosed) return 'closed';
    if (this.localEnded) return 'half-closed (local)';
    return this.remoteEnded ? 'half-closed (remote)' : 'open';
  }

  inform(status: number, headers: FieldList): void {
    if (!this.hasHead && !this.isClosed) this.#owner.sendHead(this, status, headers, false);
  }

  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    if (this.hasHead || this.isClosed) return;
    this.hasHead = true;
    this.#owner.sendHead(this, status, headers, hasEnded);
  }

  write(chunk: Uint8Array): void {
    if (this.localEnded || this.isClosed || this.ending !== undefined || chunk.length === 0) return;
    if (this.queue !== undefined) {
      this.queue.push(chunk);
      return;
    }
    const sent = this.#owner.sendData(this, chunk, 0, chunk.length);
    if (this.isClosed) return;
    if (sent < chunk.length) {
      this.queueMovedMs = this.#owner.nowMs;
      this.queue = new ChunkQueue();
      this.queue.push(chunk.subarray(sent));
      this.queueOffset = 0;
      this.#owner.block(this);
    }
    if (sent === 0) return;
    if (this.receiver === NOBODY) this.sentEarly += sent;
    else this.receiver.sent(sent);
  }

  end(trailers: FieldList): void {
    if (this.localEnded || this.isClosed || this.ending !== undefined) return;
    if (this.queue === undefined) this.#owner.sendEnd(this, trailers);
    else this.ending = trailers;
  }

  consumed(bytes: number): void {
    const count = Math.min(bytes, this.held);
    if (count <= 0) return;
    this.held -= count;
    this.#owner.credit(count);
    if (this.remoteEnded || this.isClosed) return;
    this.uncredited += count;
    if (this.uncredited < this.#owner.creditBytes) return;
    this.#owner.sendWindowUpdate(this.id, this.uncredited);
    this.receiveWindow += this.uncredited;
    this.uncredited = 0;
  }

  reset(code: number = ERROR_CODE.CANCEL): void {
    if (!this.isClosed) this.#owner.sendReset(this, code);
  }

  /** Sends what waits, at most `limit` bytes. Returns how many left. */
  sendQueued(limit: number): number {
    const { queue } = this;
    if (queue === undefined) return 0;
    let total = 0;
    while (total < limit) {
      const chunk = queue.first;
      if (chunk === undefined) break;
      const from = this.queueOffset;
      const sent = this.#owner.sendData(this, chunk, from, Math.min(chunk.length, from + limit - total));
      if (this.isClosed) return total;
      if (sent === 0) break;
      total += sent;
      this.queueOffset += sent;
      if (this.queueOffset < chunk.length) break;
      queue.shift();
      this.queueOffset = 0;
    }
    if (queue.length === 0) {
      this.queue = undefined;
      const trailers = this.ending;
      this.ending = undefined;
      if (total > 0) this.receiver.sent(total);
      if (trailers !== undefined && !this.isClosed) this.#owner.sendEnd(this, trailers);
      return total;
    }
    this.#owner.block(this);
    if (total > 0) this.receiver.sent(total);
    return total;
  }

  /** The stream is over: nobody is told anything more. */
  close(): void {
    this.isClosed = true;
    this.receiver = NOBODY;
    this.queue = undefined;
    this.ending = undefined;
  }
}

/** Trailers that say nothing. */
export function hasNone(trailers: FieldList): boolean {
  return trailers === NO_FIELDS || trailers.length === 0;
}
