/** Frames on their way out of one connection: their layout and header blocks, not whether they may be sent (RFC 9113, 6). */
import { ByteWriter } from '../byte-writer.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import type { FieldList } from '../stream.ts';
import { viewOf } from '../view.ts';
import { FLAG, FRAME, FRAME_BYTES, FRAME_HEADER_BYTES, writeFrameHeader, writeUint32 } from './frame.ts';

/** Bytes of a GOAWAY's debug data, at most. */
const MAX_DEBUG_BYTES = 256;

/** Who is told of frames. */
export interface FrameWriterOwner {
  /** A frame was written. */
  wrote(): void;
}

/** See the module. */
export class FrameWriter {
  readonly output = new ByteWriter();
  readonly encoder = new HpackEncoder();
  readonly #owner: FrameWriterOwner;
  /** Counts frames written, to know whether a DATA frame is the last one. */
  #frames = 0;
  #lastDataFrame = -1;
  #lastDataBytes = 0;
  #lastDataId = 0;

  constructor(owner: FrameWriterOwner) {
    this.#owner = owner;
  }

  /** The chunk's bytes from `from` to `to`, at most {@link FRAME_BYTES}, as a DATA frame. */
  data(id: number, chunk: Uint8Array, from: number, to: number): void {
    const { output } = this;
    const size = to - from;
    writeFrameHeader(output, size, FRAME.DATA, 0, id);
    output.append(size === chunk.length ? chunk : viewOf(chunk, from, to));
    this.#wrote();
    this.#lastDataFrame = this.#frames;
    this.#lastDataBytes = FRAME_HEADER_BYTES + size;
    this.#lastDataId = id;
  }

  /** The end of a stream's DATA. */
  end(id: number): void {
    const { output } = this;
    if (
      this.#lastDataFrame === this.#frames &&
      this.#lastDataId === id &&
      output.length >= this.#lastDataBytes
    ) {
      // The last frame written is this stream's and has not left: it can say itself that it is the last.
      output.bytes[output.end - this.#lastDataBytes + 4]! |= FLAG.END_STREAM;
      return;
    }
    writeFrameHeader(output, 0, FRAME.DATA, FLAG.END_STREAM, id);
    this.#wrote();
  }

  windowUpdate(id: number, bytes: number): void {
    writeFrameHeader(this.output, 4, FRAME.WINDOW_UPDATE, 0, id);
    writeUint32(this.output, bytes);
    this.#wrote();
  }

  reset(id: number, code: number): void {
    writeFrameHeader(this.output, 4, FRAME.RST_STREAM, 0, id);
    writeUint32(this.output, code);
    this.#wrote();
  }

  /** The answer to SETTINGS. */
  acknowledgeSettings(): void {
    writeFrameHeader(this.output, 0, FRAME.SETTINGS, FLAG.ACK, 0);
    this.#wrote();
  }

  /** A PING that begins with this number. */
  ping(number: number): void {
    writeFrameHeader(this.output, 8, FRAME.PING, 0, 0);
    writeUint32(this.output, number);
    writeUint32(this.output, 0);
    this.#wrote();
  }

  /** The answer to a PING whose eight bytes begin at `at`. */
  acknowledgePing(bytes: Uint8Array, at: number): void {
    writeFrameHeader(this.output, 8, FRAME.PING, FLAG.ACK, 0);
    this.output.append(bytes.subarray(at, at + 8));
    this.#wrote();
  }

  goaway(lastId: number, code: number, detail: string): void {
    const debug = detail.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_DEBUG_BYTES);
    writeFrameHeader(this.output, 8 + debug.length, FRAME.GOAWAY, 0, 0);
    writeUint32(this.output, lastId);
    writeUint32(this.output, code);
    this.output.latin1(debug);
    this.#wrote();
  }

  /** Begins a header block; returns where, for {@link endBlock}. */
  beginBlock(): number {
    const at = this.output.length;
    writeFrameHeader(this.output, 0, FRAME.HEADERS, FLAG.END_HEADERS, 0);
    this.encoder.begin(this.output);
    return at;
  }

  /** A field of the block. */
  field(name: string, value: string): void {
    this.encoder.encode(this.output, name, value);
  }

  /** Fields of the block. */
  fields(fields: FieldList): void {
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      this.encoder.encode(this.output, field[0], field[1]);
    }
  }

  /** Ends the block that began at `offset`: one HEADERS frame, with CONTINUATION behind it where that is too small. */
  endBlock(offset: number, id: number, hasEnded: boolean): void {
    const { output } = this;
    const start = output.start + offset;
    const size = output.end - start - FRAME_HEADER_BYTES;
    const flags = hasEnded ? FLAG.END_STREAM : 0;
    if (size > FRAME_BYTES) this.#splitBlock(start, id, flags);
    else {
      const { bytes } = output;
      bytes[start] = size >>> 16;
      bytes[start + 1] = size >>> 8;
      bytes[start + 2] = size;
      bytes[start + 4] = flags | FLAG.END_HEADERS;
      bytes[start + 5] = id >>> 24;
      bytes[start + 6] = id >>> 16;
      bytes[start + 7] = id >>> 8;
      bytes[start + 8] = id;
    }
    this.#wrote();
  }

  #splitBlock(start: number, id: number, flags: number): void {
    const { output } = this;
    const block = output.bytes.slice(start + FRAME_HEADER_BYTES, output.end);
    output.end = start;
    for (let at = 0; at < block.length; at += FRAME_BYTES) {
      const piece = block.subarray(at, at + FRAME_BYTES);
      const isFirst = at === 0;
      const endsHere = at + FRAME_BYTES >= block.length ? FLAG.END_HEADERS : 0;
      const type = isFirst ? FRAME.HEADERS : FRAME.CONTINUATION;
      writeFrameHeader(output, piece.length, type, (isFirst ? flags : 0) | endsHere, id);
      output.append(piece);
    }
  }

  /** Every frame passes here. */
  #wrote(): void {
    this.#frames++;
    this.#owner.wrote();
  }
}
