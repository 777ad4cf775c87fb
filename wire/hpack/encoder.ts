/**
 * Fields to header blocks, for one direction of a connection. Imports the tables, Huffman coding and the writer.
 *
 * Made for little work rather than the fewest bytes. What repeats goes into the table on its second sight, coded by
 * Huffman once, and is one byte from then on; what seldom does is written as it is. The table is filled and then left
 * alone: nothing is evicted but by a peer that wants it smaller.
 *
 * Source: RFC 7541, 4.2, 5 and 6.
 */
import type { ByteWriter } from '../byte-writer.ts';
import { DynamicTable } from './dynamic-table.ts';
import { huffmanBytes, writeHuffman } from './huffman.ts';
import { DEFAULT_TABLE_BYTES, FIELD_OVERHEAD, STATIC_FIELDS } from './static-table.ts';

export interface HpackEncoderOptions {
  /** The most that the table holds, in bytes, whatever more the peer allows. Default 4096. */
  readonly maxTableBytes?: number;
}

/** Names whose values are seldom the same again: literals without indexing (6.2.2). */
const SELDOM_REPEATED: ReadonlySet<string> = new Set([
  ':path',
  'age',
  'content-length',
  'date',
  'etag',
  'grpc-timeout',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'set-cookie',
  'traceparent',
  'x-request-id',
]);

/** Names whose values are secrets: literals that nobody may index (6.2.3, 7.1.3). */
const NEVER_INDEXED: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** Beyond so many names, and longer ones, fields are written without being looked at twice. */
const MAX_NAMES = 256;
const MAX_NAME_CHARACTERS = 128;
/** Longer values are not put into the table. */
const MAX_VALUE_CHARACTERS = 1024;
/** One name takes no more entries than that: values that are numbers would soon fill the table. */
const MAX_VALUES = 16;
/** How many of a name's values that were seen once are remembered: by a hash of so many of their last characters. */
const RECENT_VALUES = 4;
const HASHED_CHARACTERS = 32;

/** First bytes of the representations, and Huffman's bit of a string. */
const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER = 0x10;
const WITHOUT_INDEXING = 0x00;
const HUFFMAN = 0x80;
/** An integer below 2^32 takes at most so many bytes. */
const INTEGER_BYTES = 6;

/** What the static table says of a name: its index, those of its values, and the characters of the longest. */
interface StaticName {
  readonly index: number;
  readonly values: ReadonlyMap<string, number>;
  readonly longest: number;
}

const STATIC_NAMES: ReadonlyMap<string, StaticName> = staticNames();

function staticNames(): Map<string, StaticName> {
  const names = new Map<string, { index: number; values: Map<string, number>; longest: number }>();
  STATIC_FIELDS.forEach(([name, value], place) => {
    const known = names.get(name) ?? { index: place + 1, values: new Map(), longest: 0 };
    // Names without a value stand there as with an empty one.
    known.values.set(value, place + 1);
    known.longest = Math.max(known.longest, value.length);
    names.set(name, known);
  });
  return names;
}

/** What the encoder knows of a name it has met. */
class NameState {
  /** In the static table; 0 where the name is not there. */
  readonly staticIndex: number;
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  /** No value of the static table has more characters: a look for a longer one, which hashes it, is spared. */
  readonly staticLongest: number;
  /** {@link NEVER}, {@link WITHOUT_INDEXING} or {@link INCREMENTAL}: how a value that is in no table is written. */
  readonly representation: number;
  /** The serial of the newest dynamic entry of this name; it may have been evicted. */
  newest = 0;
  /** Serials of the dynamic table's entries by their values. */
  serials: Map<string, number> | undefined;
  /** The last value found in a table: its serial, or minus its static index. 0: none. */
  lastValue = '';
  lastSerial = 0;
  readonly #recent: number[] = [];
  #recentAt = 0;

  constructor(name: string) {
    const known = STATIC_NAMES.get(name);
    this.staticIndex = known?.index ?? 0;
    this.staticValues = known?.values;
    this.staticLongest = known?.longest ?? 0;
    if (NEVER_INDEXED.has(name)) this.representation = NEVER;
    else this.representation = SELDOM_REPEATED.has(name) ? WITHOUT_INDEXING : INCREMENTAL;
  }

  /** Whether the value was seen lately; if not, it now was. Another with its hash may stand for it. */
  isSeen(value: string): boolean {
    let hash = value.length;
    for (let index = Math.max(0, hash - HASHED_CHARACTERS); index < value.length; index++) {
      hash = Math.imul(hash ^ value.charCodeAt(index), 0x01000193);
    }
    if (this.#recent.includes(hash)) return true;
    this.#recent[this.#recentAt] = hash;
    this.#recentAt = (this.#recentAt + 1) % RECENT_VALUES;
    return false;
  }
}

interface Inserted {
  readonly state: NameState;
  readonly value: string;
  readonly size: number;
}

/** Encodes the blocks of one connection, which have to be sent in the order of their encoding. */
export class HpackEncoder {
  readonly #ownMaxBytes: number;
  readonly #names = new Map<string, NameState>();
  readonly #table: DynamicTable<Inserted>;
  /** Sizes to announce at the next block's start: the lowest that was set since the last, and the last; -1: none. */
  #lowestBytes = -1;
  #lastBytes = -1;

