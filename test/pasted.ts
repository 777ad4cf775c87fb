/** Lines to paste into a shell, as the shell reads them. */

/** A line that lint prints: the words of curl, and those of explain behind the `#`. */
export function pasted(line: string): {
  readonly request: readonly string[];
  readonly options: readonly string[];
} {
  const words = wordsOf(line);
  const hash = words.indexOf('#');
  const [curl, ...request] = hash === -1 ? words : words.slice(0, hash);
  const [explain = 'explain', ...options] = hash === -1 ? [] : words.slice(hash + 1);
  if (curl !== 'curl' || explain !== 'explain') throw new Error(`No line of curl: ${line}`);
  return { request, options };
}

/** Plain words, and texts in single quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'\\]|'[^']*'|\\')+/g)].map(([word]) =>
    word.replace(/'([^']*)'|\\'/g, (_, quoted: string | undefined) => quoted ?? "'"),
  );
}
