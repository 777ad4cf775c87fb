/**
 * What servers' and clients' HTTP/2 connections have in common: their life, their streams, what streams send, and the
 * time that anything may take (RFC 9113). What a peer's frames mean is for `receiving-connection.ts` to say. No socket, no
 * clock: see `wire/stream.ts`.
 */
import type { ByteWriter } from '../byte-writer.ts';
import {
  type Connection,
  type ConnectionEvents,
  ERROR_CODE,
  type FieldList,
  type StreamResetReason,
} from '../stream.ts';
import { ClosedStreams } from './closed-streams.ts';
import { DEFAULT_WINDOW_BYTES, FlowControl } from './flow-control.ts';
import { FRAME_BYTES } from './frame.ts';
import { FrameWriter, type FrameWriterOwner } from './frame-writer.ts';
import { Guard } from './guard.ts';
import type { Http2Limits } from './limit.ts';
import { type PeerSettings, presumedSettings } from './settings.ts';
import { type Http2Stream, hasNone, type StreamOwner } from './stream.ts';

/** Where a connection is in its life. */
export type ConnectionState =
  /** Nothing has come yet: the preface of a client, the SETTINGS of a server. */
  | 'starting'
  | 'open'
  /** A GOAWAY was sent or has come: streams go on, new ones are not opened. */
  | 'draining'
  | 'closed';

/** See the module. */
export abstract class Http2Connection implements Connection, StreamOwner, FrameWriterOwner {
  readonly output: ByteWriter;
  readonly creditBytes: number;
  nowMs: number;
  protected state: ConnectionState = 'starting';
  protected readonly events: ConnectionEvents;
  protected readonly limits: Http2Limits;
  protected readonly writer = new FrameWriter(this);
  protected readonly flow: FlowControl;
  protected readonly guard: Guard;
  protected readonly peer: PeerSettings = presumedSettings();
  protected readonly streams = new Map<number, Http2Stream>();
  protected readonly closedStreams: ClosedStreams;
  /** The largest id that the peer has used. */
  protected lastPeerId = 0;
  /** The peer has acknowledged our SETTINGS. */
  protected isAcknowledged = false;
  protected receivedMs: number;
  /** When a PING was sent that is not answered yet. */
  protected pingSentMs: number | undefined;
  /** The owner has been told to send, and has not done so. From the start there is output: what a connection says first. */
  protected isAwake = true;
  readonly #startedMs: number;
  #outputMovedMs: number;
  #idleSinceMs: number;

  constructor(events: ConnectionEvents, limits: Http2Limits, nowMs: number) {
    this.events = events;
    this.limits = limits;
    this.nowMs = nowMs;
    this.#startedMs = nowMs;
    this.receivedMs = nowMs;
    this.#outputMovedMs = nowMs;
    this.#idleSinceMs = nowMs;
    this.output = this.writer.output;
    this.creditBytes = limits.streamWindowBytes >> 1;
    this.flow = new FlowControl(limits.connectionWindowBytes);
    this.guard = new Guard(limits);
    this.closedStreams = new ClosedStreams(limits.maxConcurrentStreams);
  }

  get streamCount(): number {
    return this.streams.size;
  }

  describe(): string {
    const { sendWindow, receiveWindow } = this.flow;
    const streams = [...this.streams.values()].map(({ id, state }) => `${id} ${state}`);
    return [this.state, `sends ${sendWindow}`, `receives ${receiveWindow}`, ...streams].join(', ');
  }

  abstract receive(chunk: Uint8Array): void;

  abstract drain(): void;

  /** Every second; before the base has looked at streams. */
  protected ticked(): void {}

  /** What of the peer's has been on its way for too long. */
  protected abstract readonly lateInput: string | undefined;

  abstract readonly hasWaiting: boolean;

  abstract turned(): void;

  inputEnded(): void {
    if (this.state === 'closed') return;
    this.closeAll('connection-termination', 'The connection was closed');
    this.close('The peer closed the connection');
  }

  flushed(): void {
    this.isAwake = false;
    this.#outputMovedMs = this.nowMs;
    if (this.flow.hasBlocked) this.pump();
    if (this.output.length > 0) this.wake();
  }

  // --- time ---

