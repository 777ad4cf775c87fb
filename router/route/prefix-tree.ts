/**
 * Texts found by what they begin with, or end with: a tree that looks only at the characters in which stored texts
 * differ, a handful however long they are, and then holds what it has come to against the text itself. All of it is
 * two arrays of numbers, so that a search touches little memory. Imports nothing.
 */

/** See {@link createPrefixTree}. */
export interface PrefixTree {
  /** Texts are held against the end of what is looked up, not against its beginning. */
  readonly fromEnd: boolean;
  /**
   * First the root's reference, which is 0 for none, the offset of a node, or `~offset` in {@link tails} of a text
   * that stands alone. A node is the position of the character that tells the texts below apart; the one of them
   * that ends before it, as its offset plus one, or 0; and its children: the lowest character, how many characters
   * there are from it to the highest, and a reference for each; or, where these would be too many, 0, minus the
   * number of children, and for each, rising, its character and its reference.
   */
  readonly nodes: Int32Array;
  /**
   * Of each text its number and how long its tail is, as two units of 16 bits each, the lower one first; and the
   * tail: what it has beyond the longest other text that it begins with, which fits by the time it is reached.
   */
  readonly tails: Uint16Array;
}

/** A tree of texts, each there once, with a number for each. `fromEnd`: by how they end. */
export function createPrefixTree(texts: ReadonlyMap<string, number>, fromEnd: boolean): PrefixTree {
  const keys = [...texts.keys()].map((text) => (fromEnd ? reversed(text) : text)).sort();
  const tails: number[] = [];
  const addTail = (key: string, known: number): number => {
    const offset = tails.length;
    const number = texts.get(fromEnd ? reversed(key) : key)!;
    const length = key.length - known;
    tails.push(number & UNIT, (number >> UNIT_BITS) & UNIT, length & UNIT, length >> UNIT_BITS);
    for (let index = 0; index < length; index++) {
      tails.push(key.charCodeAt(fromEnd ? key.length - 1 - index : known + index));
    }
    return offset;
  };
  const nodes = [0];
  const open: Branch[] = keys.length > 0 ? [{ low: 0, high: keys.length, alike: 0, known: 0, slot: 0 }] : [];
  for (let branch = open.pop(); branch; branch = open.pop()) {
    let { low, known } = branch;
    const { high, alike, slot } = branch;
    const first = keys[low]!;
    if (low + 1 === high) {
      nodes[slot] = ~addTail(first, known);
      continue;
    }
    const position = lengthAlike(first, keys[high - 1]!, alike);
    const node = nodes.push(position, 0) - 2;
    nodes[slot] = node;
    if (first.length === position) {
      nodes[node + 1] = addTail(first, known) + 1;
      known = position;
      low++;
    }
    const children: { readonly char: number; readonly low: number }[] = [];
    for (let index = low; index < high; index++) {
      const char = keys[index]!.charCodeAt(position);
      if (children.at(-1)?.char !== char) children.push({ char, low: index });
    }
    const slotOf = addChildren(
      nodes,
      children.map(({ char }) => char),
    );
    for (const [index, child] of children.entries()) {
      const end = children[index + 1]?.low ?? high;
      open.push({ low: child.low, high: end, alike: position + 1, known, slot: slotOf(index) });
    }
  }
  return { fromEnd, nodes: Int32Array.from(nodes), tails: Uint16Array.from(tails) };
}

const UNIT_BITS = 16;
const UNIT = 0xffff;

/** Keys still to be put under one reference. */
interface Branch {
  /** The first key, and the one after the last, in the sorted list. */
  readonly low: number;
  readonly high: number;
  /** So many characters at least are the same in all of them. */
  readonly alike: number;
  /** So many are a text of their own, found before these. */
  readonly known: number;
  /** Where the reference goes. */
  readonly slot: number;
}

/** A node may have so many empty places, for each child that it has, before these are searched for instead. */
const PLACES_PER_CHILD = 4;

/** Makes room for children, and says where the reference of each goes. */
function addChildren(nodes: number[], chars: readonly number[]): (index: number) => number {
  const lowest = chars[0]!;
  const span = chars.at(-1)! - lowest + 1;
  if (span <= PLACES_PER_CHILD * chars.length) {
    const begin = nodes.push(lowest, span);
    for (let place = 0; place < span; place++) nodes.push(0);
    return (index) => begin + chars[index]! - lowest;
  }
  const begin = nodes.push(0, -chars.length);
  for (const char of chars) nodes.push(char, 0);
  return (index) => begin + 2 * index + 1;
}

/** Where in a node its children are. */
const CHILDREN = 2;

/** The reference of a node's child, or 0. */
export function childOf(nodes: Int32Array, node: number, char: number): number {
  const at = node + CHILDREN;
  const span = nodes[at + 1]!;
  if (span >= 0) {
    const place = char - nodes[at]!;
    return place >= 0 && place < span ? nodes[at + 2 + place]! : 0;
  }
  let low = 0;
  let high = -span;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nodes[at + 2 + 2 * middle]! < char) low = middle + 1;
    else high = middle;
  }
  return low < -span && nodes[at + 2 + 2 * low] === char ? nodes[at + 3 + 2 * low]! : 0;
}

/** The number that the text at an offset of the tails was given with. */
export function numberOf(tails: Uint16Array, offset: number): number {
  return tails[offset]! | (tails[offset + 1]! << UNIT_BITS);
}

/** The length of the tail at the offset, if the text goes on so beyond what is known of it, else -1. */
export function fitTail({ tails, fromEnd }: PrefixTree, offset: number, text: string, known: number): number {
  const length = tails[offset + 2]! | (tails[offset + 3]! << UNIT_BITS);
  const left = text.length - known - length;
  if (left < 0) return -1;
  const begin = fromEnd ? left : known;
  const first = offset + TAIL;
  let index = 0;
  let wrong = 0;
  // Nearly all fit, so that nothing is gained by a question after each character.
  for (; index + 4 <= length; index += 4) {
    wrong |= text.charCodeAt(begin + index) ^ tails[first + index]!;
    wrong |= text.charCodeAt(begin + index + 1) ^ tails[first + index + 1]!;
    wrong |= text.charCodeAt(begin + index + 2) ^ tails[first + index + 2]!;
    wrong |= text.charCodeAt(begin + index + 3) ^ tails[first + index + 3]!;
  }
  for (; index < length; index++) wrong |= text.charCodeAt(begin + index) ^ tails[first + index]!;
  return wrong === 0 ? length : -1;
}

/** Where a tail begins, after its number and its length. */
const TAIL = 4;

/** How many characters two texts begin with alike, at least `from`. */
function lengthAlike(a: string, b: string, from: number): number {
  let length = from;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function reversed(text: string): string {
  return text.split('').reverse().join('');
}
