/**
 * Texts found by the text they are, or begin: one pass over it gives every stored text that it begins with,
 * however many there are, and makes no string on the way. Imports its sibling.
 */
import { childOf, createPrefixTree, fitTail, numberOf, type PrefixTree } from './prefix-tree.ts';

/** A stored text: to be all of what is looked up, or its beginning. */
export interface IndexedText<Value> {
  readonly kind: 'exact' | 'prefix';
  readonly text: string;
  readonly value: Value;
}

/** Plain data of an index. Texts have a number: the place of their value, or `~place` of several in a list. */
export interface TextIndex<Value> {
  readonly exact: ReadonlyMap<string, number> | undefined;
  readonly prefixes: PrefixTree | undefined;
  readonly values: readonly Value[];
  readonly lists: readonly (readonly Value[])[];
}

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
  const values: Value[] = [];
  const lists: (readonly Value[])[] = [];
  const numbered = (byText: ReadonlyMap<string, readonly Value[]>): Map<string, number> => {
    const numbers = new Map<string, number>();
    for (const [text, own] of byText) {
      numbers.set(text, own.length === 1 ? values.push(own[0]!) - 1 : ~(lists.push(own) - 1));
    }
    return numbers;
  };
  return {
    exact: exact.size > 0 ? numbered(exact) : undefined,
    prefixes: prefixes.size > 0 ? createPrefixTree(numbered(prefixes), fromEnd) : undefined,
    values,
    lists,
  };
}

/** Takes one value, and what came of those before; `text` is the one looked up. */
export type Step<Value, A, B> = (value: Value, carry: number, text: string, a: A, b: B) => number;

/**
 * Folds over the values of the text given and of all that it begins with, the shortest first of these: `carry`
 * goes from one to the next. What `step` needs besides comes as arguments, so that no closure is made for a lookup.
 */
export function foldMatches<Value, A, B>(
  index: TextIndex<Value>,
  text: string,
  step: Step<Value, A, B>,
  initial: number,
  a: A,
  b: B,
): number {
  const { exact, prefixes } = index;
  let carry = initial;
  const own = exact?.get(text);
  if (own !== undefined) carry = foldValues(index, own, step, carry, text, a, b);
  return prefixes ? foldPrefixes(index, prefixes, text, step, carry, a, b) : carry;
}

function foldPrefixes<Value, A, B>(
  index: TextIndex<Value>,
  tree: PrefixTree,
  text: string,
  step: Step<Value, A, B>,
  initial: number,
  a: A,
  b: B,
): number {
  const { nodes, tails, fromEnd } = tree;
  const size = text.length;
  let carry = initial;
  let known = 0;
  let node = nodes[0]!;
  while (node !== 0) {
    const ending = node < 0 ? ~node : nodes[node + 1]! - 1;
    if (ending >= 0) {
      const length = fitTail(tree, ending, text, known);
      if (length === -1) return carry;
      known += length;
      carry = foldValues(index, numberOf(tails, ending), step, carry, text, a, b);
      if (node < 0) return carry;
    }
    const position = nodes[node]!;
    if (position >= size) return carry;
    node = childOf(nodes, node, text.charCodeAt(fromEnd ? size - 1 - position : position));
  }
  return carry;
}

function foldValues<Value, A, B>(
  { values, lists }: TextIndex<Value>,
  number: number,
  step: Step<Value, A, B>,
  initial: number,
  text: string,
  a: A,
  b: B,
): number {
  if (number >= 0) return step(values[number]!, initial, text, a, b);
  let carry = initial;
  for (const value of lists[~number]!) carry = step(value, carry, text, a, b);
  return carry;
}
