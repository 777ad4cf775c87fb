/**
 * What servers' and clients' HTTP/2 connections have in common: frames in and out, settings, both levels of flow
 * control, GOAWAY, and the accounts that stop floods (RFC 9113). No socket, no clock: see `wire/stream.ts`.
 */
import { ByteWriter } from '../byte-writer.ts';
import { ChunkQueue } from '../chunk-queue.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import { HpackBombError, HpackError } from '../hpack/error.ts';
import { FieldCache } from '../hpack/field-cache.ts';
import {
  type Connection,
  type ConnectionEvents,
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type StreamResetReason,
} from '../stream.ts';
import { viewOf } from '../view.ts';
import { ClosedStreams } from './closed-streams.ts';
import { Http2Error } from './error.ts';
import { isValidField } from './field.ts';
import {
  FLAG,
  FRAME,
  FRAME_BYTES,
  FRAME_HEADER_BYTES,
  MAX_31,
  readUint31,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from './frame.ts';
import { FrameReader, type FrameTaker } from './frame-reader.ts';
import { Guard } from './guard.ts';
import { HeaderBlock } from './header-block.ts';
import type { Http2Limits } from './limit.ts';
import { type PeerSettings, presumedSettings, readSettings } from './settings.ts';
import { type Http2Stream, hasNone, type StreamOwner } from './stream.ts';

/** Where a connection is in its life. */
export type ConnectionState =
  /** Nothing has come yet: the preface of a client, the SETTINGS of a server. */
  | 'starting'
  | 'open'
  /** A GOAWAY was sent or has come: streams go on, new ones are not opened. */
  | 'draining'
  | 'closed';

/** The default window of a stream, and of a connection before any WINDOW_UPDATE (RFC 9113, 6.9.2). */
const DEFAULT_WINDOW_BYTES = 65_535;

/** Beyond so much input that waits for its turn no more is taken from the socket. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Fields that connections of every client have seen: equal bytes make equal fields, whoever sends them. */
const fieldCache = new FieldCache({ isValid: isValidField });

/** See the module. */
export abstract class Http2Connection implements Connection, StreamOwner, FrameTaker {
  readonly output = new ByteWriter();
  readonly creditBytes: number;
  nowMs: number;
  protected state: ConnectionState = 'starting';
  protected readonly limits: Http2Limits;
  protected readonly streams = new Map<number, Http2Stream>();
  protected readonly closedStreams: ClosedStreams;
  protected readonly peer: PeerSettings = presumedSettings();
  protected readonly decoder: HpackDecoder;
  protected readonly guard: Guard;
  /** The largest id that the peer has used. */
  protected lastPeerId = 0;
  readonly #events: ConnectionEvents;
  readonly #encoder = new HpackEncoder();
  readonly #block = new HeaderBlock();
  readonly #reader = new FrameReader(this);
  /** What has come and was not read. */
  readonly #waiting = new ChunkQueue();
  #waitingBytes = 0;
  #isPaused = false;
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #receiveWindow: number;
  #uncredited = 0;
  #blocked: Http2Stream[] = [];
  #isAcknowledged = false;
  /** From the start there is output: what a connection says first. */
  #isAwake = true;
  #isPumping = false;
  /** Counts frames written, to know whether a DATA frame is the last one. */
  #frames = 0;
  #lastDataFrame = -1;
  #lastDataBytes = 0;
  #lastDataId = 0;
  readonly #startedMs: number;
  #receivedMs: number;
  #pingSentMs: number | undefined;
  #outputMovedMs: number;
  #idleSinceMs: number;

  constructor(events: ConnectionEvents, limits: Http2Limits, nowMs: number) {
    this.#events = events;
    this.limits = limits;
    this.nowMs = nowMs;
    this.#startedMs = nowMs;
    this.#receivedMs = nowMs;
    this.#outputMovedMs = nowMs;
    this.#idleSinceMs = nowMs;
    this.creditBytes = limits.streamWindowBytes >> 1;
    this.#receiveWindow = Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES);
    this.guard = new Guard(limits);
    this.closedStreams = new ClosedStreams(limits.maxConcurrentStreams);
    this.decoder = new HpackDecoder({ maxListBytes: limits.maxHeaderListBytes, cache: fieldCache });
  }

  get streamCount(): number {
    return this.streams.size;
  }

  describe(): string {
    const streams = [...this.streams.values()].map(({ id, state }) => `${id} ${state}`);
    // What was consumed counts, though the peer may not have heard of it yet.
    const receiveWindow = this.#receiveWindow + this.#uncredited;
    return [this.state, `sends ${this.#sendWindow}`, `receives ${receiveWindow}`, ...streams].join(', ');
  }

  abstract drain(): void;

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

  /** Every second; before the base has looked at streams. */
  protected ticked(): void {}

  /** The PING that began with this number has been answered. */
  protected pinged(_number: number): void {}

  receive(chunk: Uint8Array): void {
    if (this.state === 'closed') return;
    this.#receivedMs = this.nowMs;
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
    this.#events.pauseInput(true);
  }

  turned(): void {
    this.guard.turned();
    if (this.#waiting.length === 0) return;
    this.#isAwake = false;
    this.#waitingBytes = 0;
    for (const bytes of this.#waiting.takeAll()) this.receive(bytes);
    if (this.state === 'closed' || !this.#isPaused || this.#waitingBytes > MAX_WAITING_BYTES / 2) return;
    this.#isPaused = false;
    this.#events.pauseInput(false);
  }

  inputEnded(): void {
    if (this.state === 'closed') return;
    this.closeAll('connection-termination', 'The connection was closed');
    this.close('The peer closed the connection');
  }

  flushed(): void {
    this.#isAwake = false;
    this.#outputMovedMs = this.nowMs;
    if (this.#blocked.length > 0) this.#pump();
    if (this.output.length > 0 || this.#waiting.length > 0) this.wake();
  }

  tick(nowMs: number): void {
    this.nowMs = nowMs;
    this.guard.ticked();
    if (this.state === 'closed') return;
    const { limits, output } = this;
    if (output.length === 0) this.#outputMovedMs = nowMs;
    else if (nowMs - this.#outputMovedMs >= limits.writeTimeoutMs)
      return this.abandon('Output was not taken in time');
    if (this.state === 'starting' && nowMs - this.#startedMs >= limits.headTimeoutMs)
      return this.abandon('Nothing was said in time');
    if (this.#reader.isLate(nowMs, limits.headTimeoutMs))
      return this.fail(ERROR_CODE.ENHANCE_YOUR_CALM, 'A frame was not finished in time');
    if (this.#block.isOpen && nowMs - this.#block.startedMs >= limits.headTimeoutMs)
      return this.fail(ERROR_CODE.ENHANCE_YOUR_CALM, 'A header block was not finished in time');
    if (this.streams.size > 0) this.#idleSinceMs = nowMs;
    else if (nowMs - this.#idleSinceMs >= limits.idleTimeoutMs) return this.fail(ERROR_CODE.NO_ERROR, 'Idle');
    this.#keepAlive();
    this.ticked();
    for (const stream of this.streams.values()) this.#tickStream(stream);
  }

  #tickStream(stream: Http2Stream): void {
    const { limits, nowMs } = this;
    // The answer is complete, and its client still sends: that it need not (RFC 9113, 8.1).
    if (stream.localEnded && stream.hasHead) return this.sendReset(stream, ERROR_CODE.NO_ERROR);
    const quiet = nowMs - stream.movedMs;
    const isStuck = stream.queue !== undefined && nowMs - stream.queueMovedMs >= limits.writeTimeoutMs;
    if (!isStuck && quiet < limits.streamIdleTimeoutMs) return;
    const { receiver } = stream;
    this.#resetAndRemove(stream, ERROR_CODE.CANCEL);
    receiver.reset('local-reset', isStuck ? 'The peer opened no window in time' : 'Nothing moved in time');
    this.settle();
  }

  #keepAlive(): void {
    const { pingAfterMs, pingTimeoutMs } = this.limits;
    if (this.#pingSentMs !== undefined) {
      if (this.nowMs - this.#pingSentMs >= pingTimeoutMs) this.abandon('A PING was not answered in time');
    } else if (pingAfterMs > 0 && this.streams.size > 0 && this.nowMs - this.#receivedMs >= pingAfterMs) {
      this.#pingSentMs = this.nowMs;
      this.sendPing(0);
    }
  }

  // --- reading ---

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
    this.#receiveWindow -= size;
    if (this.#receiveWindow < 0)
      throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'More DATA than the connection may carry');
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

  /** The peer's direction has ended; the receiver is told. */
  protected remoteEnd(stream: Http2Stream, trailers: FieldList): void {
    stream.remoteEnded = true;
    const { receiver } = stream;
    if (stream.localEnded) this.remove(stream, false);
    receiver.end(trailers);
    this.settle();
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
      this.#sendWindow += increment;
      if (this.#sendWindow > MAX_31)
        throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'The window is too large');
      return this.#pump();
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
    if (stream.isBlocked) this.#pump();
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
      this.#isAcknowledged = true;
      return;
    }
    if (size % 6 !== 0) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'SETTINGS of a broken length');
    this.guard.settings();
    const before = this.peer.initialWindowBytes;
    readSettings(this.peer, bytes, start, end, this.#encoder);
    const change = this.peer.initialWindowBytes - before;
    if (change !== 0) {
      for (const stream of this.streams.values()) {
        stream.sendWindow += change;
        if (stream.sendWindow > MAX_31)
          throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'The window is too large');
      }
    }
    writeFrameHeader(this.output, 0, FRAME.SETTINGS, FLAG.ACK, 0);
    this.wrote();
    if (change > 0) this.#pump();
  }

  #ping(bytes: Uint8Array, start: number, size: number, flags: number, id: number): void {
    if (id !== 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'PING on a stream');
    if (size !== 8) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'PING is not 8 bytes long');
    if ((flags & FLAG.ACK) !== 0) {
      this.guard.emptyFrame();
      this.#pingSentMs = undefined;
      return this.pinged(readUint32(bytes, start));
    }
    this.guard.ping();
    writeFrameHeader(this.output, 8, FRAME.PING, FLAG.ACK, 0);
    this.output.append(bytes.subarray(start, start + 8));
    this.wrote();
  }

  // --- writing ---

  sendHead(stream: Http2Stream, status: number, headers: FieldList, hasEnded: boolean): void {
    // A tunnel that HTTP/1.1 opens by 101 is opened by 200 here (RFC 8441).
    const text = status === 101 ? '200' : statusText(status);
    const at = this.beginBlock();
    this.#encoder.encode(this.output, ':status', text);
    this.encodeAll(headers);
    this.endBlock(at, stream.id, hasEnded);
    stream.movedMs = this.nowMs;
    if (hasEnded) this.#localEnd(stream);
  }

  sendData(stream: Http2Stream, chunk: Uint8Array, from: number, to: number): number {
    const { output } = this;
    let at = from;
    while (at < to) {
      const room = this.limits.outputHighWaterBytes - output.length;
      const window = Math.min(stream.sendWindow, this.#sendWindow);
      const size = Math.min(to - at, window, FRAME_BYTES, room);
      if (size <= 0) break;
      this.guard.sentData(size === window && size < to - at ? size : FRAME_BYTES);
      writeFrameHeader(output, size, FRAME.DATA, 0, stream.id);
      output.append(at === 0 && size === chunk.length ? chunk : viewOf(chunk, at, at + size));
      stream.sendWindow -= size;
      this.#sendWindow -= size;
      at += size;
      this.wrote();
      this.#lastDataFrame = this.#frames;
      this.#lastDataBytes = FRAME_HEADER_BYTES + size;
      this.#lastDataId = stream.id;
    }
    if (at > from) {
      stream.movedMs = this.nowMs;
      stream.queueMovedMs = this.nowMs;
    }
    return at - from;
  }

  sendEnd(stream: Http2Stream, trailers: FieldList): void {
    if (!hasNone(trailers)) {
      const at = this.beginBlock();
      this.encodeAll(trailers);
      this.endBlock(at, stream.id, true);
    } else if (
      this.#lastDataFrame === this.#frames &&
      this.#lastDataId === stream.id &&
      this.output.length >= this.#lastDataBytes
    ) {
      // The last frame written is this stream's and has not left: it can say itself that it is the last.
      const flagsAt = this.output.end - this.#lastDataBytes + 4;
      this.output.bytes[flagsAt]! |= FLAG.END_STREAM;
    } else {
      writeFrameHeader(this.output, 0, FRAME.DATA, FLAG.END_STREAM, stream.id);
      this.wrote();
    }
    stream.movedMs = this.nowMs;
    this.#localEnd(stream);
  }

  #localEnd(stream: Http2Stream): void {
    stream.localEnded = true;
    if (!stream.remoteEnded) return;
    this.remove(stream, false);
    this.settle();
  }

  sendWindowUpdate(id: number, bytes: number): void {
    writeFrameHeader(this.output, 4, FRAME.WINDOW_UPDATE, 0, id);
    writeUint32(this.output, bytes);
    this.wrote();
  }

  sendReset(stream: Http2Stream, code: number): void {
    this.#resetAndRemove(stream, code);
    this.settle();
  }

  #resetAndRemove(stream: Http2Stream, code: number): void {
    this.#resetStream(stream.id, code);
    this.remove(stream, true);
  }

  #resetStream(id: number, code: number): void {
    writeFrameHeader(this.output, 4, FRAME.RST_STREAM, 0, id);
    writeUint32(this.output, code);
    this.wrote();
  }

  credit(bytes: number): void {
    this.#uncredited += bytes;
    if (this.#uncredited < this.limits.connectionWindowBytes >> 1 || this.state === 'closed') return;
    this.sendWindowUpdate(0, this.#uncredited);
    this.#receiveWindow += this.#uncredited;
    this.#uncredited = 0;
  }

  block(stream: Http2Stream): void {
    if (stream.isBlocked) return;
    stream.isBlocked = true;
    this.#blocked.push(stream);
  }

  /** Lets streams that wait send in turns, a frame each, until windows or output are full. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    let moved = true;
    while (
      moved &&
      this.#blocked.length > 0 &&
      this.#sendWindow > 0 &&
      this.output.length < this.limits.outputHighWaterBytes
    ) {
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

  /** Begins a header block in the output; returns where, for {@link endBlock}. */
  protected beginBlock(): number {
    const at = this.output.length;
    writeFrameHeader(this.output, 0, FRAME.HEADERS, FLAG.END_HEADERS, 0);
    this.#encoder.begin(this.output);
    return at;
  }

  protected encode(name: string, value: string): void {
    this.#encoder.encode(this.output, name, value);
  }

  protected encodeAll(fields: FieldList): void {
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      this.#encoder.encode(this.output, field[0], field[1]);
    }
  }

  protected endBlock(offset: number, id: number, hasEnded: boolean): void {
    const { output } = this;
    const start = output.start + offset;
    const size = output.end - start - FRAME_HEADER_BYTES;
    const flags = hasEnded ? FLAG.END_STREAM : 0;
    if (size <= FRAME_BYTES) {
      const { bytes } = output;
      bytes[start] = size >>> 16;
      bytes[start + 1] = size >>> 8;
      bytes[start + 2] = size;
      bytes[start + 4] = flags | FLAG.END_HEADERS;
      bytes[start + 5] = id >>> 24;
      bytes[start + 6] = id >>> 16;
      bytes[start + 7] = id >>> 8;
      bytes[start + 8] = id;
      return this.wrote();
    }
    const block = output.bytes.slice(start + FRAME_HEADER_BYTES, output.end);
    output.end = start;
    for (let at = 0; at < size; at += FRAME_BYTES) {
      const piece = block.subarray(at, Math.min(at + FRAME_BYTES, size));
      const isLast = at + FRAME_BYTES >= size;
      const type = at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
      writeFrameHeader(
        output,
        piece.length,
        type,
        (at === 0 ? flags : 0) | (isLast ? FLAG.END_HEADERS : 0),
        id,
      );
      output.append(piece);
    }
    this.wrote();
  }

  protected sendPing(number: number): void {
    writeFrameHeader(this.output, 8, FRAME.PING, 0, 0);
    writeUint32(this.output, number);
    writeUint32(this.output, 0);
    this.wrote();
  }

  protected sendGoaway(lastId: number, code: number, detail: string): void {
    const debug = detail.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 256);
    writeFrameHeader(this.output, 8 + debug.length, FRAME.GOAWAY, 0, 0);
    writeUint32(this.output, lastId);
    writeUint32(this.output, code);
    this.output.latin1(debug);
    this.wrote();
  }

  /** Every frame written passes here. */
  protected wrote(): void {
    this.#frames++;
    if (this.output.length > this.limits.maxOutputBytes) this.abandon('Output is not read');
    else this.wake();
  }

  protected wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#events.wake();
  }

  // --- ends ---

  /** The last stream of the peer's that was looked at. */
  protected get lastServedId(): number {
    return this.lastPeerId;
  }

  protected get isClosed(): boolean {
    return this.state === 'closed';
  }

  /** The window that a new stream's peer may send. Until our SETTINGS are acknowledged it may not know a smaller one. */
  protected get receiveWindowBytes(): number {
    const { streamWindowBytes } = this.limits;
    return this.#isAcknowledged ? streamWindowBytes : Math.max(streamWindowBytes, DEFAULT_WINDOW_BYTES);
  }

  /** A stream is over; its receiver is not told. {@link settle} has to follow. */
  protected remove(stream: Http2Stream, wasReset: boolean): void {
    if (stream.isClosed) return;
    const { held } = stream;
    stream.held = 0;
    stream.close();
    this.streams.delete(stream.id);
    this.closedStreams.add(stream.id, wasReset);
    if (held > 0) this.credit(held);
    this.#idleSinceMs = this.nowMs;
  }

  /** After streams were removed and their receivers told: the connection may be over, too. */
  protected settle(): void {
    if (this.streams.size === 0 && this.state !== 'closed') this.emptied();
  }

  /** The last stream is over. */
  protected emptied(): void {}

  /** The peer broke a rule of a stream: only that one ends. */
  protected breach(stream: Http2Stream, code: number, detail: string): void {
    this.guard.reset();
    const { receiver } = stream;
    this.#resetAndRemove(stream, code);
    receiver.reset('protocol-error', detail);
    this.settle();
  }

  #streamError(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream) return this.breach(stream, code, 'The peer broke the protocol');
    this.refuse(id, code);
  }

  /** Resets a stream that never came to be, or is over. */
  protected refuse(id: number, code: number): void {
    this.guard.reset();
    this.#resetStream(id, code);
    this.closedStreams.add(id, true);
  }

  /** Ends the connection with GOAWAY; its streams are told. */
  protected fail(code: number, detail: string): void {
    if (this.state === 'closed') return;
    const reason: StreamResetReason =
      code === ERROR_CODE.NO_ERROR ? 'connection-termination' : 'protocol-error';
    this.state = 'closed';
    this.sendGoaway(this.lastServedId, code, detail);
    this.closeAll(reason, detail);
    this.#events.close(detail);
  }

  /** Ends the connection without a word: nobody listens. */
  protected abandon(detail: string): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.output.shift(this.output.length);
    this.closeAll('connection-termination', detail);
    this.#events.close(detail);
  }

  /** No stream is left, and none will come. */
  protected close(detail: string): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#events.close(detail);
  }

  protected closeAll(reason: StreamResetReason, detail: string): void {
    const streams = [...this.streams.values()];
    const receivers = streams.map(({ receiver }) => receiver);
    for (const stream of streams) this.remove(stream, true);
    for (const receiver of receivers) receiver.reset(reason, detail);
  }
}

const STATUS_TEXT: string[] = Array.from({ length: 600 }, (_, status) => `${status}`);

function statusText(status: number): string {
  return STATUS_TEXT[status] ?? `${status}`;
}
