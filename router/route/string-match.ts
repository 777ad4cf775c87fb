/**
 * The one compiler of string conditions: every field that Istio matches with a StringMatch, header, query,
 * path or origin, goes through here. Imports table types and the RE2 library.
 */
import { RE2JS } from 're2js';
import type { StringMatch } from '../table/route-table.ts';

/** Says whether a value fits. */
export type StringTest = (value: string) => boolean;

/**
 * A test for the condition. A regex is RE2's and has to match the whole value; one that RE2 refuses matches
 * nothing, as Envoy would not have taken the rule. `ignoreCase` is ASCII's, and not for regexes, as in Envoy.
 *
 * Source: Envoy `source/common/common/matchers.h` (StringMatcherImpl), `source/common/common/regex.cc` (full match).
 */
export function compileStringMatch(match: StringMatch, ignoreCase = false): StringTest {
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
      const regex = compileRegex(match.value);
      return regex ? (text) => regex.testExact(text) : () => false;
    }
  }
}

/** The RE2 program, or undefined where the pattern is not RE2. */
export function compileRegex(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}

/** Letters A to Z in lower case, all else kept: what HTTP and Envoy call case-insensitive. */
export function asciiLower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
