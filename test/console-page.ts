/** Reads the console blocks of a page of documentation, for tests that run what it says. */

/** A command of a page, and what it prints there. */
export interface Step {
  readonly command: string;
  readonly wanted: readonly string[];
  /** What the comment before its block says, as `in the background`; empty where there is none. */
  readonly note: string;
}

/** The commands of all `console` blocks, in order: what follows `$ `, with the lines below as output. */
export function stepsOf(page: string): readonly Step[] {
  const blocks = page.matchAll(/(?:<!-- (.*) -->\n)?```console\n([\s\S]*?)```/g);
  return [...blocks].flatMap(([, note = '', text = '']) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...wanted] = step.trimEnd().split('\n');
        return { command, wanted, note };
      }),
  );
}

/** What these lines may print: times and counts may differ, `...` stands for any text, and alone for any lines. */
export function patternOf(wanted: readonly string[]): RegExp {
  const lines = wanted.map((line) => {
    if (line === '...') return '[\\s\\S]*?';
    const escaped = line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\.\\.\\.', '.*');
    return `${escaped
      .replace(/\d{4}-\d\d-\d\dT[\d:]+\\\.\d+Z/g, '\\d{4}-\\d\\d-\\d\\dT[\\d:]+\\.\\d+Z')
      .replace(/^ *\d+ (?=id:)/, ' *\\d+ ')}\\n`;
  });
  return new RegExp(`^${lines.join('')}$`);
}
