/** SETTINGS: what each side tells the other about itself (RFC 9113, 6.5; RFC 8441). Imports frames and codes. */
import type { ByteWriter } from '../byte-writer.ts';
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import { FRAME, MAX_31, readUint32, writeFrameHeader, writeUint32 } from './frame.ts';

/** Identifiers of settings. */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** What the peer has said; until it does, what the RFC presumes. */
export interface PeerSettings {
  /** Streams that we may open at a time. */
  maxConcurrentStreams: number;
  initialWindowBytes: number;
  /** True: it takes a CONNECT with `:protocol`. */
  connectProtocol: boolean;
}

/** A peer that has said nothing yet: 100 streams are presumed, as the RFC advises no fewer (5.1.2). */
export function presumedSettings(): PeerSettings {
  return {
    maxConcurrentStreams: 100,
    initialWindowBytes: 65_535,
    connectProtocol: false,
  };
}

/** Told each size in turn: the lowest matters even if a higher one follows at once (RFC 7541, 4.2). */
export interface HeaderTable {
  setMaxTableBytes(bytes: number): void;
}

/**
 * Takes a SETTINGS payload into `settings`. A larger MAX_FRAME_SIZE is not made use of. Throws an {@link Http2Error}
 * for values that no setting may have.
 */
export function readSettings(
  settings: PeerSettings,
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HeaderTable,
): void {
  for (let at = start; at < end; at += 6) {
    const value = readUint32(bytes, at + 2);
    switch ((bytes[at]! << 8) | bytes[at + 1]!) {
      case SETTING.HEADER_TABLE_SIZE:
        table.setMaxTableBytes(value);
        break;
      case SETTING.ENABLE_PUSH:
        if (value > 1) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'ENABLE_PUSH is neither 0 nor 1');
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value;
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_31)
          throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE is too large');
        settings.initialWindowBytes = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < 16_384 || value > 0xff_ffff)
          throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'MAX_FRAME_SIZE is out of range');
        break;
      case SETTING.ENABLE_CONNECT_PROTOCOL:
        if (value > 1)
          throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'ENABLE_CONNECT_PROTOCOL is neither 0 nor 1');
        settings.connectProtocol = value === 1;
        break;
    }
  }
}

/** Writes a SETTINGS frame. */
export function writeSettings(
  out: ByteWriter,
  settings: readonly (readonly [id: number, value: number])[],
): void {
  writeFrameHeader(out, settings.length * 6, FRAME.SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    out.byte(id >>> 8);
    out.byte(id);
    writeUint32(out, value);
  }
}