  tick(nowMs: number): void {
    this.nowMs = nowMs;
    this.guard.ticked();
    if (this.state === 'closed') return;
    const { limits, output } = this;
    if (output.length === 0) this.#outputMovedMs = nowMs;
    else if (nowMs - this.#outputMovedMs >= limits.writeTimeoutMs)
      return this.abandon('Output was not taken in time', 'local-reset');
    if (this.state === 'starting' && nowMs - this.#startedMs >= limits.headTimeoutMs)
      return this.abandon('Nothing was said in time');
    const { lateInput } = this;
    if (lateInput !== undefined) return this.fail(ERROR_CODE.ENHANCE_YOUR_CALM, lateInput);
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
    if (this.pingSentMs !== undefined) {
      if (this.nowMs - this.pingSentMs >= pingTimeoutMs) this.abandon('A PING was not answered in time');
    } else if (pingAfterMs > 0 && this.streams.size > 0 && this.nowMs - this.receivedMs >= pingAfterMs) {
      this.pingSentMs = this.nowMs;
      this.writer.ping(0);
    }
  }

  // --- what streams send ---

  sendHead(stream: Http2Stream, status: number, headers: FieldList, hasEnded: boolean): void {
    const { writer } = this;
    // A tunnel that HTTP/1.1 opens by 101 is opened by 200 here (RFC 8441).
    const text = status === 101 ? '200' : statusText(status);
    const at = writer.beginBlock();
    writer.field(':status', text);
    writer.fields(headers);
    writer.endBlock(at, stream.id, hasEnded);
    stream.movedMs = this.nowMs;
    if (hasEnded) this.#localEnd(stream);
  }

  sendData(stream: Http2Stream, chunk: Uint8Array, from: number, to: number): number {
    const { output, flow } = this;
    let at = from;
    while (at < to) {
      const room = this.limits.outputHighWaterBytes - output.length;
      const window = Math.min(stream.sendWindow, flow.sendWindow);
      const size = Math.min(to - at, window, FRAME_BYTES, room);
      if (size <= 0) break;
      this.guard.sentData(size === window && size < to - at ? size : FRAME_BYTES);
      stream.sendWindow -= size;
      flow.sendWindow -= size;
      this.writer.data(stream.id, chunk, at, at + size);
      at += size;
    }
    if (at > from) {
      stream.movedMs = this.nowMs;
      stream.queueMovedMs = this.nowMs;
    }
    return at - from;
  }

  sendEnd(stream: Http2Stream, trailers: FieldList): void {
    const { writer } = this;
    if (hasNone(trailers)) writer.end(stream.id);
    else {
      const at = writer.beginBlock();
      writer.fields(trailers);
      writer.endBlock(at, stream.id, true);
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
    this.writer.windowUpdate(id, bytes);
  }

  sendReset(stream: Http2Stream, code: number): void {
    this.#resetAndRemove(stream, code);
    this.settle();
  }

  credit(bytes: number): void {
    const given = this.flow.credit(bytes);
    if (given > 0 && this.state !== 'closed') this.writer.windowUpdate(0, given);
  }

  block(stream: Http2Stream): void {
    this.flow.block(stream);
  }

  /** Windows or output have room again. */
  protected pump(): void {
    this.flow.pump(this.output, this.limits.outputHighWaterBytes);
  }

  /** For the writer: every frame written passes here. */
  wrote(): void {
    if (this.output.length > this.limits.maxOutputBytes) this.abandon('Output is not read');
    else this.wake();
  }

  protected wake(): void {
    if (this.isAwake) return;
    this.isAwake = true;
    this.events.wake();
  }

  // --- ends ---

  /** The last stream of the peer's that was looked at. */
  protected get lastServedId(): number {
    return this.lastPeerId;
  }

  /** The window that a new stream's peer may send. Until our SETTINGS are acknowledged it may not know a smaller one. */
  protected get receiveWindowBytes(): number {
    const { streamWindowBytes } = this.limits;
    return this.isAcknowledged ? streamWindowBytes : Math.max(streamWindowBytes, DEFAULT_WINDOW_BYTES);
  }

  /** The peer's direction has ended; the receiver is told. */
  protected remoteEnd(stream: Http2Stream, trailers: FieldList): void {
    stream.remoteEnded = true;
    const { receiver } = stream;
    if (stream.localEnded) this.remove(stream, false);
    receiver.end(trailers);
    this.settle();
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

  #resetAndRemove(stream: Http2Stream, code: number): void {
    this.writer.reset(stream.id, code);
    this.remove(stream, true);
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

  /** Resets a stream that never came to be, or is over. */
  protected refuse(id: number, code: number): void {
    this.guard.reset();
    this.writer.reset(id, code);
    this.closedStreams.add(id, true);
  }

  /** Ends the connection with GOAWAY; its streams are told. */
  protected fail(code: number, detail: string): void {
    if (this.state === 'closed') return;
    const reason: StreamResetReason =
      code === ERROR_CODE.NO_ERROR ? 'connection-termination' : 'protocol-error';
    this.state = 'closed';
    this.writer.goaway(this.lastServedId, code, detail);
    this.closeAll(reason, detail);
    this.events.close(detail);
  }

  /** Ends the connection without a word: nobody listens. */
  protected abandon(detail: string, reason: StreamResetReason = 'connection-termination'): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.output.shift(this.output.length);
    this.closeAll(reason, detail);
    this.events.close(detail);
  }

  /** No stream is left, and none will come. */
  protected close(detail: string): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.events.close(detail);
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
