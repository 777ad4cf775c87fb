/**
 * Header blocks to fields, for one direction of a connection. Imports the tables and the cache.
 *
 * Source: RFC 7541, 3 to 6; the list's size RFC 9113, 6.5.2.
 */
import type { Field } from '../stream.ts';
import { DynamicTable } from './dynamic-table.ts';
import { HpackBombError, HpackError } from './error.ts';
import { FieldCache, type FieldEntry, type FieldName } from './field-cache.ts';
import { DEFAULT_TABLE_BYTES, STATIC_FIELDS } from './static-table.ts';

export { HpackError } from './error.ts';

/** Takes the fields of a block. */
export interface FieldSink {
  /** The next field. The same object may come again, on this connection and others. */
  field(field: Field): void;
}

export interface HpackDecoderOptions {
  /** SETTINGS_HEADER_TABLE_SIZE as this side announced it, in bytes. Default 4096. */
  readonly maxTableBytes?: number;
  /** The most that a block's fields may add up to, each counted decoded and with 32 bytes more. Default 60 KiB. */
  readonly maxListBytes?: number;
  /** Whether HTTP allows the field; asked once for each that is kept. Default: every field. Not beside `cache`. */
  readonly isValid?: (name: string, value: string) => boolean;
  /** Shared by connections, with an `isValid` of its own. Default: a small one of this decoder's. */
  readonly cache?: FieldCache;
}

const DEFAULT_LIST_BYTES = 60 * 1024;

/** Nobody who means well sends a list of more times what was announced: its block is given up, and the connection with it. */
const MAX_LISTS = 4;

/** How many fields a decoder keeps that shares no cache. */
const OWN_FIELDS = 128;

/** An integer takes at most so many bytes after its prefix: up to 28 bits, far beyond any block. */
const MAX_INTEGER_BYTES = 4;

/** What the first byte of a field or update says. */
const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const HUFFMAN = 0x80;

/** Decodes the blocks of one connection in the order in which they came. */
export class HpackDecoder {
  /** The last block's fields were more than `maxListBytes`: those beyond were not handed on. */
  isTooLarge = false;
  /** The last block had a field that is not valid: it and those after it were not handed on. */
  isMalformed = false;
  /**
   * Grows by one whenever a block has changed the dynamic table or its size: equal bytes at an equal version decode to
   * equal fields.
   */
  version = 0;
  readonly #maxListBytes: number;
  readonly #announcedBytes: number;
  readonly #cache: FieldCache;
  readonly #table = new DynamicTable<FieldEntry>(DEFAULT_TABLE_BYTES);
  /** The most that the peer may set; what it was by default counts until it has read the SETTINGS. */
  #maxTableBytes: number;
  /** The table is larger than it may be: the next block has to begin by saying that it is smaller. */
  #isUpdateDue = false;
  #hasChanged = false;
  // The block that is decoded, and where.
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #listBytes = 0;

  constructor(options: HpackDecoderOptions = {}) {
    const { isValid, maxTableBytes = DEFAULT_TABLE_BYTES, maxListBytes = DEFAULT_LIST_BYTES } = options;
    this.#maxListBytes = maxListBytes;
    this.#announcedBytes = maxTableBytes;
    this.#maxTableBytes = Math.max(maxTableBytes, DEFAULT_TABLE_BYTES);
    this.#cache = options.cache ?? new FieldCache({ maxFields: OWN_FIELDS, ...(isValid && { isValid }) });
  }

  /**
   * The peer has acknowledged our SETTINGS, and with it a `maxTableBytes` below the default, of which its next block has
   * to make use. Source: RFC 7541, 4.2.
   */
  settingsAcknowledged(): void {
    this.#maxTableBytes = this.#announcedBytes;
    this.#isUpdateDue = this.#table.maxBytes > this.#maxTableBytes;
  }

