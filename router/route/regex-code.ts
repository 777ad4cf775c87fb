/** Reading regex programs: their instructions, and what assertions ask of a place. Imports the table's vocabulary. */
import { REGEX_ASSERT, REGEX_OP, type RegexProgram } from '../table/regex.ts';

/** In place of a code point: the text is at its end. */
export const END = -1;
/** `\n`. */
export const NEWLINE = 10;

/** What stands before a place in a text, as far as assertions ask. */
export const BEFORE = { other: 0, text: 1, newline: 2, word: 3 } as const;

/** What `\w` takes, also where Unicode is matched. */
export const WORD_RANGES = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
] as const;

/** The offsets of a program's instructions, in order. */
export function* offsetsOf(program: RegexProgram): Generator<number> {
  for (let at = HEAD; at < program.length; at += lengthOf(program, at)) yield at;
}

/** How many numbers stand before the first instruction. */
const HEAD = 2;

function lengthOf(program: RegexProgram, at: number): number {
  switch (program[at]) {
    case REGEX_OP.match:
      return 2;
    case REGEX_OP.range:
      return 3 + 2 * program[at + 2]!;
    default:
      return 3;
  }
}

/** True when the `range` instruction at this place takes the code point. */
export function covers(code: ArrayLike<number>, at: number, point: number): boolean {
  const end = at + 3 + 2 * code[at + 2]!;
  for (let range = at + 3; range < end; range += 2) {
    if (point < code[range]!) return false;
    if (point <= code[range + 1]!) return true;
  }
  return false;
}

/** The kind of a code point that a place comes after; see {@link BEFORE}. */
export function kindOf(point: number): number {
  if (point === NEWLINE) return BEFORE.newline;
  return isWord(point) ? BEFORE.word : BEFORE.other;
}

/** The assertions that hold between what stands before and the code point after, or {@link END}. */
export function assertionsBetween(before: number, next: number): number {
  let flags = 0;
  if (before === BEFORE.text) flags |= REGEX_ASSERT.textStart | REGEX_ASSERT.lineStart;
  if (before === BEFORE.newline) flags |= REGEX_ASSERT.lineStart;
  if (next === END) flags |= REGEX_ASSERT.textEnd | REGEX_ASSERT.lineEnd;
  if (next === NEWLINE) flags |= REGEX_ASSERT.lineEnd;
  const atBoundary = (before === BEFORE.word) !== isWord(next);
  return flags | (atBoundary ? REGEX_ASSERT.wordBoundary : REGEX_ASSERT.noWordBoundary);
}

function isWord(point: number): boolean {
  return WORD_RANGES.some(([low, high]) => point >= low && point <= high);
}
