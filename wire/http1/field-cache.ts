/**
 * Fields that were seen before, found by their bytes: no text is made again for a name that is known, nor for a
 * short value that repeats. Two tables with one place for each hash, so that they are bounded and what is new
 * displaces what is old; bytes are always compared. Shared by all connections; secrets are not kept.
 */
import type { Field } from '../stream.ts';
import { readLatin1 } from '../text.ts';
import { FIELD, fieldOf } from './field-name.ts';
import { SPACE, TAB, TOKEN } from './octet.ts';

/** Start and step of the hash of names and values (FNV-1a). */
export const HASH_START = 0x811c9dc5 | 0;
export const HASH_STEP = 0x01000193;

const NAME_PLACES = 512;
const MAX_NAME_BYTES = 64;
const VALUE_PLACES = 2048;
const MAX_VALUE_BYTES = 192;

/** A field's name. */
export class FieldName {
  /** In lower case. */
  readonly text: string;
  /** One of {@link FIELD}. */
  readonly field: number;

  constructor(text: string) {
    this.text = text;
    this.field = fieldOf(text);
  }
}

class KnownValue {
  readonly name: FieldName;
  readonly bytes: Uint8Array;
  readonly field: Field;

  constructor(name: FieldName, bytes: Uint8Array, field: Field) {
    this.name = name;
    this.bytes = bytes;
    this.field = field;
  }
}

const names: (FieldName | undefined)[] = new Array(NAME_PLACES).fill(undefined);
const values: (KnownValue | undefined)[] = new Array(VALUE_PLACES).fill(undefined);
/** The hash that each place saw last: a value is kept when it comes a second time. */
const seen = new Int32Array(VALUE_PLACES);

/** The name of these bytes, all of a token; `hash` is of them in lower case. */
export function nameOf(bytes: Uint8Array, start: number, end: number, hash: number): FieldName {
  const place = (hash ^ (hash >>> 15)) & (NAME_PLACES - 1);
  const known = names[place];
  if (known !== undefined && isName(known.text, bytes, start, end)) return known;
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(TOKEN[bytes[at]!]!);
  const name = new FieldName(text);
  if (end - start <= MAX_NAME_BYTES) names[place] = name;
  return name;
}

function isName(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== TOKEN[bytes[start + index]!]) return false;
  }
  return true;
}

/**
 * The field of this name, whose hash is given, and the value of these bytes; spaces and tabs around them are no part
 * of it.
 */
export function fieldWith(
  name: FieldName,
  bytes: Uint8Array,
  start: number,
  end: number,
  nameHash: number,
): Field {
  const length = end - start;
  if (length > MAX_VALUE_BYTES || name.field === FIELD.SECRET) return makeField(name, bytes, start, end);
  // A few bytes tell most values apart, and those that repeat from those that do not.
  const step = 1 + (length >> 3);
  let hash = nameHash ^ length;
  for (let at = end - 1; at >= start; at -= step) hash = Math.imul(hash ^ bytes[at]!, HASH_STEP);
  const place = (hash ^ (hash >>> 13)) & (VALUE_PLACES - 1);
  const known = values[place];
  if (known !== undefined && known.name === name && isValue(known.bytes, bytes, start, length))
    return known.field;
  const field = makeField(name, bytes, start, end);
  if (seen[place] === hash) values[place] = new KnownValue(name, bytes.slice(start, end), field);
  else seen[place] = hash;
  return field;
}

function isValue(value: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (value.length !== length) return false;
  for (let index = 0; index < length; index++) if (value[index] !== bytes[start + index]) return false;
  return true;
}

function makeField(name: FieldName, bytes: Uint8Array, start: number, end: number): Field {
  let last = end;
  while (last > start && isSpace(bytes[last - 1]!)) last--;
  return [name.text, last === start ? '' : readLatin1(bytes, start, last)];
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
