/** The layout of HTTP/2's frames (RFC 9113, 4 and 6): numbers, and how they are written. Imports the writer. */
import type { ByteWriter } from '../byte-writer.ts';

/** Frame types. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Frame flags; ACK and END_STREAM share a bit. */
export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

/** Bytes before each frame's payload. */
export const FRAME_HEADER_BYTES = 9;

/** The largest payload that every peer takes, and the largest that we take. */
export const FRAME_BYTES = 16_384;

/** The largest window, and the largest stream id. */
export const MAX_31 = 0x7fff_ffff;

/** What a client sends first, before its SETTINGS. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Writes a frame's header, with room made for its payload. */
export function writeFrameHeader(
  out: ByteWriter,
  length: number,
  type: number,
  flags: number,
  id: number,
): void {
  out.reserve(FRAME_HEADER_BYTES + length);
  const { bytes } = out;
  let at = out.end;
  bytes[at++] = length >>> 16;
  bytes[at++] = length >>> 8;
  bytes[at++] = length;
  bytes[at++] = type;
  bytes[at++] = flags;
  bytes[at++] = id >>> 24;
  bytes[at++] = id >>> 16;
  bytes[at++] = id >>> 8;
  bytes[at++] = id;
  out.end = at;
}

/** Writes a number of four bytes. */
export function writeUint32(out: ByteWriter, value: number): void {
  out.reserve(4);
  const { bytes } = out;
  let at = out.end;
  bytes[at++] = value >>> 24;
  bytes[at++] = value >>> 16;
  bytes[at++] = value >>> 8;
  bytes[at++] = value;
  out.end = at;
}

/** Reads a number of four bytes, as an unsigned one. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Reads a number of 31 bits; the reserved bit before it is ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & MAX_31;
}
