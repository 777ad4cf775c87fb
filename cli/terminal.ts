/** What people see: colours where there is a terminal, issues with a caret, tables. Imports only issues. */
import { styleText } from 'node:util';
import { formatIssue, type Issue } from '../router/issue.ts';

/** True when the stream is a terminal that wants colour (NO_COLOR and FORCE_COLOR are heeded). */
export function wantsColor(stream: NodeJS.WriteStream): boolean {
  if (process.env['FORCE_COLOR'] !== undefined && process.env['FORCE_COLOR'] !== '0') return true;
  return stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
}

/** Writes a line to standard output: a command's result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to standard error: what is no result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes data for machines to standard output. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** The text in a style on a terminal, plain elsewhere. */
export function styled(
  style: 'bold' | 'dim' | 'red' | 'yellow' | 'green',
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return wantsColor(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** An issue as text: place, code, message, then the line with a caret. */
export function issueText(issue: Issue, stream: NodeJS.WriteStream = process.stdout): string {
  return formatIssue(issue, { color: wantsColor(stream) });
}

/** Columns as kubectl aligns them: upper-case headings, three spaces between. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [headings.map((heading) => heading.toUpperCase()), ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1 error`, `2 errors`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
