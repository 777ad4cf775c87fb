/**
 * The one compiler of string conditions: every field that Istio matches with a StringMatch, header, query,
 * path or origin, goes through here. Imports table types.
 */
import type { PathMatch, StringMatch } from '../table/route-table.ts';
import { createRegexSet, NO_MATCH } from './regex-set.ts';

/** Says whether a value fits. */
export type StringTest = (value: string) => boolean;

/**
 * A test for the condition. A regex is RE2's and has to match the whole value; one that RE2 refuses matches
 * nothing, as Envoy would not have taken the rule. `ignoreCase` is ASCII's, and not for regexes, as in Envoy.
 *
 * Source: Envoy `source/common/common/matchers.h` (StringMatcherImpl), `source/common/common/regex.cc` (full match).
 */
export function compileStringMatch(match: StringMatch | PathMatch, ignoreCase = false): StringTest {
  switch (match.kind) {
    case 'any':
      return () => true;
    case 'exact': {
      const { value } = match;
      if (!ignoreCase) return (text) => text === value;
      const lower = asciiLower(value);
      return (text) => text.length === lower.length && asciiLower(text) === lower;
    }
    case 'prefix': {
      const { value } = match;
      if (!ignoreCase) return (text) => text.startsWith(value);
      const lower = asciiLower(value);
      return (text) => text.length >= lower.length && asciiLower(text.slice(0, lower.length)) === lower;
    }
    case 'regex': {
      if (!match.program) return () => false;
      const set = createRegexSet([match.program], [{ members: [0], after: '' }]);
      return (text) => set.match(0, text) !== NO_MATCH;
    }
  }
}

/** Letters A to Z in lower case, all else kept: what HTTP and Envoy call case-insensitive. */
export function asciiLower(text: string): string {
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char >= 0x41 && char <= 0x5a) return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return text;
}
