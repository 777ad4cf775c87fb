/**
 * Finds a regex within a text, with its groups: what a rewrite needs. Runs all alternatives side by side, so that
 * the cost is that of the text times the program. Imports the table's vocabulary.
 */
import { REGEX_OP, type RegexProgram } from '../table/regex.ts';
import { assertionsBetween, BEFORE, covers, END, kindOf } from './regex-code.ts';

/** Where groups begin and end: 0 and 1 of the whole match, 2 and 3 of the first group, …; -1 for one not there. */
export type RegexGroups = readonly number[];

interface Thread {
  readonly at: number;
  readonly groups: RegexGroups;
}

/**
 * The leftmost match at or after `from`; of several there the one that comes first in the pattern's order.
 *
 * Source: RE2 `re2/nfa.cc` (leftmost-first matching).
 */
export function findRegex(program: RegexProgram, text: string, from: number): RegexGroups | undefined {
  const slots = Math.max(program[1]!, 2);
  let threads: Thread[] = [];
  let found: RegexGroups | undefined;
  for (let place = from; ; ) {
    const point = place < text.length ? text.codePointAt(place)! : END;
    if (!found) {
      const seen = new Set(threads.map(({ at }) => at));
      const groups: number[] = new Array(slots).fill(-1);
      groups[0] = place;
      follow(program, text, place, program[0]!, groups, seen, threads);
    }
    if (found && threads.length === 0) return found;
    const after = place + (point > 0xffff ? 2 : 1);
    const next: Thread[] = [];
    const seen = new Set<number>();
    for (const { at, groups } of threads) {
      if (program[at] === REGEX_OP.match) {
        found = groups.with(1, place);
        break;
      }
      if (point !== END && covers(program, at, point)) {
        follow(program, text, after, program[at + 1]!, groups, seen, next);
      }
    }
    if (point === END) return found;
    threads = next;
    place = after;
  }
}

/** Adds the threads that an instruction leads to without a character, in the order in which they are preferred. */
function follow(
  program: RegexProgram,
  text: string,
  place: number,
  from: number,
  groupsBefore: RegexGroups,
  seen: Set<number>,
  threads: Thread[],
): void {
  const holding = assertionsAt(text, place);
  const stack: Thread[] = [{ at: from, groups: groupsBefore }];
  while (stack.length > 0) {
    const { at, groups } = stack.pop()!;
    if (seen.has(at)) continue;
    seen.add(at);
    const next = program[at + 1]!;
    switch (program[at]) {
      case REGEX_OP.either:
        stack.push({ at: program[at + 2]!, groups }, { at: next, groups });
        break;
      case REGEX_OP.capture:
        stack.push({ at: next, groups: groups.with(program[at + 2]!, place) });
        break;
      case REGEX_OP.assert:
        if ((program[at + 2]! & ~holding) === 0) stack.push({ at: next, groups });
        break;
      default:
        threads.push({ at, groups });
    }
  }
}

function assertionsAt(text: string, place: number): number {
  const before = place === 0 ? BEFORE.text : kindOf(text.charCodeAt(place - 1));
  return assertionsBetween(before, place < text.length ? text.charCodeAt(place) : END);
}
