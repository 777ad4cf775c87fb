/**
 * Regexes as data: the program that the compiler makes of RE2's syntax and the router runs, so that a table
 * needs no parser, nor Unicode's tables, where it is used. Imports nothing.
 */

/**
 * A program as numbers: first the offset of the instruction to begin with, then how many capture slots there
 * are, then the instructions. Each is its {@link REGEX_OP} with its operands; `next` and `other` are offsets in
 * the program.
 *
 * | operation | operands | meaning |
 * |---|---|---|
 * | `match` | 0 | the text fits; the operand is room for whoever joins programs |
 * | `range` | next, count, then low and high of each | takes one code point of these ranges, which rise |
 * | `either` | next, other | goes on at both, `next` preferred |
 * | `assert` | next, flags | goes on where all of {@link REGEX_ASSERT} hold |
 * | `capture` | next, slot | notes the place |
 */
export type RegexProgram = readonly number[];

/** Numbers of the instructions. */
export const REGEX_OP = { match: 0, range: 1, either: 2, assert: 3, capture: 4 } as const;

/** What can be asked of a place in the text, as bits. */
export const REGEX_ASSERT = {
  lineStart: 1,
  lineEnd: 2,
  textStart: 4,
  textEnd: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const;
