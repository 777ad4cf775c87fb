/**
 * gRPC-Web's trailers: the last envelope of a body, for those who cannot see HTTP's. Imports envelopes and text.
 *
 * Source: gRPC-Web `PROTOCOL-WEB.md` (HTTP/2 related behavior, 8th bit of the flags).
 */
import type { FieldList } from '../stream.ts';
import { writeLatin1 } from '../text.ts';
import { ENVELOPE_HEAD_BYTES, writeEnvelopeHead } from './envelope.ts';

/** The flag of the envelope with trailers. Of a compressed one {@link COMPRESSED_FLAG} is set too. */
export const TRAILER_FLAG = 0x80;

/** The trailers in their envelope: a line `name: value` for each. Throws a TypeError for a value with a line break. */
export function encodeWebTrailers(trailers: FieldList): Uint8Array<ArrayBuffer> {
  let lines = '';
  for (const [name, value] of trailers) {
    if (BREAKS_LINE.test(name) || BREAKS_LINE.test(value))
      throw new TypeError(`Cannot write the trailer "${name}": it has a line break`);
    lines += `${name}: ${value}\r\n`;
  }
  const bytes = new Uint8Array(ENVELOPE_HEAD_BYTES + lines.length);
  writeEnvelopeHead(bytes, 0, TRAILER_FLAG, lines.length);
  writeLatin1(bytes, lines, ENVELOPE_HEAD_BYTES);
  return bytes;
}

const BREAKS_LINE = /[\r\n\0]/;