  constructor({ maxTableBytes = DEFAULT_TABLE_BYTES }: HpackEncoderOptions = {}) {
    this.#ownMaxBytes = maxTableBytes;
    this.#table = new DynamicTable<Inserted>(DEFAULT_TABLE_BYTES, forget);
    this.setMaxTableBytes(DEFAULT_TABLE_BYTES);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. Takes effect with the next block. */
  setMaxTableBytes(bytes: number): void {
    const maxBytes = Math.min(bytes, this.#ownMaxBytes);
    this.#lowestBytes = this.#lastBytes < 0 ? maxBytes : Math.min(this.#lowestBytes, maxBytes);
    this.#lastBytes = maxBytes;
  }

  /** Begins a block: announces what has changed of the table's size. */
  begin(out: ByteWriter): void {
    if (this.#lastBytes < 0) return;
    if (this.#lowestBytes < this.#table.maxBytes) this.#resize(out, this.#lowestBytes);
    if (this.#lastBytes !== this.#table.maxBytes) this.#resize(out, this.#lastBytes);
    this.#lastBytes = -1;
  }

  /** Appends a field. Each character of name and value is one byte. */
  encode(out: ByteWriter, name: string, value: string): void {
    const state = this.#names.get(name) ?? this.#meet(name);
    if (state === undefined) {
      writeInteger(out, WITHOUT_INDEXING, 0x0f, 0);
      writeText(out, name);
      writeText(out, value);
      return;
    }
    if (state.representation !== NEVER) {
      const index = this.#find(state, value);
      if (index !== 0) {
        writeInteger(out, INDEXED, 0x7f, index);
        return;
      }
      if (state.representation === INCREMENTAL && this.#isWorthATable(state, name, value)) {
        this.#insert(out, state, name, value);
        return;
      }
    }
    const nameIndex = this.#nameIndex(state);
    writeInteger(out, state.representation & NEVER, 0x0f, nameIndex);
    if (nameIndex === 0) writeText(out, name);
    writeText(out, value);
  }

  #meet(name: string): NameState | undefined {
    if (this.#names.size >= MAX_NAMES || name.length > MAX_NAME_CHARACTERS) return undefined;
    const state = new NameState(name);
    this.#names.set(name, state);
    return state;
  }

  /** The index of a field that is in one of the tables; 0 where it is in none. */
  #find(state: NameState, value: string): number {
    let serial = 0;
    if (state.lastSerial !== 0 && state.lastValue === value) serial = state.lastSerial;
    else {
      const found = value.length <= state.staticLongest ? state.staticValues?.get(value) : undefined;
      if (found !== undefined) serial = -found;
      else if (state.serials !== undefined) serial = state.serials.get(value) ?? 0;
      if (serial === 0) return 0;
      state.lastValue = value;
      state.lastSerial = serial;
    }
    return serial < 0 ? -serial : this.#indexOf(serial);
  }

  #indexOf(serial: number): number {
    return STATIC_FIELDS.length + 1 + this.#table.added - serial;
  }

  #nameIndex(state: NameState): number {
    if (state.staticIndex !== 0) return state.staticIndex;
    return state.newest > this.#table.added - this.#table.count ? this.#indexOf(state.newest) : 0;
  }

  #isWorthATable(state: NameState, name: string, value: string): boolean {
    if (value.length > MAX_VALUE_CHARACTERS) return false;
    if (state.serials !== undefined && state.serials.size >= MAX_VALUES) return false;
    const table = this.#table;
    return table.bytes + name.length + value.length + FIELD_OVERHEAD <= table.maxBytes && state.isSeen(value);
  }

  #insert(out: ByteWriter, state: NameState, name: string, value: string): void {
    const nameIndex = this.#nameIndex(state);
    writeInteger(out, INCREMENTAL, 0x3f, nameIndex);
    if (nameIndex === 0) writeShorter(out, name);
    writeShorter(out, value);
    this.#table.add({ state, value, size: name.length + value.length + FIELD_OVERHEAD });
    state.newest = this.#table.added;
    state.serials ??= new Map();
    state.serials.set(value, state.newest);
  }

  #resize(out: ByteWriter, bytes: number): void {
    writeInteger(out, SIZE_UPDATE, 0x1f, bytes);
    this.#table.resize(bytes);
  }
}

/** An entry was evicted. */
function forget({ state, value }: Inserted, serial: number): void {
  state.serials?.delete(value);
  if (state.lastSerial === serial) state.lastSerial = 0;
}

/** An integer behind the bits of `first` that `prefix` leaves (5.1). */
function writeInteger(out: ByteWriter, first: number, prefix: number, value: number): void {
  out.reserve(INTEGER_BYTES);
  const { bytes } = out;
  if (value < prefix) {
    bytes[out.end++] = first | value;
    return;
  }
  bytes[out.end++] = first | prefix;
  let rest = value - prefix;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[out.end++] = 0x80 | (rest % 0x80);
  bytes[out.end++] = rest;
}

/** A string as it is (5.2). */
function writeText(out: ByteWriter, text: string): void {
  writeInteger(out, 0, 0x7f, text.length);
  out.latin1(text);
}

/** A string by Huffman, where that is shorter. */
function writeShorter(out: ByteWriter, text: string): void {
  const coded = huffmanBytes(text);
  if (coded >= text.length) {
    writeText(out, text);
    return;
  }
  writeInteger(out, HUFFMAN, 0x7f, coded);
  out.reserve(coded);
  out.end = writeHuffman(out.bytes, text, out.end);
}