  /**
   * Decodes the block from `start` to `end` and hands its fields to `sink`. Throws {@link HpackError}, after which this
   * decoder is of no more use. A list that is too large or malformed is decoded to its end for the table's
   * sake, but not beyond four times `maxListBytes`.
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#listBytes = 0;
    this.#hasChanged = false;
    this.isTooLarge = false;
    this.isMalformed = false;
    this.#readUpdates();
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if (first >= INDEXED) this.#pass(this.#entryAt(this.#readInteger(0x7f)), sink);
      else this.#readLiteral(first, sink);
    }
    if (this.#hasChanged) this.version++;
    this.#bytes = NO_BYTES;
  }

  /** Changes of the table's size, which stand before all fields (4.2). */
  #readUpdates(): void {
    while (this.#at < this.#end && this.#bytes[this.#at]! >> 5 === 1) {
      const maxBytes = this.#readInteger(0x1f);
      if (maxBytes > this.#maxTableBytes) {
        throw fault(`its table size ${maxBytes} is above the ${this.#maxTableBytes} that was announced`);
      }
      this.#isUpdateDue = false;
      if (maxBytes === this.#table.maxBytes) continue;
      this.#table.resize(maxBytes);
      this.#hasChanged = true;
    }
    if (this.#isUpdateDue) throw fault('it does not begin with the table size that was acknowledged');
  }

  #readLiteral(first: number, sink: FieldSink): void {
    if (first >= INCREMENTAL) {
      const entry = this.#readValue(this.#readName(0x3f), false);
      this.#table.add(entry);
      this.#hasChanged = true;
      this.#pass(entry, sink);
    } else if (first < SIZE_UPDATE) {
      this.#pass(this.#readValue(this.#readName(0x0f), first >= NEVER_INDEXED), sink);
    } else throw fault('a table size stands behind a field');
  }

  #pass(entry: FieldEntry, sink: FieldSink): void {
    this.#listBytes += entry.size;
    if (this.#listBytes > this.#maxListBytes) {
      if (this.#listBytes > this.#maxListBytes * MAX_LISTS)
        throw new HpackBombError(
          `Cannot decode a header block: its fields are more than ${MAX_LISTS} times the ${this.#maxListBytes} bytes that were announced`,
        );
      this.isTooLarge = true;
    }
    if (!entry.isValid) this.isMalformed = true;
    if (!this.isTooLarge && !this.isMalformed) sink.field(entry.field);
  }

  #entryAt(index: number): FieldEntry {
    const entry =
      index > STATIC_FIELDS.length
        ? this.#table.at(index - STATIC_FIELDS.length - 1)
        : this.#cache.static[index - 1];
    if (entry === undefined) throw fault(`there is no field of index ${index}`);
    return entry;
  }

  #readName(prefix: number): FieldName {
    const index = this.#readInteger(prefix);
    if (index !== 0) return this.#entryAt(index).name;
    const isHuffman = this.#isHuffman();
    const start = this.#readString();
    return this.#cache.name(this.#bytes, start, this.#at, isHuffman);
  }

  #readValue(name: FieldName, isNeverIndexed: boolean): FieldEntry {
    const isHuffman = this.#isHuffman();
    const start = this.#readString();
    return isNeverIndexed
      ? this.#cache.fresh(name, this.#bytes, start, this.#at, isHuffman)
      : this.#cache.field(name, this.#bytes, start, this.#at, isHuffman);
  }

  #isHuffman(): boolean {
    return this.#at < this.#end && this.#bytes[this.#at]! >= HUFFMAN;
  }

  /** Goes past a string, whose length is read; returns where it begins (5.2). */
  #readString(): number {
    const length = this.#readInteger(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw fault('it ends within a string');
    this.#at = start + length;
    return start;
  }

  /** An integer whose first bits are those of `prefix` (5.1). */
  #readInteger(prefix: number): number {
    if (this.#at >= this.#end) throw fault('it ends within a field');
    const value = this.#bytes[this.#at++]! & prefix;
    return value < prefix ? value : this.#readLongInteger(prefix);
  }

  #readLongInteger(prefix: number): number {
    let value = prefix;
    for (let count = 0; count < MAX_INTEGER_BYTES; count++) {
      if (this.#at >= this.#end) throw fault('it ends within an integer');
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) << (7 * count);
      if (byte < 0x80) return value;
    }
    throw fault(`an integer takes more than ${MAX_INTEGER_BYTES} bytes`);
  }
}

const NO_BYTES = new Uint8Array(0);

function fault(what: string): HpackError {
  return new HpackError(`Cannot decode a header block: ${what}`);
}
