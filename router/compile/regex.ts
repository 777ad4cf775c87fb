/** RE2 patterns -> the table's regex programs. Imports the RE2 library and the table's vocabulary. */
import { RE2JS } from 're2js';
import { REGEX_OP, type RegexProgram } from '../table/regex.ts';

/** Instructions as the library numbers them. */
const LIBRARY_OP = {
  either: 1,
  eitherMatch: 2,
  capture: 3,
  assert: 4,
  fail: 5,
  match: 6,
  nothing: 7,
  runes: 8,
  rune: 9,
  any: 10,
  anyButNewline: 11,
} as const;
const FOLD_CASE = 1;
const LAST_RUNE = 0x10ffff;
const NEWLINE = 10;
/** The last code point that has another letter case. */
const LAST_FOLDING_RUNE = 0x1ffff;

/** An instruction of the library's. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
  matchRune(rune: number): boolean;
}

/**
 * The program of a pattern, or undefined where it is not RE2: such a regex matches nothing, as Envoy takes no rule
 * with it. Give a rule's pattern as {@link byteText}: Envoy's RE2 takes each byte for a letter.
 */
export function compileRegex(pattern: string): RegexProgram | undefined {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
  const { prog } = regex.re2();
  const instructions: readonly Instruction[] = prog.inst;
  const program: number[] = [0, prog.numCap];
  const offsets = new Map<number, number>();
  const jumps: { readonly cell: number; readonly target: number }[] = [];
  for (const [at, instruction] of instructions.entries()) {
    if (instruction.op === LIBRARY_OP.nothing) continue;
    offsets.set(at, program.length);
    const jump = (target: number) => {
      jumps.push({ cell: program.length, target: skipNothing(instructions, target) });
      program.push(0);
    };
    switch (instruction.op) {
      case LIBRARY_OP.match:
        program.push(REGEX_OP.match, 0);
        break;
      case LIBRARY_OP.either:
      case LIBRARY_OP.eitherMatch:
        program.push(REGEX_OP.either);
        jump(instruction.out);
        jump(instruction.arg);
        break;
      case LIBRARY_OP.assert:
        program.push(REGEX_OP.assert);
        jump(instruction.out);
        program.push(instruction.arg);
        break;
      case LIBRARY_OP.capture:
        program.push(REGEX_OP.capture);
        jump(instruction.out);
        program.push(instruction.arg);
        break;
      default: {
        const ranges = instruction.op === LIBRARY_OP.fail ? [] : rangesOf(instruction);
        program.push(REGEX_OP.range);
        jump(instruction.out);
        program.push(ranges.length / 2, ...ranges);
      }
    }
  }
  for (const { cell, target } of jumps) program[cell] = offsets.get(target)!;
  program[0] = offsets.get(skipNothing(instructions, prog.start))!;
  return program;
}

function skipNothing(instructions: readonly Instruction[], from: number): number {
  let at = from;
  while (instructions[at]!.op === LIBRARY_OP.nothing) at = instructions[at]!.out;
  return at;
}

function rangesOf(instruction: Instruction): number[] {
  const { op, arg, runes } = instruction;
  if (op === LIBRARY_OP.any) return [0, LAST_RUNE];
  if (op === LIBRARY_OP.anyButNewline) return [0, NEWLINE - 1, NEWLINE + 1, LAST_RUNE];
  if (runes.length !== 1) return Array.from(runes);
  const rune = runes[0]!;
  return arg & FOLD_CASE ? lettersLike(rune, instruction).flatMap((each) => [each, each]) : [rune, rune];
}

/** Letters outside of ASCII that differ from one in it by case alone: the long s, and the Kelvin sign. */
const ASCII_LIKE = [0x17f, 0x212a];

/** Every code point that differs from this one by letter case alone; the library has the table, and shows it only so. */
function lettersLike(rune: number, instruction: Instruction): number[] {
  const candidates = rune < 0x80 ? [rune & ~0x20, rune | 0x20, ...ASCII_LIKE] : everyFoldingRune();
  return candidates.filter((each) => instruction.matchRune(each));
}

function everyFoldingRune(): number[] {
  return Array.from({ length: LAST_FOLDING_RUNE + 1 }, (_, rune) => rune);
}
