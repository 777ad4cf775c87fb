/**
 * The fields that one direction of a connection has agreed on, newest first. Imports nothing.
 *
 * Source: RFC 7541, 2.3.2 and 4.
 */

/** What a table holds: whatever knows its size by RFC 7541, 4.1. */
export interface TableEntry {
  readonly size: number;
}

const INITIAL_ENTRIES = 16;

/** A ring of entries, bounded by the sum of their sizes. */
export class DynamicTable<Entry extends TableEntry> {
  /** The most that the entries' sizes may add up to; changed by {@link resize}. */
  maxBytes: number;
  /** What the sizes add up to. */
  bytes = 0;
  /** How many entries there are. */
  count = 0;
  /** How many were ever added: the serial of the newest. */
  added = 0;
  #ring: (Entry | undefined)[] = []; // a power of two; the entry with serial n is at n, cut to its length
  readonly #evicted: ((entry: Entry, serial: number) => void) | undefined;

  /** `evicted` is told of each entry that goes. */
  constructor(maxBytes: number, evicted?: (entry: Entry, serial: number) => void) {
    this.maxBytes = maxBytes;
    this.#evicted = evicted;
  }

  /** The entry that came so many before the newest, which is 0; undefined beyond the oldest. */
  at(age: number): Entry | undefined {
    return age < this.count ? this.#ring[(this.added - age) & (this.#ring.length - 1)] : undefined;
  }

  /** Adds an entry and evicts the oldest until there is room. One larger than the table only empties it. */
  add(entry: Entry): void {
    this.#evict(this.maxBytes - entry.size);
    if (entry.size > this.maxBytes) return;
    if (this.count === this.#ring.length) this.#grow();
    this.added++;
    this.#ring[this.added & (this.#ring.length - 1)] = entry;
    this.count++;
    this.bytes += entry.size;
  }

  /** Sets the bound and evicts the oldest entries beyond it. */
  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    while (this.bytes > maxBytes && this.count > 0) {
      const serial = this.added - this.count + 1;
      const place = serial & (this.#ring.length - 1);
      const entry = this.#ring[place]!;
      this.#ring[place] = undefined;
      this.count--;
      this.bytes -= entry.size;
      this.#evicted?.(entry, serial);
    }
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<Entry | undefined>(Math.max(INITIAL_ENTRIES, old.length * 2)).fill(undefined);
    for (let age = 0; age < this.count; age++) {
      const serial = this.added - age;
      ring[serial & (ring.length - 1)] = old[serial & (old.length - 1)];
    }
    this.#ring = ring;
  }
}
