/** Header blocks for the tests: bytes from text, fields from a decoder, blocks from an encoder. */
import { ByteWriter } from '../../../wire/byte-writer.ts';
import type { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import type { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import type { Field, FieldList } from '../../../wire/stream.ts';

/** The bytes of hexadecimal digits, blanks left out. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** The hexadecimal digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The fields of a block, with other bytes before and after it. */
export function decode(decoder: HpackDecoder, block: Uint8Array | string): Field[] {
  const bytes = typeof block === 'string' ? hex(block) : block;
  const within = new Uint8Array(bytes.length + 5).fill(0xff);
  within.set(bytes, 2);
  const fields: Field[] = [];
  decoder.decode(within, 2, 2 + bytes.length, { field: (field) => fields.push(field) });
  return fields;
}

/** The block of fields. */
export function encode(encoder: HpackEncoder, fields: FieldList): Uint8Array {
  const out = new ByteWriter(16);
  encoder.begin(out);
  for (const [name, value] of fields) encoder.encode(out, name, value);
  return out.take();
}

/** What is in a decoder's dynamic table, newest first, as its indexes say. */
export function tableOf(decoder: HpackDecoder): Field[] {
  const fields: Field[] = [];
  for (let index = 62; ; index++) {
    try {
      fields.push(...decode(decoder, indexed(index)));
    } catch {
      return fields;
    }
  }
}

/** An indexed field below 255. */
function indexed(index: number): Uint8Array {
  return index < 127 ? Uint8Array.of(0x80 | index) : Uint8Array.of(0xff, index - 127);
}
