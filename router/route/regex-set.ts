/**
 * Many regexes matched in one pass over a text: a finite automaton that is made as texts need it, and forgotten
 * when it has grown to its bound. A match costs one table lookup for each character once its states are there,
 * and at most one step of every regex's program for each while they are not. Imports the table's vocabulary.
 */
import { REGEX_OP, type RegexProgram } from '../table/regex.ts';
import {
  assertionsBetween,
  BEFORE,
  covers,
  END,
  kindOf,
  NEWLINE,
  offsetsOf,
  WORD_RANGES,
} from './regex-code.ts';

/** Regexes that are asked together about texts of which the beginning is known. */
export interface RegexGroup {
  /** Indexes in the list that the set is made of. */
  readonly members: readonly number[];
  /** What every text begins with that the group is asked about; empty if nothing is known. */
  readonly after: string;
}

/** Regexes in groups, each of which is asked by itself. */
export interface RegexSet {
  /**
   * Which regexes of the group match the whole text: {@link NO_MATCH}, the only one as an index in the list that the
   * set was made of, or a lower number, which stands for {@link several} until the next match.
   */
  match(group: number, text: string): number;
  /** The regexes that a number below {@link NO_MATCH} stands for, rising. */
  several(match: number): readonly number[];
}

/** No regex of the group matches. */
export const NO_MATCH = -1;
/** Characters below have a column of their own, or share one with those that no regex tells from them. */
const ASCII = 128;
/** The state that no text leads out of to a match. */
const DEAD = 1;
/** What a state costs besides its row and its set, in cells of four bytes. */
const STATE_COST = 24;
const DEFAULT_MAX_CELLS = 1 << 15;

/** A set of instructions that wait for the next character, after a character of a kind. */
interface State {
  readonly waiting: Int32Array;
  readonly before: number;
  readonly hasAssert: boolean;
}

/**
 * A set of the programs, and the groups they are asked in. `maxCells` bounds the automaton's memory, in cells of
 * four bytes (default 32,768); a text that needs more goes on, more slowly, with a new one.
 */
export function createRegexSet(
  programs: readonly RegexProgram[],
  groups: readonly RegexGroup[],
  maxCells = DEFAULT_MAX_CELLS,
): RegexSet {
  const { code, starts } = joinPrograms(programs);
  const { classes, count } = classifyCharacters(programs);
  const endColumn = count;
  const width = count + 1;

  const stamps = new Int32Array(code.length);
  let stamp = 0;
  const stack: number[] = [];

  let states: State[] = [];
  let lists: (readonly number[])[] = [];
  let byHash = new Map<number, number[]>();
  let cells = 0;
  let table = new Int32Array(0);
  // Of each group its first state, or 0, and how much of a text lies before it.
  const begins = new Int32Array(2 * groups.length);
  for (const [group, { after }] of groups.entries()) begins[2 * group + 1] = after.length;
  forget();

  /** Drops every state but the dead one. */
  function forget(): void {
    states = [EMPTY_STATE, EMPTY_STATE];
    lists = [];
    byHash = new Map();
    cells = 0;
    table = new Int32Array(width * 8);
    for (let group = 0; group < groups.length; group++) begins[2 * group] = 0;
  }

  /** Adds to `found` what can be reached from an instruction without a character, where the assertions hold. */
  function follow(from: number, holding: number, found: number[]): void {
    stack.push(from);
    while (stack.length > 0) {
      const at = stack.pop()!;
      if (stamps[at] === stamp) continue;
      stamps[at] = stamp;
      switch (code[at]) {
        case REGEX_OP.either:
          stack.push(code[at + 1]!, code[at + 2]!);
          break;
        case REGEX_OP.capture:
          stack.push(code[at + 1]!);
          break;
        case REGEX_OP.assert:
          if ((code[at + 2]! & ~holding) === 0) stack.push(code[at + 1]!);
          else found.push(at);
          break;
        default:
          found.push(at);
      }
    }
  }

  function intern(found: number[], kind: number): number {
    if (found.length === 0) return DEAD;
    const waiting = Int32Array.from(found).sort();
    const hasAssert = found.some((at) => code[at] === REGEX_OP.assert);
    const before = hasAssert ? kind : BEFORE.other;
    let hash = before;
    for (const at of waiting) hash = (Math.imul(hash, 31) + at) | 0;
    const same = byHash.get(hash);
    const known = same?.find((id) => isState(states[id]!, waiting, before));
    if (known !== undefined) return known;
    const cost = width + waiting.length + STATE_COST;
    if (cells + cost > maxCells && states.length > 2) {
      forget();
      return intern(found, kind);
    }
    cells += cost;
    const id = states.length;
    states.push({ waiting, before, hasAssert });
    if (same) same.push(id);
    else byHash.set(hash, [id]);
    if (table.length < (id + 1) * width) {
      const grown = new Int32Array(table.length * 2);
      grown.set(table);
      table = grown;
    }
    return id;
  }

  /** What of a state waits for a character once its assertions are decided by the character that follows. */
  function decided({ waiting, before, hasAssert }: State, next: number): ArrayLike<number> {
    if (!hasAssert) return waiting;
    stamp++;
    const found: number[] = [];
    const holding = assertionsBetween(before, next);
    for (const at of waiting) follow(at, holding, found);
    return found;
  }

  /** The state after one more character; remembered under its column. */
  function step(from: number, char: number, column: number): number {
    const waiting = decided(states[from]!, char);
    stamp++;
    const found: number[] = [];
    for (let index = 0; index < waiting.length; index++) {
      const at = waiting[index]!;
      if (code[at] === REGEX_OP.range && covers(code, at, char)) follow(code[at + 1]!, 0, found);
    }
    const before = states[from];
    const next = intern(found, kindOf(char));
    // Interning may have forgotten all states, and `from` with them.
    if (column !== END && states[from] === before) table[from * width + column] = next;
    return next;
  }

  /** The cell is 0 until it is known, and never the answer itself where that is not below {@link NO_MATCH}. */
  function accept(from: number): number {
    const waiting = decided(states[from]!, END);
    const matched: number[] = [];
    for (let index = 0; index < waiting.length; index++) {
      const at = waiting[index]!;
      if (code[at] === REGEX_OP.match) matched.push(code[at + 1]!);
    }
    let answer = matched[0] ?? NO_MATCH;
    if (matched.length > 1) {
      answer = NO_MATCH - lists.push(matched.sort((a, b) => a - b));
      cells += matched.length;
    }
    table[from * width + endColumn] = answer < NO_MATCH ? answer : answer + KNOWN;
    return answer;
  }

  /** The state of a group behind the beginning that it knows. */
  function startOf(group: number): number {
    const { members, after } = groups[group]!;
    stamp++;
    const found: number[] = [];
    for (const member of members) follow(starts[member]!, 0, found);
    const state = run(intern(found, BEFORE.text), after, 0);
    begins[2 * group] = state;
    return state;
  }

  function run(from: number, text: string, begin: number): number {
    let state = from;
    for (let index = begin; index < text.length && state !== DEAD; index++) {
      const char = text.charCodeAt(index);
      if (char < ASCII) {
        const column = classes[char]!;
        state = table[state * width + column]! || step(state, char, column);
      } else {
        const point = text.codePointAt(index)!;
        if (point > 0xffff) index++;
        state = step(state, point, END);
      }
    }
    return state;
  }

  return {
    match(group, text) {
      const start = begins[2 * group]! || startOf(group);
      const state = run(start, text, begins[2 * group + 1]!);
      if (state === DEAD) return NO_MATCH;
      const cell = table[state * width + endColumn]!;
      if (cell === 0) return accept(state);
      return cell > 0 ? cell - KNOWN : cell;
    },
    several: (match) => lists[NO_MATCH - 1 - match]!,
  };
}

