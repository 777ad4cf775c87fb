/** HTTP/2's frames as bytes and as words, apart from the engine's own reader and writer but for its header coding. */
import { ByteWriter } from '../../../wire/byte-writer.ts';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import type { Field, FieldList } from '../../../wire/stream.ts';

/** Frame types by number. */
export const TYPES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 32;

export type FrameType = (typeof TYPES)[number];

/** One frame. The type may be a number that has no name. */
export function frame(
  type: FrameType | number,
  flags = 0,
  id = 0,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const { length } = payload;
  const number = typeof type === 'number' ? type : TYPES.indexOf(type);
  return Uint8Array.from([length >> 16, length >> 8, length, number, flags, ...uint32(id), ...payload]);
}

/** Four bytes of a number. */
export function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Bytes of text, one a character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The pieces one after the other. */
export function join(...pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** A header block without a dynamic table: each field a literal. */
export function block(fields: FieldList): Uint8Array {
  return join(...fields.map(([name, value]) => [0, ...literal(name), ...literal(value)]));
}

/** A string of HPACK (RFC 7541, 5.2), not Huffman coded. */
function literal(text: string): number[] {
  const { length } = text;
  const bytes = [...latin1(text)];
  if (length < 127) return [length, ...bytes];
  const size: number[] = [127];
  let rest = length - 127;
  for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128);
  return [...size, rest, ...bytes];
}

/** Pseudo headers of a request, which `more` follow. */
export function request(method = 'GET', path = '/', more: FieldList = []): FieldList {
  return [[':method', method], [':scheme', 'http'], [':authority', 'a'], [':path', path], ...more];
}

/** A request's HEADERS. */
export function requestFrame(
  id: number,
  flags = END_STREAM | END_HEADERS,
  fields: FieldList = request(),
): Uint8Array {
  return frame('HEADERS', flags, id, block(fields));
}

export const PREFACE = latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** SETTINGS with these values by identifier. */
export function settings(...values: readonly (readonly [id: number, value: number])[]): Uint8Array {
  return frame(
    'SETTINGS',
    0,
    0,
    values.flatMap(([id, value]) => [id >> 8, id & 255, ...uint32(value)]),
  );
}

/** What a client says first, and what follows. */
export function hello(...frames: readonly Uint8Array[]): Uint8Array {
  return join(PREFACE, settings(), ...frames);
}

export function windowUpdate(id: number, bytes: number): Uint8Array {
  return frame('WINDOW_UPDATE', 0, id, uint32(bytes));
}

export function resetFrame(id: number, code: number): Uint8Array {
  return frame('RST_STREAM', 0, id, uint32(code));
}

/** A frame as it was on the wire. */
export interface Frame {
  readonly type: string;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** The frames of one direction, as they come in pieces. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);
  readonly #decoder = new HpackDecoder({ maxListBytes: 1 << 24 });
  #block: Uint8Array = new Uint8Array(0);

  /** Frames that are whole now. A preface is passed over. */
  read(bytes: Uint8Array): Frame[] {
    let rest = join(this.#rest, bytes);
    if (rest[0] === PREFACE[0] && rest.length >= PREFACE.length) rest = rest.subarray(PREFACE.length);
    const frames: Frame[] = [];
    while (rest.length >= 9) {
      const end = 9 + ((rest[0]! << 16) | (rest[1]! << 8) | rest[2]!);
      if (rest.length < end) break;
      const id = ((rest[5]! << 24) | (rest[6]! << 16) | (rest[7]! << 8) | rest[8]!) >>> 0;
      frames.push({
        type: TYPES[rest[3]!] ?? `${rest[3]}`,
        flags: rest[4]!,
        id,
        payload: rest.slice(9, end),
      });
      rest = rest.subarray(end);
    }
    this.#rest = rest.slice();
    return frames;
  }

  /** A frame in words: `HEADERS 1 END_STREAM :status=200`, `DATA 1 5 bytes`, `RST_STREAM 1 code 8`. */
  describe({ type, flags, id, payload }: Frame): string {
    const end = (type === 'DATA' || type === 'HEADERS') && flags & END_STREAM ? ' END_STREAM' : '';
    switch (type) {
      case 'DATA':
        return `DATA ${id}${end} ${payload.length} bytes`;
      case 'HEADERS':
      case 'CONTINUATION': {
        this.#block = join(this.#block, payload);
        if ((flags & END_HEADERS) === 0) return `${type} ${id}${end} …`;
        const fields = this.#fields();
        return `${type} ${id}${end} ${fields.map(([name, value]) => `${name}=${value}`).join(' ')}`.trimEnd();
      }
      case 'RST_STREAM':
        return `RST_STREAM ${id} code ${payload[3]}`;
      case 'GOAWAY':
        return `GOAWAY last ${number(payload, 0)} code ${payload[7]}`;
      case 'WINDOW_UPDATE':
        return `WINDOW_UPDATE ${id} ${number(payload, 0)}`;
      case 'SETTINGS':
      case 'PING':
        return flags & ACK ? `${type} ACK` : type;
      default:
        return `${type} ${id}`;
    }
  }

  #fields(): Field[] {
    const fields: Field[] = [];
    this.#decoder.decode(this.#block, 0, this.#block.length, { field: (field) => fields.push(field) });
    this.#block = new Uint8Array(0);
    return fields;
  }
}

function number(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The block of fields by our encoder, with its table, for what needs one. */
export function encoded(fields: FieldList, encoder = new HpackEncoder()): Uint8Array {
  const out = new ByteWriter(64);
  encoder.begin(out);
  for (const [name, value] of fields) encoder.encode(out, name, value);
  return out.take();
}
