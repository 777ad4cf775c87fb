/**
 * Texts found by the text they are, or begin: one pass over it gives every stored text that it begins with,
 * however many there are, and makes no string on the way. Imports nothing.
 */

/** A stored text: to be all of what is looked up, or its beginning. */
export interface IndexedText<Value> {
  readonly kind: 'exact' | 'prefix';
  readonly text: string;
  readonly value: Value;
}

/** Plain data of an index. */
export interface TextIndex<Value> {
  readonly exact: ReadonlyMap<string, readonly Value[]> | undefined;
  readonly prefixes: PrefixTable<Value> | undefined;
}

/** A hash table without chains, whose keys are found while the text is read. */
interface PrefixTable<Value> {
  /** Texts are held against the end of what is looked up, not against its beginning. */
  readonly fromEnd: boolean;
  readonly texts: readonly string[];
  /** By place in {@link texts}. */
  readonly values: readonly (readonly Value[])[];
  /** Slots of two numbers: place in {@link texts} plus one, or 0 for none; and the text's hash. As many as a power of two. */
  readonly slots: Int32Array;
  /** Every length that a text has, rising. */
  readonly lengths: readonly number[];
}

/** FNV-1a, over UTF-16 units. */
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** An index of the texts. One may be given several times, with a value each. `fromEnd`: prefixes are endings. */
export function createTextIndex<Value>(
  all: readonly IndexedText<Value>[],
  fromEnd = false,
): TextIndex<Value> {
  const exact = new Map<string, Value[]>();
  const prefixes = new Map<string, Value[]>();
  for (const { kind, text, value } of all) {
    const byText = kind === 'exact' ? exact : prefixes;
    const values = byText.get(text);
    if (values) values.push(value);
    else byText.set(text, [value]);
  }
  return {
    exact: exact.size > 0 ? exact : undefined,
    prefixes: prefixes.size > 0 ? createPrefixTable(prefixes, fromEnd) : undefined,
  };
}

function createPrefixTable<Value>(
  byText: ReadonlyMap<string, readonly Value[]>,
  fromEnd: boolean,
): PrefixTable<Value> {
  const texts = [...byText.keys()];
  const slots = new Int32Array(2 * 2 ** Math.ceil(Math.log2(texts.length * 2 + 1)));
  for (const [place, text] of texts.entries()) {
    const hash = hashOf(text, fromEnd);
    let slot = slotOf(hash, slots);
    while (slots[slot] !== 0) slot = nextSlot(slot, slots);
    slots[slot] = place + 1;
    slots[slot + 1] = hash;
  }
  const lengths = [...new Set(texts.map(({ length }) => length))].sort((x, y) => x - y);
  return { fromEnd, texts, values: [...byText.values()], slots, lengths };
}

/** Takes one value, and what came of those before; `text` is the one looked up. */
export type Step<Value, A, B> = (value: Value, carry: number, text: string, a: A, b: B) => number;

/**
 * Folds over the values of the text given and of all that it begins with, the shortest first of these: `carry`
 * goes from one to the next. What `step` needs besides comes as arguments, so that no closure is made for a lookup.
 */
export function foldMatches<Value, A, B>(
  { exact, prefixes }: TextIndex<Value>,
  text: string,
  step: Step<Value, A, B>,
  initial: number,
  a: A,
  b: B,
): number {
  let carry = initial;
  const own = exact?.get(text);
  if (own) carry = foldValues(own, step, carry, text, a, b);
  return prefixes ? foldPrefixes(prefixes, text, step, carry, a, b) : carry;
}

function foldPrefixes<Value, A, B>(
  table: PrefixTable<Value>,
  text: string,
  step: Step<Value, A, B>,
  initial: number,
  a: A,
  b: B,
): number {
  const { fromEnd, lengths, slots } = table;
  const size = text.length;
  let carry = initial;
  let hash = HASH_START;
  let at = 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index]!;
    if (length > size) break;
    for (; at < length; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(fromEnd ? size - 1 - at : at), HASH_FACTOR);
    }
    for (let slot = slotOf(hash, slots); slots[slot] !== 0; slot = nextSlot(slot, slots)) {
      if (slots[slot + 1] !== hash) continue;
      const place = slots[slot]! - 1;
      if (!begins(text, table.texts[place]!, length, fromEnd)) continue;
      carry = foldValues(table.values[place]!, step, carry, text, a, b);
      break;
    }
  }
  return carry;
}

/** True when the text begins, or ends, with the other, whose length has to be the one given. */
function begins(text: string, other: string, length: number, fromEnd: boolean): boolean {
  return other.length === length && (fromEnd ? text.endsWith(other) : text.startsWith(other));
}

function foldValues<Value, A, B>(
  values: readonly Value[],
  step: Step<Value, A, B>,
  initial: number,
  text: string,
  a: A,
  b: B,
): number {
  let carry = initial;
  for (let index = 0; index < values.length; index++) carry = step(values[index]!, carry, text, a, b);
  return carry;
}

function slotOf(hash: number, slots: Int32Array): number {
  return ((hash ^ (hash >>> 15)) << 1) & (slots.length - 1);
}

function nextSlot(slot: number, slots: Int32Array): number {
  return (slot + 2) & (slots.length - 1);
}

function hashOf(text: string, fromEnd: boolean): number {
  let hash = HASH_START;
  for (let length = 0; length < text.length; length++) {
    hash = Math.imul(hash ^ text.charCodeAt(fromEnd ? text.length - 1 - length : length), HASH_FACTOR);
  }
  return hash;
}
