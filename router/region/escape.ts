/** Escapes that a normalised path can have. Imports automata. */
import { type Automaton, DEAD, rising } from './automaton.ts';

const PERCENT = '%'.charCodeAt(0);
const HEX_DIGITS = '0123456789ABCDEFabcdef';
const IS_PLAIN = 0;
const AFTER_PERCENT = 1;
/** Plus the digit's place in {@link HEX_DIGITS}. */
const AFTER_DIGIT = 2;
const STATES = AFTER_DIGIT + HEX_DIGITS.length;

/**
 * The texts of the automaton in which no escape stands for an unreserved character or for NUL: normalising decodes
 * the one and refuses the other.
 *
 * Source: Envoy `source/common/http/path_utility.cc` (PathUtil::canonicalPath), googleurl `url/url_canon_path.cc`.
 */
export function withoutDecoded(paths: Automaton): Automaton {
  return {
    start: paths.start === DEAD ? DEAD : paths.start * STATES,
    step(state, rune) {
      if (state === DEAD) return DEAD;
      const escaped = stepEscape(state % STATES, rune);
      const path = escaped === DEAD ? DEAD : paths.step(Math.floor(state / STATES), rune);
      return path === DEAD ? DEAD : path * STATES + escaped;
    },
    accepts: (state) => state !== DEAD && paths.accepts(Math.floor(state / STATES)),
    size: () => paths.size(),
    bounds: rising([...paths.bounds, ...[PERCENT, ...DIGITS].flatMap((rune) => [rune, rune + 1])]),
  };
}

const DIGITS = [...HEX_DIGITS].map((digit) => digit.charCodeAt(0));

function stepEscape(state: number, rune: number): number {
  if (rune === PERCENT) return AFTER_PERCENT;
  const digit = DIGITS.indexOf(rune);
  if (state === IS_PLAIN || digit === -1) return IS_PLAIN;
  if (state === AFTER_PERCENT) return AFTER_DIGIT + digit;
  const code = Number.parseInt(`${HEX_DIGITS[state - AFTER_DIGIT]}${HEX_DIGITS[digit]}`, 16);
  return code === 0 || /[A-Za-z0-9\-._~]/.test(String.fromCharCode(code)) ? DEAD : IS_PLAIN;
}
