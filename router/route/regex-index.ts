/**
 * Regexes filed under texts that a match has to begin or end with, so that only those are run that can match;
 * the ones filed under the same text run as one automaton. Imports the table's vocabulary.
 */
import type { RegexProgram } from '../table/regex.ts';
import { regexLiterals } from './regex-literal.ts';
import { createRegexSet, type RegexGroup, type RegexSet } from './regex-set.ts';
import type { IndexedText } from './text-index.ts';

/** A regex with what it leads to. */
export interface IndexedRegex<Value> {
  readonly program: RegexProgram;
  readonly value: Value;
  /** Of {@link RegexBucket.first}. */
  readonly first: number;
}

/** Regexes to run over a text that begins or ends as they ask. */
export interface RegexBucket<Value> {
  readonly kind: 'regexes';
  /** The lowest of what its regexes have as their first. */
  readonly first: number;
  readonly set: RegexSet;
  readonly group: number;
  /** By the index that the set answers with. */
  readonly values: readonly Value[];
}

/** See {@link indexRegexes}. */
export interface RegexIndex<Value> {
  readonly beginnings: readonly IndexedText<RegexBucket<Value>>[];
  readonly endings: readonly IndexedText<RegexBucket<Value>>[];
}

/** A large set's memory: so many cells of four bytes for each regex, up to 16 MiB. */
const CELLS_PER_REGEX = 1 << 12;
const MIN_CELLS = 1 << 15;
const MAX_CELLS = 1 << 22;

/** Files regexes by the literals, at their beginning or their end, that they share with the fewest others. */
export function indexRegexes<Value>(regexes: readonly IndexedRegex<Value>[]): RegexIndex<Value> {
  if (regexes.length === 0) return { beginnings: [], endings: [] };
  const literals = regexes.map(({ program }) => regexLiterals(program));
  const prefixCounts = countTexts(literals.map(({ prefixes }) => prefixes));
  const suffixCounts = countTexts(literals.map(({ suffixes }) => suffixes));
  const byPrefix = new Map<string, number[]>();
  const bySuffix = new Map<string, number[]>();
  for (const [member, { prefixes, suffixes }] of literals.entries()) {
    const atEnd = mostShared(suffixes, suffixCounts) < mostShared(prefixes, prefixCounts);
    const filed = atEnd ? bySuffix : byPrefix;
    for (const text of atEnd ? suffixes : prefixes) {
      const members = filed.get(text);
      if (members) members.push(member);
      else filed.set(text, [member]);
    }
  }

  const groups: RegexGroup[] = [];
  const numbers = new Map<string, number>();
  const groupOf = (members: number[], after: string): number => {
    const key = `${members.join()} ${after}`;
    const group = numbers.get(key) ?? groups.push({ members, after }) - 1;
    numbers.set(key, group);
    return group;
  };
  const drafts = [byPrefix, bySuffix].map((filed) =>
    [...filed].map(([text, members]) => {
      return { text, members, group: groupOf(members, filed === byPrefix ? text : '') };
    }),
  );
  const set = createRegexSet(
    regexes.map(({ program }) => program),
    groups,
    Math.min(MAX_CELLS, CELLS_PER_REGEX * regexes.length + MIN_CELLS),
  );
  const values = regexes.map(({ value }) => value);
  const [beginnings = [], endings = []] = drafts.map((entries) =>
    entries.map(({ text, members, group }): IndexedText<RegexBucket<Value>> => {
      const first = members.reduce(
        (lowest, each) => Math.min(lowest, regexes[each]!.first),
        regexes[members[0]!]!.first,
      );
      return { kind: 'prefix', text, value: { kind: 'regexes', first, set, group, values } };
    }),
  );
  return { beginnings, endings };
}

function countTexts(all: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const texts of all) for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function mostShared(texts: readonly string[], counts: ReadonlyMap<string, number>): number {
  return texts.reduce((most, text) => Math.max(most, counts.get(text)!), 0);
}
