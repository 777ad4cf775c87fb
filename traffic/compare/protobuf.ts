/**
 * Compares two protobuf messages without their schema: fields by number, and what can be read as a message within one as
 * such. Imports protobuf-es' reader.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Differences } from './difference.ts';

/** A field's value: a number, or bytes. */
type Value = string | Uint8Array;
type Fields = ReadonlyMap<number, readonly Value[]>;

/** Deeper messages are compared as bytes. */
const MAX_DEPTH = 32;

/** Adds where the messages differ. False: one of them is no message. */
export function compareProtobuf(
  main: Uint8Array,
  copy: Uint8Array,
  into: Differences,
  path: readonly string[] = [],
): boolean {
  if (path.length > MAX_DEPTH) return false;
  const before = readFields(main);
  const after = before && readFields(copy);
  if (!before || !after) return false;
  for (const number of [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)) {
    const [mains, copies] = [before.get(number) ?? [], after.get(number) ?? []];
    const length = Math.max(mains.length, copies.length);
    for (let index = 0; index < length; index++) {
      // Whether a field is a list cannot be told from one of its values.
      const steps = length > 1 ? [`${number}`, `${index}`] : [`${number}`];
      compareValues(mains[index], copies[index], into, [...path, ...steps]);
    }
  }
  return true;
}

function compareValues(
  main: Value | undefined,
  copy: Value | undefined,
  into: Differences,
  path: readonly string[],
): void {
  if (into.isIgnored(path) || isSame(main, copy)) return;
  const areBytes = typeof main === 'object' && typeof copy === 'object' && main.length > 0 && copy.length > 0;
  if (areBytes && !isText(main) && compareProtobuf(main, copy, into, path)) return;
  into.add('body', path.join('.'), shown(main), shown(copy));
}

function isSame(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Fields by number; undefined for bytes that are no message. */
function readFields(bytes: Uint8Array): Fields | undefined {
  const fields = new Map<number, Value[]>();
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      const value = readValue(reader, type);
      if (value === undefined) return undefined;
      const known = fields.get(number);
      if (known) known.push(value);
      else fields.set(number, [value]);
    }
  } catch {
    return undefined;
  }
  return fields;
}

function readValue(reader: BinaryReader, type: WireType): Value | undefined {
  switch (type) {
    case WireType.Varint:
      return `${reader.uint64()}`;
    case WireType.Bit64:
      return `0x${BigInt(reader.fixed64()).toString(16)}`;
    case WireType.Bit32:
      return `0x${reader.fixed32().toString(16)}`;
    case WireType.LengthDelimited:
      return reader.bytes();
    default:
      return undefined;
  }
}

/** True for bytes that people would read as text: a message within a message begins with a tag, mostly below a space. */
function isText(bytes: Uint8Array): boolean {
  return bytes[0]! >= 0x20 && bytes.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}

function shown(value: Value | undefined): string | undefined {
  if (typeof value !== 'object') return value;
  if (value.length === 0 || isText(value)) return JSON.stringify(new TextDecoder().decode(value));
  return `0x${[...value.subarray(0, 64)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