/** Added to an answer, it is above 0. */
const KNOWN = 2;

const EMPTY_STATE: State = { waiting: new Int32Array(0), before: BEFORE.other, hasAssert: false };

function isState(state: State, waiting: Int32Array, before: number): boolean {
  if (state.before !== before || state.waiting.length !== waiting.length) return false;
  for (let index = 0; index < waiting.length; index++) {
    if (state.waiting[index] !== waiting[index]) return false;
  }
  return true;
}

/** All programs in one array; where a program matches it says which one it is. */
function joinPrograms(programs: readonly RegexProgram[]): { code: Int32Array; starts: number[] } {
  const code = new Int32Array(programs.reduce((sum, program) => sum + program.length, 0));
  const starts: number[] = [];
  let base = 0;
  for (const [index, program] of programs.entries()) {
    code.set(program, base);
    starts.push(base + program[0]!);
    for (const at of offsetsOf(program)) {
      const here = base + at;
      if (program[at] === REGEX_OP.match) {
        code[here + 1] = index;
        continue;
      }
      code[here + 1]! += base;
      if (program[at] === REGEX_OP.either) code[here + 2]! += base;
    }
    base += program.length;
  }
  return { code, starts };
}

/** ASCII characters in classes that no instruction tells apart. */
function classifyCharacters(programs: readonly RegexProgram[]): { classes: Uint8Array; count: number } {
  const isFirst = new Uint8Array(ASCII + 1);
  const addRange = (low: number, high: number) => {
    isFirst[Math.min(low, ASCII)] = 1;
    isFirst[Math.min(high + 1, ASCII)] = 1;
  };
  for (const program of programs) {
    for (const at of offsetsOf(program)) {
      if (program[at] === REGEX_OP.range) {
        const end = at + 3 + 2 * program[at + 2]!;
        for (let range = at + 3; range < end; range += 2) addRange(program[range]!, program[range + 1]!);
      } else if (program[at] === REGEX_OP.assert) {
        addRange(NEWLINE, NEWLINE);
        for (const [low, high] of WORD_RANGES) addRange(low, high);
      }
    }
  }
  const classes = new Uint8Array(ASCII);
  let count = 1;
  for (let char = 0; char < ASCII; char++) {
    if (char > 0 && isFirst[char]) count++;
    classes[char] = count - 1;
  }
  return { classes, count };
}
