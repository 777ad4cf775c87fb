/**
 * What a text has to begin or end with for a regex to match: a few texts, one of which it is. Looked up by them,
 * most regexes need not be tried. Imports the table's vocabulary.
 */
import { REGEX_OP, type RegexProgram } from '../table/regex.ts';
import { offsetsOf } from './regex-code.ts';

/** See {@link regexLiterals}. */
export interface RegexLiterals {
  /** Every text that matches begins with one of these; none of them for a regex that matches nothing. */
  readonly prefixes: readonly string[];
  /** Every text that matches ends with one of these. */
  readonly suffixes: readonly string[];
}

/** More texts than this are not worth their room. */
const MAX_TEXTS = 16;
const MAX_LENGTH = 64;
/** A place where so many characters can stand is no longer literal. */
const MAX_CHOICES = 4;
const ASCII = 128;
/** Programs beyond this, in numbers, are not looked into. */
const MAX_PROGRAM = 4000;

/** Literals of a regex; an empty text where there are none. Assertions are not looked at. */
export function regexLiterals(program: RegexProgram): RegexLiterals {
  if (program.length > MAX_PROGRAM) return { prefixes: [''], suffixes: [''] };
  const forwards = stepsOf(program);
  return {
    prefixes: literalsOf(program, forwards),
    suffixes: literalsOf(program, reverse(forwards)).map((text) => [...text].reverse().join('')),
  };
}

/** A regex as the `range` instructions that can follow each other. */
interface Steps {
  readonly first: readonly number[];
  readonly after: ReadonlyMap<number, readonly number[]>;
  /** After which the text may be at its end. */
  readonly last: readonly number[];
  readonly matchesEmpty: boolean;
}

function stepsOf(program: RegexProgram): Steps {
  const last: number[] = [];
  const after = new Map<number, number[]>();
  const begin = waitingFrom(program, program[0]!);
  for (const at of offsetsOf(program)) {
    if (program[at] !== REGEX_OP.range) continue;
    const { ranges, matches } = waitingFrom(program, program[at + 1]!);
    after.set(at, ranges);
    if (matches) last.push(at);
  }
  return { first: begin.ranges, after, last, matchesEmpty: begin.matches };
}

function waitingFrom(program: RegexProgram, from: number): { ranges: number[]; matches: boolean } {
  const ranges: number[] = [];
  let matches = false;
  const seen = new Set<number>();
  const stack = [from];
  while (stack.length > 0) {
    const at = stack.pop()!;
    if (seen.has(at)) continue;
    seen.add(at);
    switch (program[at]) {
      case REGEX_OP.match:
        matches = true;
        break;
      case REGEX_OP.range:
        ranges.push(at);
        break;
      case REGEX_OP.either:
        stack.push(program[at + 1]!, program[at + 2]!);
        break;
      default:
        stack.push(program[at + 1]!);
    }
  }
  return { ranges, matches };
}

function reverse({ first, after, last, matchesEmpty }: Steps): Steps {
  const before = new Map<number, number[]>([...after.keys()].map((at) => [at, []]));
  for (const [at, followers] of after) for (const follower of followers) before.get(follower)!.push(at);
  return { first: last, after: before, last: first, matchesEmpty };
}

interface Branch {
  readonly text: string;
  /** What may come next; undefined where the text is as long as it gets. */
  readonly next: readonly number[] | undefined;
}

function literalsOf(program: RegexProgram, steps: Steps): string[] {
  const last = new Set(steps.last);
  let branches: Branch[] = [{ text: '', next: steps.matchesEmpty ? undefined : steps.first }];
  for (let length = 0; length < MAX_LENGTH && branches.some(({ next }) => next); length++) {
    const longer = branches.flatMap((branch) => grow(program, steps, last, branch));
    if (longer.length > MAX_TEXTS) break;
    branches = longer;
  }
  return [...new Set(branches.map(({ text }) => text))];
}

/** The branch with one more character: itself, closed, where there is no telling which. */
function grow(program: RegexProgram, steps: Steps, last: ReadonlySet<number>, branch: Branch): Branch[] {
  if (!branch.next) return [branch];
  const byChar = new Map<number, number[]>();
  for (const at of branch.next) {
    const end = at + 3 + 2 * program[at + 2]!;
    for (let range = at + 3; range < end; range += 2) {
      const low = program[range]!;
      const high = program[range + 1]!;
      if (high >= ASCII || high - low >= MAX_CHOICES) return [{ text: branch.text, next: undefined }];
      for (let char = low; char <= high; char++) {
        const takers = byChar.get(char);
        if (takers) takers.push(at);
        else byChar.set(char, [at]);
      }
    }
  }
  if (byChar.size > MAX_CHOICES) return [{ text: branch.text, next: undefined }];
  return [...byChar].map(([char, takers]) => {
    const text = branch.text + String.fromCharCode(char);
    if (takers.some((at) => last.has(at))) return { text, next: undefined };
    return { text, next: [...new Set(takers.flatMap((at) => steps.after.get(at)!))] };
  });
}
