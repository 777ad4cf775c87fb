/** Texts in RE2 patterns. Imports nothing. */

/** The pattern that only the text fits, letter case aside where the pattern around it says so. */
export function quotePattern(text: string): string {
  return [...text]
    .map((char) => (/^\w$/.test(char) ? char : `\\x{${char.codePointAt(0)!.toString(16)}}`))
    .join('');
}
