/**
 * Splits a set of texts into parts, such that in each part the same conditions hold for every text: the finite
 * picture of an infinite set on which conditions can be compared exactly. Imports automata.
 */
import { type Automaton, acceptsText, DEAD, LAST_RUNE, rising } from './automaton.ts';

/** Texts for which the same tests hold. */
export interface Part {
  /** Bit `i` is set when test `i` holds. */
  readonly holds: bigint;
  /** Some texts of the part: preferred or short ones, and if there is one, a longer one that nobody thought of. */
  readonly samples: readonly string[];
}

/** What one run of lint keeps and may still spend. */
export interface Workspace {
  /** Steps of automata that are left. */
  steps: number;
  /** Automata of regexes by pattern, with the states found so far. */
  readonly automata: Map<string, Automaton>;
}

/** States of the product automaton of one partition, at most. */
const MAX_STATES = 20_000;
/** Steps of one partition, at most. */
const MAX_STEPS = 2_000_000;
/** Instructions held by the states of one automaton, at most. */
const MAX_SIZE = 500_000;
/** Preferred texts that are taken as samples of one part, at most. */
const MAX_PREFERRED = 3;
/** Appended to a text to make it one that no rule names. */
export const ODD_ENDING = 'xq7z';

/**
 * The parts of a universe under some tests, in the order of their shortest texts; undefined when that takes more
 * than the workspace may spend. Texts of `preferred` are taken as samples where they belong.
 */
export function partition(
  universe: Automaton,
  tests: readonly Automaton[],
  preferred: readonly string[],
  workspace: Workspace,
): Part[] | undefined {
  const all = [universe, ...tests];
  const letters = alphabet(all);
  const vectors: (readonly number[])[] = [all.map(({ start }) => start)];
  const parents: number[] = [-1];
  const runes: number[] = [0];
  const numbers = new Map([[vectors[0]!.join(), 0]]);
  const found = new Map<bigint, number>();
  let steps = Math.min(MAX_STEPS, workspace.steps);
  for (let state = 0; state < vectors.length; state++) {
    const vector = vectors[state]!;
    if (vector[0] === DEAD) continue;
    if (universe.accepts(vector[0]!)) {
      const holds = maskOf(tests, vector);
      if (!found.has(holds)) found.set(holds, state);
    }
    const cost = letters.length * all.length;
    steps -= cost;
    workspace.steps -= cost;
    if (steps < 0 || all.some((automaton) => automaton.size() > MAX_SIZE)) return undefined;
    for (const rune of letters) {
      const next = all.map((automaton, index) => automaton.step(vector[index]!, rune));
      if (next[0] === DEAD) continue;
      const key = next.join();
      if (numbers.has(key)) continue;
      if (vectors.length === MAX_STATES) return undefined;
      numbers.set(key, vectors.length);
      vectors.push(next);
      parents.push(state);
      runes.push(rune);
    }
  }
  const chosen = new Map<bigint, string[]>();
  for (const text of preferred) {
    if (!acceptsText(universe, text)) continue;
    const holds = holdsFor(tests, text);
    const texts = chosen.get(holds);
    if (texts === undefined) chosen.set(holds, [text]);
    else if (texts.length < MAX_PREFERRED) texts.push(text);
  }
  return [...found].map(([holds, state]) => {
    const texts = chosen.get(holds) ?? [textOf(state, parents, runes)];
    const odd = texts[0]! + ODD_ENDING;
    const fits = acceptsText(universe, odd) && holdsFor(tests, odd) === holds;
    return { holds, samples: fits ? [...texts, odd] : texts };
  });
}

function maskOf(tests: readonly Automaton[], vector: readonly number[]): bigint {
  let mask = 0n;
  for (const [index, test] of tests.entries()) {
    const state = vector[index + 1]!;
    if (state !== DEAD && test.accepts(state)) mask |= 1n << BigInt(index);
  }
  return mask;
}

function holdsFor(tests: readonly Automaton[], text: string): bigint {
  let mask = 0n;
  for (const [index, test] of tests.entries()) {
    if (acceptsText(test, text)) mask |= 1n << BigInt(index);
  }
  return mask;
}

function textOf(state: number, parents: readonly number[], runes: readonly number[]): string {
  const chars: string[] = [];
  for (let at = state; at > 0; at = parents[at]!) chars.push(String.fromCodePoint(runes[at]!));
  return chars.reverse().join('');
}

/** One code point for each class that the automata tell apart, those that read well first. */
function alphabet(automata: readonly Automaton[]): number[] {
  // Half a surrogate pair is no code point.
  const bounds = rising([0, 0xd800, 0xe000, ...automata.flatMap((automaton) => automaton.bounds)]);
  const letters: number[] = [];
  for (const [index, low] of bounds.entries()) {
    const high = (bounds[index + 1] ?? LAST_RUNE + 1) - 1;
    if (low > LAST_RUNE || low === 0xd800 || (low > 0xd800 && low < 0xe000)) continue;
    letters.push(NICE.find((rune) => rune >= low && rune <= high) ?? low);
  }
  return letters.sort((a, b) => rank(a) - rank(b) || a - b);
}

/** Small letters, digits, capitals, then all else that prints. */
const NICE: readonly number[] = [
  ...'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./~',
  ...Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)),
].map((char) => char.codePointAt(0)!);

function rank(rune: number): number {
  const at = NICE.indexOf(rune);
  return at === -1 ? NICE.length : at;
}
