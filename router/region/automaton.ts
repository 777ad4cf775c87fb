/**
 * Conditions on texts as automata, so that sets of texts can be compared rather than patterns. An automaton is
 * built as it is walked: a regex's states are found when they are first reached. Imports the table's regex
 * programs and their compiler.
 */
import { compileRegex } from '../compile/regex.ts';
import { REGEX_ASSERT, REGEX_OP, type RegexProgram } from '../table/regex.ts';

/** A set of texts, read one code point at a time. States are numbers; {@link DEAD} is one that nothing leaves. */
export interface Automaton {
  readonly start: number;
  /** The state after one more code point. */
  step(state: number, rune: number): number;
  /** True when a text that ends here belongs to the set. */
  accepts(state: number): boolean;
  /** How much was built so far, in instructions held by states. */
  size(): number;
  /** Rising code points; between two of them all code points lead to the same states. */
  readonly bounds: readonly number[];
}

/** The state from which no text is accepted. */
export const DEAD = -1;

/** The highest code point. */
export const LAST_RUNE = 0x10ffff;

/** A longer prefix tells rules apart no better. */
const MAX_PREFIX = 256;

/** Every text. */
export const EVERYTHING: Automaton = {
  start: 0,
  step: () => 0,
  accepts: () => true,
  size: () => 0,
  bounds: [],
};

/** No text at all. */
export const NOTHING: Automaton = {
  start: DEAD,
  step: () => DEAD,
  accepts: () => false,
  size: () => 0,
  bounds: [],
};

/** The texts that are, or with `prefix` begin with, the value; `ignoreCase` is ASCII's. */
export function literalAutomaton(
  value: string,
  options: { prefix: boolean; ignoreCase: boolean },
): Automaton {
  const runes = [...value].map((char) => char.codePointAt(0)!);
  const end = runes.length;
  const allowed = runes.map((rune) => (options.ignoreCase ? lettersOf(rune) : [rune]));
  return {
    start: 0,
    step(state, rune) {
      if (state === DEAD) return DEAD;
      if (state === end) return options.prefix ? end : DEAD;
      return allowed[state]!.includes(rune) ? state + 1 : DEAD;
    },
    accepts: (state) => state === end,
    size: () => 0,
    bounds: rising(allowed.flat().flatMap((rune) => [rune, rune + 1])),
  };
}

/** The texts that a regex matches as a whole; none for a pattern that is not RE2, as in routing. */
export function regexAutomaton(pattern: string): Automaton {
  const program = compileRegex(pattern);
  return program === undefined ? NOTHING : programAutomaton(program);
}

/** The texts of one set that are not in the other. */
export function differenceOf(one: Automaton, other: Automaton): Automaton {
  const pairs: (readonly [number, number])[] = [];
  const numbers = new Map<string, number>();
  const stateOf = (own: number, taken: number): number => {
    if (own === DEAD) return DEAD;
    const key = `${own} ${taken}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = pairs.push([own, taken]) - 1;
      numbers.set(key, number);
    }
    return number;
  };
  return {
    start: stateOf(one.start, other.start),
    step(state, rune) {
      if (state === DEAD) return DEAD;
      const [own, taken] = pairs[state]!;
      return stateOf(one.step(own, rune), taken === DEAD ? DEAD : other.step(taken, rune));
    },
    accepts(state) {
      if (state === DEAD) return false;
      const [own, taken] = pairs[state]!;
      return one.accepts(own) && (taken === DEAD || !other.accepts(taken));
    },
    size: () => one.size() + other.size() + pairs.length,
    bounds: rising([...one.bounds, ...other.bounds]),
  };
}

/** True when the text belongs to the set. */
export function acceptsText(automaton: Automaton, text: string): boolean {
  let state = automaton.start;
  for (const char of text) {
    state = automaton.step(state, char.codePointAt(0)!);
    if (state === DEAD) return false;
  }
  return automaton.accepts(state);
}

/** What every text of the set begins with, as far as the automaton leaves no choice. */
export function forcedPrefix({ start, step, accepts, bounds }: Automaton): string {
  let prefix = '';
  let state = start;
  while (state !== DEAD && !accepts(state) && prefix.length < MAX_PREFIX) {
    let only: number | undefined;
    for (const [index, low] of [0, ...bounds].entries()) {
      if (low > LAST_RUNE || step(state, low) === DEAD) continue;
      if (only !== undefined || bounds[index] !== low + 1) return prefix;
      only = low;
    }
    if (only === undefined) return prefix;
    prefix += String.fromCodePoint(only);
    state = step(state, only);
  }
  return prefix;
}

/** Numbers in rising order, each once. */
export function rising(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function lettersOf(rune: number): number[] {
  const char = String.fromCodePoint(rune);
  return /^[A-Za-z]$/.test(char)
    ? [char.toLowerCase().charCodeAt(0), char.toUpperCase().charCodeAt(0)]
    : [rune];
}

/** What stands on one side of a place, as far as assertions ask. */
type Side = 'edge' | 'newline' | 'word' | 'other';

const SIDES: readonly Side[] = ['edge', 'newline', 'word', 'other'];

/** Where a program stands: instructions to go on from, and what was read last. */
interface Standing {
  readonly at: readonly number[];
  readonly before: Side;
}

interface Closure {
  /** The instructions that take a code point. */
  readonly takers: readonly number[];
  readonly matched: boolean;
}

function programAutomaton(program: RegexProgram): Automaton {
  const { bounds, asserts } = survey(program);
  const standings: Standing[] = [];
  let size = 0;
  const numbers = new Map<string, number>();
  const transitions: (number | undefined)[][] = [];
  const closures: (Closure | undefined)[][] = [];
  const stateOf = (at: readonly number[], side: Side): number => {
    if (at.length === 0) return DEAD;
    const before = asserts ? side : 'other';
    const key = `${before} ${at.join()}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = standings.push({ at, before }) - 1;
      numbers.set(key, number);
      size += at.length;
      transitions.push([]);
      closures.push([]);
    }
    return number;
  };
  const closureOf = (state: number, after: Side): Closure => {
    const column = asserts ? SIDES.indexOf(after) : 0;
    const known = closures[state]!;
    known[column] ??= close(program, standings[state]!, after);
    return known[column];
  };
  return {
    start: stateOf([program[0]!], 'edge'),
    step(state, rune) {
      if (state === DEAD) return DEAD;
      const column = columnOf(bounds, rune);
      const row = transitions[state]!;
      let next = row[column];
      if (next === undefined) {
        const side = sideOf(rune);
        const taken = closureOf(state, side).takers.filter((at) => takes(program, at, rune));
        next = stateOf(rising(taken.map((at) => program[at + 1]!)), side);
        row[column] = next;
      }
      return next;
    },
    accepts: (state) => state !== DEAD && closureOf(state, 'edge').matched,
    size: () => size,
    bounds,
  };
}

