/**
 * Conditions on texts, and regular expressions: RE2 as Go compiles it, never the runtime's own RegExp on a
 * user's pattern. Imports re2js.
 * Source: istio/istio pkg/config/validation/validation.go, validateStringMatch, validateStringRegexp
 */
import { RE2JS } from 're2js';
import type { StringMatch } from '../schema/string-match.ts';
import { quote, type Spot } from './spot.ts';

const MAX_REGEX_BYTES = 1024;

/** Reports a prefix or regex that is empty, and a regex that is not RE2. */
export function checkStringMatch(match: StringMatch | undefined, here: Spot): void {
  if (match?.prefix === '')
    here
      .at('prefix')
      .error(
        'string-match',
        `Cannot match ${here} by an empty prefix: leave the condition out, or use {} to ask that it is there`,
      );
  checkRegexMatch(match, here);
}

/** Reports a regex that is empty or not RE2; an empty prefix is allowed. */
export function checkRegexMatch(match: StringMatch | undefined, here: Spot): void {
  if (match?.regex === undefined) return;
  const place = here.at('regex');
  if (match.regex === '')
    place.error('string-match', `Cannot match ${here} by an empty regex: use ".*" for any value`);
  else checkRegex(match.regex, place);
}

/** Reports a regex that is not RE2 or longer than 1,024 bytes. */
export function checkRegex(pattern: string, here: Spot): void {
  if (new TextEncoder().encode(pattern).length > MAX_REGEX_BYTES) {
    here.error('regex', `Cannot use the regex in ${here}: it is longer than ${MAX_REGEX_BYTES} bytes`);
    return;
  }
  const problem = regexProblem(pattern);
  if (problem !== undefined)
    here.error('regex', `Cannot use the regex ${quote(pattern)} in ${here}: ${problem} (the syntax is RE2)`);
}

/** Why a pattern is not RE2; undefined if it is. */
export function regexProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/^error parsing regexp: /, '').replaceAll('`', '"');
  }
}
