/**
 * What a peer's frames do to a connection of HTTP/2: each is checked, counted and acted on. Input that is too much for one
 * turn of the event loop waits for the next (RFC 9113, 6).
 */
import { ChunkQueue } from '../chunk-queue.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import { HpackBombError, HpackError } from '../hpack/error.ts';
import { FieldCache } from '../hpack/field-cache.ts';
import { type ConnectionEvents, ERROR_CODE, NO_FIELDS } from '../stream.ts';
import { viewOf } from '../view.ts';
import { type ConnectionState, Http2Connection } from './connection.ts';
import { Http2Error } from './error.ts';
import { isValidField } from './field.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_31, readUint31, readUint32 } from './frame.ts';
import { FrameReader, type FrameTaker } from './frame-reader.ts';
import { HeaderBlock } from './header-block.ts';
import type { Http2Limits } from './limit.ts';
import { readSettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/** Beyond so much input that waits for its turn no more is taken from the socket. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Fields that connections of every client have seen: equal bytes make equal fields, whoever sends them. */
const fieldCache = new FieldCache({ isValid: isValidField });

/** See the module. */
export abstract class ReceivingConnection extends Http2Connection implements FrameTaker {
  protected readonly decoder: HpackDecoder;
  readonly #block = new HeaderBlock();
  readonly #reader = new FrameReader(this);
  /** What has come and was not read. */
  readonly #waiting = new ChunkQueue();
  #waitingBytes = 0;
  #isPaused = false;

  constructor(events: ConnectionEvents, limits: Http2Limits, nowMs: number) {
    super(events, limits, nowMs);
    this.decoder = new HpackDecoder({ maxListBytes: limits.maxHeaderListBytes, cache: fieldCache });
  }

  /** A whole header block of a stream. */
  protected abstract headers(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    hasEnded: boolean,
  ): void;

  /** Whether the peer could have opened this stream by now. */
  protected abstract isIdle(id: number): boolean;

  /** GOAWAY has come. */
  protected abstract wentAway(lastId: number): void;

  /** For the reader: the first bytes of the peer's, where it has a preface; how many were taken, -1 for too few so far. */
  abstract preface(bytes: Uint8Array): number;

  /** The state after the first SETTINGS. */
  protected abstract began(): ConnectionState;

  /** The PING that began with this number has been answered. */
  protected pinged(_number: number): void {}

  receive(chunk: Uint8Array): void {
    if (this.state === 'closed') return;
    this.receivedMs = this.nowMs;
    if (this.#waiting.length > 0) this.#wait(chunk);
    else this.#read(chunk);
  }

  #read(chunk: Uint8Array): void {
    try {
      const count = this.#reader.read(chunk, this.nowMs);
      if (count < chunk.length && this.state !== 'closed') this.#wait(chunk.subarray(count));
    } catch (error) {
      if (error instanceof Http2Error) this.fail(error.code, error.message);
      else if (error instanceof HpackBombError) this.fail(ERROR_CODE.ENHANCE_YOUR_CALM, error.message);
      else if (error instanceof HpackError) this.fail(ERROR_CODE.COMPRESSION_ERROR, error.message);
      else {
        this.fail(ERROR_CODE.INTERNAL_ERROR, '');
        throw error;
      }
    }
  }

  /** Bytes that have come wait for the next turn of the loop. */
  #wait(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.wake();
    if (this.#isPaused || this.#waitingBytes <= MAX_WAITING_BYTES) return;
    this.#isPaused = true;
    this.events.pauseInput(true);
  }

  /** Input has come that is too much for one turn. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  turned(): void {
    this.guard.turned();
    if (this.#waiting.length === 0) return;
    this.isAwake = false;
    // Else it goes on when output has left: asking for turn after turn would be all that the process does.
    if (!this.takesFrames) return;
    this.#waitingBytes = 0;
    for (const bytes of this.#waiting.takeAll()) this.receive(bytes);
    if (this.state === 'closed' || !this.#isPaused || this.#waitingBytes > MAX_WAITING_BYTES / 2) return;
    this.#isPaused = false;
    this.events.pauseInput(false);
  }

  override flushed(): void {
    super.flushed();
    if (this.#waiting.length > 0) this.wake();
  }

  protected override get lateInput(): string | undefined {
    const { nowMs, limits } = this;
    if (this.#reader.isLate(nowMs, limits.headTimeoutMs)) return 'A frame was not finished in time';
    const block = this.#block;
    if (!block.isOpen || nowMs - block.startedMs < limits.headTimeoutMs) return undefined;
    return 'A header block was not finished in time';
  }

  /** For the reader: whether it may hand on frames. */
  get takesFrames(): boolean {
    return this.state !== 'closed' && !this.guard.isBusy;
  }

  /** For the reader: a frame has come. */
  frame(bytes: Uint8Array, at: number, size: number): void {
    this.guard.frame();
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const id = readUint31(bytes, at + 5);
    const start = at + FRAME_HEADER_BYTES;
    const end = start + size;
    if (this.#block.isOpen && (type !== FRAME.CONTINUATION || id !== this.#block.id))
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A header block was interrupted');
    if (this.state === 'starting') {
      if (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)
        throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'The first frame is not SETTINGS');
      this.state = this.began();
    }
    switch (type) {
      case FRAME.DATA:
        return this.#data(bytes, start, end, flags, id);
      case FRAME.HEADERS:
        return this.#headersFrame(bytes, start, end, flags, id);
      case FRAME.CONTINUATION:
        return this.#continuation(bytes, start, end, flags);
      case FRAME.WINDOW_UPDATE:
        return this.#windowUpdate(bytes, start, size, id);
      case FRAME.RST_STREAM:
        return this.#resetFrame(bytes, start, size, id);
      case FRAME.SETTINGS:
        return this.#settings(bytes, start, end, flags, id);
      case FRAME.PING:
        return this.#ping(bytes, start, size, flags, id);
      case FRAME.GOAWAY:
        if (id !== 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'GOAWAY on a stream');
        if (size < 8) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'A GOAWAY that is too short');
        return this.wentAway(readUint31(bytes, start));
      case FRAME.PRIORITY:
        if (id === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'PRIORITY on the connection');
        this.guard.emptyFrame();
        if (size !== 5) return this.#streamError(id, ERROR_CODE.FRAME_SIZE_ERROR);
        if (readUint31(bytes, start) === id) this.#streamError(id, ERROR_CODE.PROTOCOL_ERROR);
        return;
      case FRAME.PUSH_PROMISE:
        throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'PUSH_PROMISE was not asked for');
      default:
        this.guard.emptyFrame();
    }
  }

  #data(bytes: Uint8Array, start: number, end: number, flags: number, id: number): void {
    const size = end - start;
    this.flow.received(size);
    const stream = this.streams.get(id);
    if (stream === undefined || stream.remoteEnded) {
      this.credit(size);
      return this.#dataNowhere(stream, id, size);
    }
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      const padding = size > 0 ? bytes[start]! : 255;
      from++;
      to -= padding;
      if (from > to) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'More padding than payload');
    }
    const hasEnded = (flags & FLAG.END_STREAM) !== 0;
    const count = to - from;
    if (count === 0 && !hasEnded) this.guard.emptyFrame();
    stream.receiveWindow -= size;
    if (stream.receiveWindow < 0) {
      this.credit(size);
      return this.breach(stream, ERROR_CODE.FLOW_CONTROL_ERROR, 'More DATA than the stream may carry');
    }
    stream.held += size;
    if (size > count) stream.consumed(size - count);
    if (stream.awaitsHead) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'DATA before the head');
    stream.receivedBytes += count;
    stream.movedMs = this.nowMs;
    const { expectedBytes, receivedBytes } = stream;
    if (
      expectedBytes !== -1 &&
      (receivedBytes > expectedBytes || (hasEnded && receivedBytes !== expectedBytes))
    )
      return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says');
    if (count > 0) {
      if (stream.localEnded && stream.hasHead) stream.consumed(count);
      else stream.receiver.data(from === 0 && to === bytes.length ? bytes : viewOf(bytes, from, to));
    }
    if (hasEnded && !stream.isClosed) this.remoteEnd(stream, NO_FIELDS);
  }

  #dataNowhere(stream: Http2Stream | undefined, id: number, size: number): void {
    if (id === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'DATA on the connection');
    if (stream !== undefined) return this.breach(stream, ERROR_CODE.STREAM_CLOSED, 'DATA after the end');
    if (this.isIdle(id)) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'DATA on an idle stream');
    // What was on its way when we reset the stream is passed over.
    if (!this.closedStreams.wasReset(id)) this.#streamError(id, ERROR_CODE.STREAM_CLOSED);
    // The window bounds what carries bytes.
    else if (size === 0) this.guard.emptyFrame();
  }

  #headersFrame(bytes: Uint8Array, start: number, end: number, flags: number, id: number): void {
    if (id === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS on the connection');
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      if (from >= to) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'HEADERS without a padding length');
      to -= bytes[from++]!;
    }
    let dependsOnItself = false;
    if ((flags & FLAG.PRIORITY) !== 0) {
      if (to - from < 5) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'HEADERS that are too short');
      dependsOnItself = readUint31(bytes, from) === id;
      from += 5;
    }
    if (from > to) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'More padding than payload');
    if (dependsOnItself) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A stream that depends on itself');
    const hasEnded = (flags & FLAG.END_STREAM) !== 0;
    this.guard.block(end - start);
    if ((flags & FLAG.END_HEADERS) !== 0) return this.headers(id, bytes, from, to, hasEnded);
    this.#block.begin(id, hasEnded, this.nowMs);
    this.#block.add(bytes, from, to, this.limits);
  }

  #continuation(bytes: Uint8Array, start: number, end: number, flags: number): void {
    const block = this.#block;
    if (!block.isOpen) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'CONTINUATION without HEADERS');
    this.guard.block(end - start);
    block.add(bytes, start, end, this.limits);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    const whole = block.finish();
    this.headers(block.id, whole, 0, whole.length, block.hasEnded);
  }

  #windowUpdate(bytes: Uint8Array, start: number, size: number, id: number): void {
    if (size !== 4) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'WINDOW_UPDATE is not 4 bytes long');
    const increment = readUint31(bytes, start);
    this.guard.windowUpdate();
    if (id === 0) {
      if (increment === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A WINDOW_UPDATE of nothing');
      this.flow.opened(increment);
      return this.pump();
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
      return;
    }
    if (increment === 0) return this.breach(stream, ERROR_CODE.PROTOCOL_ERROR, 'A WINDOW_UPDATE of nothing');
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_31)
      return this.breach(stream, ERROR_CODE.FLOW_CONTROL_ERROR, 'The window is too large');
    if (stream.isBlocked) this.pump();
  }

  #resetFrame(bytes: Uint8Array, start: number, size: number, id: number): void {
    if (id === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'RST_STREAM on the connection');
    if (size !== 4) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'RST_STREAM is not 4 bytes long');
    const stream = this.streams.get(id);
    this.guard.reset();
    if (stream === undefined) {
      if (this.isIdle(id)) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
      return;
    }
    const code = readUint32(bytes, start);
    const { receiver } = stream;
    this.remove(stream, false);
    receiver.reset(
      code === ERROR_CODE.REFUSED_STREAM ? 'remote-refused-stream-reset' : 'remote-reset',
      `The peer reset the stream with code ${code}`,
    );
    this.settle();
  }

  #settings(bytes: Uint8Array, start: number, end: number, flags: number, id: number): void {
    const size = end - start;
    if (id !== 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'SETTINGS on a stream');
    if ((flags & FLAG.ACK) !== 0) {
      if (size !== 0) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'SETTINGS with ACK and a payload');
      this.guard.emptyFrame();
      this.isAcknowledged = true;
      return;
    }
    if (size % 6 !== 0) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'SETTINGS of a broken length');
    this.guard.settings();
    const before = this.peer.initialWindowBytes;
    readSettings(this.peer, bytes, start, end, this.writer.encoder);
    const change = this.peer.initialWindowBytes - before;
    if (change !== 0) {
      for (const stream of this.streams.values()) {
        stream.sendWindow += change;
        if (stream.sendWindow > MAX_31)
          throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'The window is too large');
      }
    }
    this.writer.acknowledgeSettings();
    if (change > 0) this.pump();
  }

  #ping(bytes: Uint8Array, start: number, size: number, flags: number, id: number): void {
    if (id !== 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'PING on a stream');
    if (size !== 8) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'PING is not 8 bytes long');
    if ((flags & FLAG.ACK) !== 0) {
      this.guard.emptyFrame();
      this.pingSentMs = undefined;
      return this.pinged(readUint32(bytes, start));
    }
    this.guard.ping();
    this.writer.acknowledgePing(bytes, start);
  }

  #streamError(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream) return this.breach(stream, code, 'The peer broke the protocol');
    this.refuse(id, code);
  }
}