/** Where the program's behaviour changes, and whether it asks what stands beside a place. */
function survey(program: RegexProgram): { bounds: readonly number[]; asserts: boolean } {
  const bounds: number[] = [];
  let asserts = false;
  for (let at = 2; at < program.length; ) {
    switch (program[at]) {
      case REGEX_OP.range: {
        const count = program[at + 2]!;
        for (let range = 0; range < count; range++) {
          bounds.push(program[at + 3 + 2 * range]!, program[at + 4 + 2 * range]! + 1);
        }
        at += 3 + 2 * count;
        break;
      }
      case REGEX_OP.match:
        at += 2;
        break;
      case REGEX_OP.assert:
        asserts = true;
        at += 3;
        break;
      default:
        at += 3;
    }
  }
  // The sides that assertions tell apart: the newline, digits, letters and the underscore.
  if (asserts) bounds.push(10, 11, 48, 58, 65, 91, 95, 96, 97, 123);
  return { bounds: rising(bounds), asserts };
}

function close(program: RegexProgram, { at, before }: Standing, after: Side): Closure {
  const seen = new Set<number>();
  const takers: number[] = [];
  let matched = false;
  const stack = [...at];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (seen.has(place)) continue;
    seen.add(place);
    switch (program[place]) {
      case REGEX_OP.match:
        matched = true;
        break;
      case REGEX_OP.range:
        takers.push(place);
        break;
      case REGEX_OP.either:
        stack.push(program[place + 1]!, program[place + 2]!);
        break;
      case REGEX_OP.assert:
        if (holdsBetween(program[place + 2]!, before, after)) stack.push(program[place + 1]!);
        break;
      default:
        stack.push(program[place + 1]!);
    }
  }
  return { takers: rising(takers), matched };
}

function holdsBetween(flags: number, before: Side, after: Side): boolean {
  const boundary = (before === 'word') !== (after === 'word');
  const asked = (flag: number, holds: boolean): boolean => (flags & flag) === 0 || holds;
  return (
    asked(REGEX_ASSERT.lineStart, before === 'edge' || before === 'newline') &&
    asked(REGEX_ASSERT.lineEnd, after === 'edge' || after === 'newline') &&
    asked(REGEX_ASSERT.textStart, before === 'edge') &&
    asked(REGEX_ASSERT.textEnd, after === 'edge') &&
    asked(REGEX_ASSERT.wordBoundary, boundary) &&
    asked(REGEX_ASSERT.noWordBoundary, !boundary)
  );
}

function takes(program: RegexProgram, at: number, rune: number): boolean {
  const count = program[at + 2]!;
  for (let range = 0; range < count; range++) {
    if (rune < program[at + 3 + 2 * range]!) return false;
    if (rune <= program[at + 4 + 2 * range]!) return true;
  }
  return false;
}

function sideOf(rune: number): Side {
  if (rune === 10) return 'newline';
  return /^\w$/.test(String.fromCodePoint(rune)) ? 'word' : 'other';
}

/** How many bounds are at or below the code point. */
function columnOf(bounds: readonly number[], rune: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= rune) low = middle + 1;
    else high = middle;
  }
  return low;
}
