/**
 * The text of one file: its lines, and where its YAML documents begin. Imports the position type.
 * Source of the splitting: k8s.io/apimachinery/pkg/util/yaml, YAMLReader, which kubectl and istioctl use.
 */
import type { Position } from '../schema/resource.ts';

/** A text with its lines findable, all of a file's or a part of it. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** The place of an offset in UTF-16 units, as the file's lines count. */
  positionAt(offset: number): Position;
  /** The text of a line, 1-based in the file, without its end; empty outside of the text. */
  line(number: number): string;
}

/** One YAML document's part of a file. */
export interface Chunk {
  readonly text: string;
  /** The file's line that it begins with, 1-based. */
  readonly line: number;
  /** Text after the separator on its line, which Kubernetes' reader refuses. */
  readonly afterSeparator?: Position & { readonly excerpt: string };
}

/** Makes a text's lines findable, `firstLine` being that of its begin; they are looked up when first asked for. */
export function sourceText(file: string, text: string, firstLine = 1): SourceText {
  let starts: readonly number[] | undefined;
  const lineStarts = (): readonly number[] => {
    if (starts === undefined) {
      const found = [0];
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) found.push(at + 1);
      starts = found;
    }
    return starts;
  };
  return {
    file,
    text,
    positionAt(offset) {
      const all = lineStarts();
      let low = 0;
      let high = all.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (all[middle]! <= offset) low = middle;
        else high = middle - 1;
      }
      return { line: firstLine + low, column: offset - all[low]! + 1 };
    },
    line(number) {
      const all = lineStarts();
      const index = number - firstLine;
      const start = all[index];
      if (start === undefined) return '';
      const end = all[index + 1] ?? text.length + 1;
      return text.slice(start, end - 1).replace(/\r$/, '');
    },
  };
}

/**
 * The documents of a text, split at lines that begin with `---`, so that a document which is not YAML leaves
 * the others readable. Parts without any text are left out.
 */
export function* splitDocuments(text: string): Generator<Chunk> {
  let start = 0;
  let line = 1;
  let afterSeparator: Chunk['afterSeparator'];
  for (;;) {
    const end = separatorFrom(text, start) ?? text.length;
    if (end > start || afterSeparator !== undefined)
      yield { text: text.slice(start, end), line, ...(afterSeparator && { afterSeparator }) };
    if (end === text.length) return;
    for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1))
      line += 1;
    const newline = text.indexOf('\n', end);
    const next = newline === -1 ? text.length : newline + 1;
    const written = text.slice(end, newline === -1 ? next : newline).replace(/\r$/, '');
    const rest = written.slice(3).trim();
    const column = 4 + written.slice(3).search(/\S/);
    afterSeparator = rest !== '' && !rest.startsWith('#') ? { line, column, excerpt: written } : undefined;
    start = next;
    if (newline !== -1) line += 1;
  }
}

/** Where the first line begins that is a separator, from the begin of a line on. */
function separatorFrom(text: string, start: number): number | undefined {
  if (text.startsWith('---', start)) return start;
  const newline = text.indexOf('\n---', start);
  return newline === -1 ? undefined : newline + 1;
}

/** The same text without the larger one that it was cut from: engines keep that alive as long as the part. */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
