/**
 * Fields known by how they were coded: what is sent again costs neither decoding, nor a new string, nor a check.
 * Imports Huffman decoding, the static table and types.
 *
 * A direct-mapped cache. The first sight of a string leaves only its hash, the second the string itself, so that ids
 * and paths, which do not return, cost no more than that. Bytes are compared before an entry is used: who picks
 * strings with equal hashes makes it slow, never wrong.
 */
import type { Field } from '../stream.ts';
import { readLatin1 } from '../text.ts';
import { HpackError } from './error.ts';
import { readHuffman } from './huffman.ts';
import { FIELD_OVERHEAD, STATIC_FIELDS } from './static-table.ts';

/** Coded strings longer than this are not kept, nor names of more characters. */
const KEEP_BYTES = 256;

/** Names whose values are secrets, and are therefore not kept beyond their connection. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]);

/** A field's name. Equal names may be several objects. */
export class FieldName {
  readonly text: string;
  /** Of the text, whatever its coding. */
  readonly hash: number;
  /** Whether fields of this name may be kept: it is neither a secret's nor too long. */
  readonly isKept: boolean;

  constructor(text: string) {
    let hash = text.length;
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
    this.text = text;
    this.hash = hash;
    this.isKept = text.length <= KEEP_BYTES && !SECRET_NAMES.has(text);
  }
}

/** A field with what was found out about it once. */
export class FieldEntry {
  readonly name: FieldName;
  readonly field: Field;
  /** By RFC 7541, 4.1. */
  readonly size: number;
  readonly isValid: boolean;

  constructor(name: FieldName, field: Field, isValid: boolean) {
    this.name = name;
    this.field = field;
    this.size = field[0].length + field[1].length + FIELD_OVERHEAD;
    this.isValid = isValid;
  }
}

/** A string as it was coded, and what it stands for. */
class Coded<Value> {
  readonly hash: number;
  readonly isHuffman: boolean;
  readonly bytes: Uint8Array;
  readonly value: Value;

  constructor(hash: number, isHuffman: boolean, bytes: Uint8Array, value: Value) {
    this.hash = hash;
    this.isHuffman = isHuffman;
    this.bytes = bytes;
    this.value = value;
  }

  equals(hash: number, isHuffman: boolean, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes;
    if (this.hash !== hash || this.isHuffman !== isHuffman || own.length !== end - start) return false;
    for (let index = 0; index < own.length; index++) if (own[index] !== bytes[start + index]) return false;
    return true;
  }
}

export interface FieldCacheOptions {
  /**
   * Whether HTTP allows the field. Asked once for a field that is kept, so it must always say the same. Default: every
   * field.
   */
  readonly isValid?: (name: string, value: string) => boolean;
  /** How many fields may be kept, a power of two. Default 1024: at most about 1 MiB, and some 100 KiB in practice. */
  readonly maxFields?: number;
}

/** May be shared by decoders whose fields the same rules hold for. Values of secrets are not kept. */
export class FieldCache {
  readonly #isValid: (name: string, value: string) => boolean;
  /** The field of index 1 is the first. */
  readonly static: readonly FieldEntry[];
  readonly #fields: (Coded<FieldEntry> | undefined)[];
  readonly #names: (Coded<FieldName> | undefined)[];
  readonly #fieldHashes: Int32Array;
  readonly #nameHashes: Int32Array;

  constructor({ isValid = () => true, maxFields = 1024 }: FieldCacheOptions = {}) {
    const maxNames = Math.max(1, maxFields >> 2);
    this.#isValid = isValid;
    this.static = STATIC_FIELDS.map(
      (field, index) => new FieldEntry(STATIC_NAMES[index]!, field, isValid(field[0], field[1])),
    );
    this.#fields = new Array(maxFields).fill(undefined);
    this.#fieldHashes = new Int32Array(maxFields);
    this.#names = new Array(maxNames).fill(undefined);
    this.#nameHashes = new Int32Array(maxNames);
  }

  /** The name that the bytes from `start` to `end` stand for. Throws {@link HpackError}. */
  name(bytes: Uint8Array, start: number, end: number, isHuffman: boolean): FieldName {
    if (end - start > KEEP_BYTES) return new FieldName(readText(bytes, start, end, isHuffman));
    const hash = hashOf(bytes, start, end, 0);
    const place = hash & (this.#names.length - 1);
    const kept = this.#names[place];
    if (kept?.equals(hash, isHuffman, bytes, start, end)) return kept.value;
    const name = new FieldName(readText(bytes, start, end, isHuffman));
    if (this.#nameHashes[place] === hash) {
      this.#names[place] = new Coded(hash, isHuffman, bytes.slice(start, end), name);
    } else this.#nameHashes[place] = hash;
    return name;
  }

  /** The field of a name and the value that the bytes from `start` to `end` stand for. Throws {@link HpackError}. */
  field(name: FieldName, bytes: Uint8Array, start: number, end: number, isHuffman: boolean): FieldEntry {
    if (end - start > KEEP_BYTES || !name.isKept) return this.fresh(name, bytes, start, end, isHuffman);
    const hash = hashOf(bytes, start, end, name.hash);
    const place = hash & (this.#fields.length - 1);
    const kept = this.#fields[place];
    if (kept?.equals(hash, isHuffman, bytes, start, end)) {
      const entry = kept.value;
      if (entry.name === name || entry.name.text === name.text) return entry;
    }
    const entry = this.fresh(name, bytes, start, end, isHuffman);
    if (this.#fieldHashes[place] === hash) {
      this.#fields[place] = new Coded(hash, isHuffman, bytes.slice(start, end), entry);
    } else this.#fieldHashes[place] = hash;
    return entry;
  }

  /** The same, neither looked for nor kept. */
  fresh(name: FieldName, bytes: Uint8Array, start: number, end: number, isHuffman: boolean): FieldEntry {
    const value = readText(bytes, start, end, isHuffman);
    return new FieldEntry(name, [name.text, value], this.#isValid(name.text, value));
  }
}

/** FNV's. */
const PRIME = 0x01000193;

const STATIC_NAMES: readonly FieldName[] = STATIC_FIELDS.map(([name]) => new FieldName(name));

/** The hash of coded bytes: four at a time, and the lower bits, which pick the place, depend on all. */
export function hashOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(hash ^ word, PRIME);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  return hash ^ (hash >>> 13);
}

function readText(bytes: Uint8Array, start: number, end: number, isHuffman: boolean): string {
  if (!isHuffman) return readLatin1(bytes, start, end);
  const text = readHuffman(bytes, start, end);
  if (text === undefined) throw new HpackError('Cannot decode a header block: a string is not Huffman code');
  return text;
}
