/**
 * gRPC-Web's trailers: the last envelope of a body, for those who cannot see HTTP's. Imports envelopes and text.
 *
 * Source: gRPC-Web `PROTOCOL-WEB.md` (HTTP/2 related behavior, 8th bit of the flags).
 */
import type { Field, FieldList } from '../stream.ts';
import { readLatin1, writeLatin1 } from '../text.ts';
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

/** The trailers in such an envelope's message: names in lower case, lines that have no name left out. */
export function parseWebTrailers(message: Uint8Array): FieldList {
  const trailers: Field[] = [];
  for (const line of readLatin1(message, 0, message.length).split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return trailers;
}
