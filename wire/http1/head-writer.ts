/**
 * Writes heads and trailers. Nothing leaves that would be read as more than one line: a name must be a token, and no
 * value may have a control character or one beyond a byte. Each function says whether it could write.
 */
import type { ByteWriter } from '../byte-writer.ts';
import type { FieldList } from '../stream.ts';
import { FIELD, fieldOf, framesMessage } from './field-name.ts';
import { parseContentLength } from './framing.ts';
import { COLON, CR, LF, SPACE, TARGET, TOKEN, VALUE } from './octet.ts';
import { reasonOf } from './reason.ts';

const ENCODER = new TextEncoder();

function encode(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Lines that are written often. */
export const LINE = {
  CHUNKED: encode('transfer-encoding: chunked\r\n'),
  CLOSE: encode('connection: close\r\n'),
  KEEP_ALIVE: encode('connection: keep-alive\r\n'),
  UPGRADE: encode('connection: upgrade\r\n'),
  NO_LENGTH: encode('content-length: 0\r\n'),
  CONTINUE: encode('HTTP/1.1 100 Continue\r\n\r\n'),
  LAST_CHUNK: encode('0\r\n'),
  VERSION: encode(' HTTP/1.1\r\nhost: '),
  END: encode('\r\n'),
} as const;

const statusLines: (Uint8Array | undefined)[] = new Array(1000).fill(undefined);

/** Writes the first line of an answer; its status is a number from 100 to 999. */
export function writeStatusLine(out: ByteWriter, status: number): void {
  let line = statusLines[status];
  if (line === undefined) {
    line = encode(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n`);
    statusLines[status] = line;
  }
  out.append(line);
}

/** What the fields of a head said of its framing. */
export const LENGTH = { NONE: -1, WRONG: -2, UNSAFE: -3 } as const;

/**
 * Writes the fields of a head, those excepted that an engine writes by itself or that belong to another connection.
 * Returns the Content-Length among them, {@link LENGTH}.NONE, or why the head cannot be sent: WRONG, a Content-Length that
 * is none or differs from another; UNSAFE, a name or value that is no field's. `withLength`: Content-Length is written.
 */
export function writeFields(out: ByteWriter, fields: FieldList, withLength: boolean): number {
  const before = out.length;
  const length = writeLowerFields(out, fields, withLength);
  if (length !== LENGTH.UNSAFE || !fields.some(([name]) => name !== name.toLowerCase())) return length;
  // A name in another case would not have been known for what it is.
  out.end = out.start + before;
  return writeLowerFields(
    out,
    fields.map(([name, value]) => [name.toLowerCase(), value] as const),
    withLength,
  );
}

function writeLowerFields(out: ByteWriter, fields: FieldList, withLength: boolean): number {
  let length: number = LENGTH.NONE;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const name = field[0];
    const value = field[1];
    switch (fieldOf(name)) {
      case FIELD.CONTENT_LENGTH: {
        const told = parseContentLength(value);
        if (told < 0 || (length >= 0 && length !== told)) return LENGTH.WRONG;
        if (length < 0 && withLength) writeField(out, name, value);
        length = told;
        break;
      }
      case FIELD.HOST:
      case FIELD.TRANSFER_ENCODING:
      case FIELD.CONNECTION:
      case FIELD.UPGRADE:
      case FIELD.HOP:
        break;
      default:
        if (!writeField(out, name, value)) return LENGTH.UNSAFE;
    }
  }
  return length;
}

/** Writes trailers and the blank line after them; a field that frames messages is left out. False: one cannot be sent. */
export function writeTrailers(out: ByteWriter, trailers: FieldList): boolean {
  for (let index = 0; index < trailers.length; index++) {
    const [name, value] = trailers[index]!;
    const lower = name.toLowerCase();
    if (!framesMessage(fieldOf(lower)) && !writeField(out, lower, value)) return false;
  }
  out.append(LINE.END);
  return true;
}

/** Writes `name: value`. False: one of the two cannot be sent; what was written of it is to be taken back. */
export function writeField(out: ByteWriter, name: string, value: string): boolean {
  const nameLength = name.length;
  const valueLength = value.length;
  out.reserve(nameLength + valueLength + 4);
  const { bytes } = out;
  let at = out.end;
  if (nameLength === 0) return false;
  for (let index = 0; index < nameLength; index++) {
    const code = name.charCodeAt(index);
    if (code === 0 || code > 0x7f || TOKEN[code] !== code) return false;
    bytes[at++] = code;
  }
  bytes[at++] = COLON;
  bytes[at++] = SPACE;
  for (let index = 0; index < valueLength; index++) {
    const code = value.charCodeAt(index);
    if (code > 0xff || VALUE[code] === 0) return false;
    bytes[at++] = code;
  }
  bytes[at++] = CR;
  bytes[at++] = LF;
  out.end = at;
  return true;
}

/** Writes the line of a request and Host. False: method, target or host cannot be sent. `host` has been looked at. */
export function writeRequestLine(out: ByteWriter, method: string, target: string, host: string): boolean {
  if (!isMade(method, TOKEN) || !isMade(target, TARGET)) return false;
  out.latin1(method);
  out.byte(SPACE);
  out.latin1(target);
  out.append(LINE.VERSION);
  out.latin1(host);
  out.append(LINE.END);
  return true;
}

/** Whether it is not empty and each character is in the table. */
function isMade(text: string, table: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f || table[code] === 0) return false;
  }
  return text !== '';
}
